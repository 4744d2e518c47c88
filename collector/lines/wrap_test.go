package lines

import (
	"encoding/json"
	"testing"
)

func FuzzUnescape(f *testing.F) {
	for _, s := range []string{`plain"`, `a\nb\t\"\\\/\b\f\r"`, `\u00e9\u20ac\ud83d\ude00"`, `\ud83d x \ude00"`, `\ud83d\ud83d\ude00"`, `\u12"`, `\x"`, "\xff\xc3\x28\"", "tab\there\"", `no end`, `\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, n, ok := unescape(nil, []byte(s))
		if n > len(s) {
			t.Fatalf("read %d of %d bytes", n, len(s))
		}
		if !ok {
			if err := json.Unmarshal([]byte(`"`+s), new(string)); err == nil {
				t.Fatalf("%q is a string, but not here", s)
			}
			return
		}
		var want string
		if err := json.Unmarshal([]byte(`"`+s[:n]), &want); err != nil || want != string(got) {
			t.Fatalf("%q: %q, want %q (%v)", s, got, want, err)
		}
	})
}

func TestLiveName(t *testing.T) {
	for path, want := range map[string]string{
		"/l/grafana.log":                            "",
		"/l/grafana.log.1":                          "/l/grafana.log",
		"/l/grafana.log-20261122":                   "/l/grafana.log",
		"/l/grafana.log.2026-11-22":                 "/l/grafana.log",
		"/l/grafana.log.2026-11-22.001":             "/l/grafana.log",
		"/l/grafana.log.old":                        "/l/grafana.log",
		"/l/grafana.log~":                           "/l/grafana.log",
		"/l/grafana-20261122.log":                   "/l/grafana.log",
		"/l/query-2026-11-22T17-31-00.000.log":      "/l/query.log",
		"/l/0.log":                                  "",
		"/l/0.log.20261122-101010":                  "/l/0.log",
		"/l/worker-1.log":                           "",
		"/l/prometheus-0":                           "",
		"/l/grafana-events.log":                     "",
		"/l/syslog.1":                               "",
		"/l/messages-20261122":                      "/l/messages",
		"/var/lib/docker/containers/f/f-json.log.1": "/var/lib/docker/containers/f/f-json.log",
		"/l/10.0.0.1.log":                           "",
		"/l/~":                                      "",
		"/l/-":                                      "",
		"":                                          "",
	} {
		if got := liveName(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestFormOf(t *testing.T) {
	for magic, want := range map[string]form{
		"": plain, "t=2026": plain, "\x1f": plain, "\x1f\x8b\x08": gzipped, "\x28\xb5\x2f\xfd": zstandard,
		"\x50\x2a\x4d\x18": zstandard, "\x5f\x2a\x4d\x18": zstandard, "\xfd7zXZ\x00": unsupported, "BZh91AY&SY": unsupported,
	} {
		if got, _ := formOf([]byte(magic)); got != want {
			t.Errorf("%q: %v, want %v", magic, got, want)
		}
	}
}
