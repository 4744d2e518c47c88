#!/bin/sh
# Shows what collecting costs a large organisation; see main.go for the flags, such as -share 0.01 -shards 1,2,4 -kills 8.
set -eu
cd "$(dirname "$0")/../../../.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
CGO_ENABLED=0 go build -o "$tmp/metrics-maturity" ./cmd/metrics-maturity
go build -o "$tmp/load" ./cmd/metrics-maturity/testdata/load
"$tmp/load" -binary "$tmp/metrics-maturity" "$@"
