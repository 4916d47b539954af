// Package admin lets people and programs look at a running daemon over HTTP: a server, and
// the client that the commands use.
//
// Data flow:
//
//	observe ─▶ Options ─▶ handlers ─▶ control socket (all, for whom its mode admits) ─▶ Client
//	                          └─────▶ TCP, if configured (to read only) ─▶ page, Prometheus
//
// The server has a bounded number of connections, followers and answers under way, each
// with a deadline, and reads nothing but headers and a login form. It owns no state of
// the dataplane: what it shows are values that observe gives it. Any goroutine may call
// any function here.
package admin
