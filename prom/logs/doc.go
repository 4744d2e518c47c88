// Package logs reads the logs of what stands in front of Prometheus-compatible databases and writes down who asked: the
// query-frontends of Mimir, Cortex and Thanos, VictoriaMetrics, vmauth, and nginx.
//
// Each parser says in its comment which fields of a line name a person, a place and a query, and what the line can't tell. What
// they have in common is decided in one place, request.tell:
//
//   - A panel of a dashboard is no one-off query. Grafana marks it by the headers X-Dashboard-Uid and X-Panel-Id; the line is
//     Grafana's act (reason "grafana") and nobody's.
//   - What Grafana sends without that mark and with a person's name (X-Grafana-User) is Explore. Grafana's own log, where it is
//     read, tells of it too: the event's scope says so (activity.ThroughGrafana), and readers count it once.
//   - What Grafana sends without a name is Grafana's: a panel, or told by its own log.
//   - What a ruler sends evaluates a rule.
//   - Anything else is the act of its user name, else of its client's address, else of its tenant.
//
// Parsers hold no state and are safe for concurrent use. An error never quotes the line, which may name people.
package logs
