package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/trunkline-sctp/trunkline/internal/config"
	"github.com/trunkline-sctp/trunkline/internal/ports"
)

func newCheck() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "check [-c] FILE",
		Short: "Check a configuration file and say what to mend, and where",
		Args:  arguments(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if (file != "") == (len(args) == 1) {
				return usage(errors.New("name one configuration file: `trunkline check FILE`"))
			}
			if file == "" {
				file = args[0]
			}
			_, err := load(file)
			var problems config.Problems
			switch {
			case errors.As(err, &problems):
				for _, p := range problems {
					fmt.Fprintln(c.OutOrStdout(), p)
					if p.Source != "" {
						fmt.Fprintln(c.OutOrStdout(), p.Source)
					}
				}
				return errSilent
			case err != nil:
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: ok\n", file)
			return nil
		},
	}
	c.Flags().StringVarP(&file, "config", "c", "", "the configuration file")
	return c
}

// load reads a configuration as this machine can run it.
func load(file string) (*config.File, error) {
	return config.Load(file, config.Options{Device: ports.CheckDevice, CPUs: ports.CPUs()})
}
