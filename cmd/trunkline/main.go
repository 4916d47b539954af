// Command trunkline is Trunkline's one binary: see `trunkline help`.
//
// Each subcommand has a file that parses its flags and calls the internal
// package that does the work: internal/demo, internal/perf, internal/daemon,
// internal/config. Exit codes: 0 done, 1 failed, 2 wrong usage.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
