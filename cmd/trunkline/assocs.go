package main

import (
	"github.com/spf13/cobra"

	"github.com/trunkline-sctp/trunkline/internal/watch"
)

func newAssocs() *cobra.Command {
	return newLook("assocs", "The associations of a running trunkline", watch.Assocs)
}
