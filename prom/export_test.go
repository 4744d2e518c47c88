package prom

import "github.com/metrics-maturity/metrics-maturity/collector/activity"

// ParserOnly fingerprints every text by Prometheus's parser.
func ParserOnly(labelNames []string) func(string) activity.Query {
	f := NewFingerprinter(labelNames)
	return func(text string) activity.Query {
		if skipSpace(text, 0) == len(text) {
			return activity.Query{}
		}
		return f.parse(text)
	}
}
