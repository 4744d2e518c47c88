// Package prom reads what Prometheus writes about queries, and knows when two queries ask the same.
//
// QueryLog turns a line of Prometheus's query log into an event. Fingerprinter reduces a query's text to what
// may be kept of it: a hash of its masked form, its metric names, and the matchers that owner rules need. Diff
// tells whether a rule's expression changed, or only a threshold in it, and Sketch does so where the text may not be kept.
//
// Texts come from logs, so nothing here trusts them: whatever the bytes, the time taken is bounded by their length,
// and nothing panics.
package prom
