package main

import (
	"cmp"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/trunkline-sctp/trunkline/sockets/shim"
)

func newExec() *cobra.Command {
	var socket string
	c := &cobra.Command{
		Use:   "exec [--socket PATH] [--] PROGRAM [ARG…]",
		Short: "Run a program whose SCTP sockets are those of a running trunkline",
		Long: `Run a program whose SCTP sockets are those of a running trunkline.

The program replaces this process, with a library preloaded that catches its SCTP
calls, and those of every program that it starts. Everything else it does is the
kernel's as ever. Programs that are linked statically, written in Go or set-uid
cannot be caught.`,
		Args: arguments(cobra.ArbitraryArgs),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(errors.New("name the program: `trunkline exec -- PROGRAM ARG…`"))
			}
			return shim.Exec(cmp.Or(socket, os.Getenv(shim.SocketVariable), shim.DefaultSocket), args)
		},
	}
	c.Flags().StringVar(&socket, "socket", "", "the server's unix socket, @NAME for an abstract one (default $"+shim.SocketVariable+" or "+shim.DefaultSocket+")")
	c.Flags().SetInterspersed(false)
	return c
}
