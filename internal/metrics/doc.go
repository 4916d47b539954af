// Package metrics gives Prometheus what a running dataplane lets be seen of itself.
//
// Data flow:
//
//	GET /metrics → observe.State, the one of this second → samples → text
//
// A group is a table: the metrics that share labels, each with its name, its help and
// the field of a State that it shows. docs/metrics.md is these tables in words, which a
// test holds it to.
//
// Ownership: a State is the scrape's own; nothing is kept from one to the next.
// Any goroutine may scrape. A scrape costs the workers nothing beyond that State.
package metrics
