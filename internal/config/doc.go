// Package config reads and checks Trunkline's YAML configuration.
//
// Data flow:
//
//	bytes → syntax tree → sections, key by key → File → cross checks → dataplane.Config
//
// Every step goes on after a mistake, so that Load reports all of them at once;
// each Problem has the line and column it was found at and says what to do.
// Nothing is opened and nothing is started: a File is plain data, owned by the
// caller, and any goroutine may read it.
package config
