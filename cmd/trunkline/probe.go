package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/demo"
	"github.com/trunkline-sctp/trunkline/internal/serve"
	"github.com/trunkline-sctp/trunkline/nic"
)

func newProbe() *cobra.Command {
	var e endpoint
	var o demo.ProbeOptions
	var connect, cut string
	var asJSON bool
	c := &cobra.Command{
		Use:   "probe --connect ADDR[,ADDR…]:PORT",
		Short: "Send numbered messages to an echo service and account for what comes back",
		Long: `Makes an association with an echo service, sends numbered and checksummed messages
over several streams until SIGINT, and checks every one that comes back: its content,
that it comes once, and in order. Ends with PASS (exit code 0) or FAIL (1).

With --cut PORT each SIGUSR1 takes that port's link down, and the next one up again.`,
		Example: "  trunkline probe --connect 10.0.1.1,10.0.2.1:7 -c FILE",
		Args:    arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if o.Remote, err = parseRemote(connect); err != nil {
				return usage(err)
			}
			if err := o.Check(); err != nil {
				return usage(err)
			}
			f, err := e.config(c.Flags())
			if err != nil {
				return err
			}
			o.Out, o.Format = c.OutOrStdout(), formatOf(c.OutOrStdout(), asJSON)
			log, _ := serve.Logger(f.Log, c.ErrOrStderr())
			return serve.WithPorts(f, log, func(d *dataplane.Dataplane, ports []nic.Port) error {
				unhook, err := cutOnSignal(cut, ports)
				if err != nil {
					return usage(err)
				}
				defer unhook()
				res, err := demo.Probe(c.Context(), d, o)
				if err == nil && !res.Pass {
					return errSilent
				}
				return err
			})
		},
	}
	f := c.Flags()
	e.flags(f)
	f.StringVar(&connect, "connect", "", "the service's addresses and port, the primary first, as 10.0.0.1,10.0.1.1:7 or [fd00::1]:7")
	f.DurationVarP(&o.Duration, "time", "t", 0, "how long to send, 0 is until SIGINT")
	f.IntVar(&o.Rate, "rate", 0, "messages per second, 0 is as many as go")
	f.IntVar(&o.Streams, "streams", 8, "streams that carry the messages, 1 to 64")
	f.StringVar(&cut, "cut", "", "port whose link SIGUSR1 takes down, and up again")
	f.BoolVar(&asJSON, "json", false, "write a JSON object per line")
	return c
}

// cutOnSignal has each SIGUSR1 turn the link of a port; with no name it does nothing.
func cutOnSignal(name string, ports []nic.Port) (unhook func(), err error) {
	if name == "" {
		return func() {}, nil
	}
	for _, p := range ports {
		if p.Info().Name != name {
			continue
		}
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGUSR1)
		go func() {
			for up := false; ; up = !up {
				if _, open := <-signals; !open {
					return
				}
				if err := p.SetLink(up); err != nil {
					fmt.Fprintf(os.Stderr, "trunkline: --cut %s: %v\n", name, err)
				}
			}
		}()
		return func() { signal.Stop(signals); close(signals) }, nil
	}
	return nil, errors.New("--cut: there is no port " + name)
}
