package main

import (
	"cmp"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/trunkline-sctp/trunkline/sockets/shim"
)

func newExec() *cobra.Command {
	var socket, solo string
	c := &cobra.Command{
		Use:   "exec [--socket PATH | --solo[=NAME]] [--] PROGRAM [ARG…]",
		Short: "Run a program whose SCTP sockets are those of a running trunkline",
		Long: `Run a program whose SCTP sockets are those of a running trunkline.

The program replaces this process, with a library preloaded that catches its SCTP
calls, and those of every program that it starts. Everything else it does is the
kernel's as ever. Programs that are linked statically, written in Go or set-uid
cannot be caught.

With --solo nothing needs to run before: the program has a private dataplane with a
loopback and two ports in memory, without privilege or configuration. Programs that
name the same one meet there; it ends when the last of them has ended.`,
		Args: arguments(cobra.ArbitraryArgs),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(errors.New("name the program: `trunkline exec -- PROGRAM ARG…`"))
			}
			if solo != "" {
				if socket != "" {
					return usage(errors.New("give --socket or --solo, not both"))
				}
				var err error
				if socket, err = soloSocket(solo); err != nil {
					return err
				}
			}
			return shim.Exec(cmp.Or(socket, os.Getenv(shim.SocketVariable), shim.DefaultSocket), args)
		},
	}
	c.Flags().StringVar(&socket, "socket", "", "the server's unix socket, @NAME for an abstract one (default $"+shim.SocketVariable+" or "+shim.DefaultSocket+")")
	c.Flags().StringVar(&solo, "solo", "", "a private dataplane, of this program alone or of all that give the same NAME")
	c.Flags().Lookup("solo").NoOptDefVal = ownSolo
	c.Flags().SetInterspersed(false)
	return c
}
