// Package serve starts a dataplane from a configuration, and what serves on it.
//
// Data flow:
//
//	config.File → ports.Rig → dataplane.New → Sockets, Service: one goroutine per association
//
// With opens everything in this order and closes it in reverse, whatever fails.
// Each association of a Service is served by one goroutine of its own and ends with it.
package serve
