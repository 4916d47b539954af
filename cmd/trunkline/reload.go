package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func newReload() *cobra.Command {
	var which whichDaemon
	c := &cobra.Command{
		Use:   "reload",
		Short: "Have a running trunkline read its configuration again",
		Long: `Have a running trunkline read its configuration again.

What can change while associations live is changed, and said, a line each. If anything
else has changed, or there is a mistake in the file, nothing is, and the error says what
to mend.`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := which.client()
			if err != nil {
				return err
			}
			defer client.Close()
			changed, err := client.Reload(c.Context())
			if err != nil && strings.Contains(err.Error(), "\n") { // many things to mend
				fmt.Fprintf(c.ErrOrStderr(), "trunkline: %v\n", err)
				return errSilent
			}
			if err != nil {
				return err
			}
			for _, line := range changed {
				fmt.Fprintln(c.OutOrStdout(), line)
			}
			if len(changed) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "nothing has changed")
			}
			return nil
		},
	}
	which.flags(c)
	return c
}
