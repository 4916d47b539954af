package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/trunkline-sctp/trunkline/internal/config"
	"github.com/trunkline-sctp/trunkline/internal/daemon"
)

func newRun() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "run -c FILE",
		Short: "Run what a configuration file serves until SIGTERM or SIGINT; SIGHUP reloads the file",
		Args:  arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if file == "" {
				return usage(errors.New("name the configuration: `trunkline run -c FILE`"))
			}
			signals := make(chan os.Signal, 8)
			signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, os.Interrupt)
			return daemon.Run(context.WithoutCancel(c.Context()), daemon.Options{
				Load:    func() (*config.File, error) { return load(file) },
				Signals: signals, Out: c.OutOrStdout(), Log: c.ErrOrStderr(),
			})
		},
	}
	c.Flags().StringVarP(&file, "config", "c", "", "the configuration file")
	return c
}
