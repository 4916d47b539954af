package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/trunkline-sctp/trunkline/internal/solo"
)

// ownSolo is --solo without a name: a dataplane for this program alone.
const ownSolo = "-"

// soloSocket joins the dataplane that --solo names and gives its server's socket.
func soloSocket(name string) (string, error) {
	if name == ownSolo {
		name = fmt.Sprintf("pid-%d", os.Getpid())
	}
	return solo.Join(name)
}

// newSolo is what `exec --solo` starts when there is no such dataplane yet.
func newSolo() *cobra.Command {
	return &cobra.Command{
		Use:    solo.Command + " NAME",
		Hidden: true,
		Args:   arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			return solo.Serve(c.Context(), args[0], os.NewFile(3, "ready"))
		},
	}
}
