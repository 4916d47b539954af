package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/trunkline-sctp/trunkline/internal/serve"
)

func newRun() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "run -c FILE",
		Short: "Run what a configuration file serves until SIGINT or SIGTERM",
		Args:  arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if file == "" {
				return usage(errors.New("name the configuration: `trunkline run -c FILE`"))
			}
			f, err := load(file)
			if err != nil {
				return err
			}
			return serve.Run(c.Context(), f, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().StringVarP(&file, "config", "c", "", "the configuration file")
	return c
}
