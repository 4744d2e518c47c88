#!/bin/sh
# Measures collect against rivals on logs that it writes itself; see main.go for the flags, such as -size 256 -pairs 3 -only q3.
set -eu
cd "$(dirname "$0")/../../../.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
CGO_ENABLED=0 go build -o "$tmp/metrics-maturity" ./cmd/metrics-maturity
go build -o "$tmp/speed" ./cmd/metrics-maturity/testdata/speed
go test -c -o "$tmp/folding" ./collector
"$tmp/speed" -folding "$tmp/folding" -binary "$tmp/metrics-maturity" "$@"
