package main

import (
	"github.com/spf13/cobra"

	"github.com/trunkline-sctp/trunkline/internal/watch"
)

func newPaths() *cobra.Command {
	return newLook("paths", "The paths of its associations: state, timers, windows", watch.Paths)
}
