package main

import (
	"runtime/debug"

	"github.com/metrics-maturity/metrics-maturity/prom/export"
)

// readBuild says what is running, from what the Go toolchain wrote into the binary.
func readBuild() export.Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return export.Build{Version: "unknown"}
	}
	b := export.Build{Version: info.Main.Version, GoVersion: info.GoVersion}
	if b.Version == "" {
		b.Version = "(devel)"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Revision = s.Value
		}
	}
	return b
}
