package main

import (
	"github.com/spf13/cobra"

	"github.com/trunkline-sctp/trunkline/internal/watch"
)

func newTop() *cobra.Command {
	var which whichDaemon
	c := &cobra.Command{
		Use:   "top",
		Short: "Watch a running trunkline: rates, ports, paths, failovers as they happen",
		Args:  arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := which.client()
			if err != nil {
				return err
			}
			defer client.Close()
			return watch.Top(c.Context(), client, c.InOrStdin(), c.OutOrStdout())
		},
	}
	which.flags(c)
	return c
}
