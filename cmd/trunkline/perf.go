package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/config"
	"github.com/trunkline-sctp/trunkline/internal/perf"
	"github.com/trunkline-sctp/trunkline/internal/serve"
)

func newPerf() *cobra.Command {
	c := &cobra.Command{
		Use:   "perf",
		Short: "Measure what an association carries, in the manner of iperf",
		Args:  arguments(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newPerfServer(), newPerfClient())
	return c
}

// endpoint is the flags that say what a perf runs on.
type endpoint struct {
	file           string
	devices, addrs []string
	timers         string
	hugepages      string
}

func (e *endpoint) flags(f *pflag.FlagSet) {
	f.StringVarP(&e.file, "config", "c", "", "configuration file with ports, routes, workers, timers (instead of --device and --addr)")
	f.StringArrayVar(&e.devices, "device", nil, "device of a port, as in a configuration file; repeat for more ports")
	f.StringArrayVar(&e.addrs, "addr", nil, "addresses of the port of the same position, with lengths, comma separated")
	f.StringVar(&e.timers, "timers", "telecom", "timer profile with --device: telecom or rfc9260")
	f.StringVar(&e.hugepages, "hugepages", "auto", "with --device: auto, off or required")
}

// config is the configuration that the flags amount to.
func (e *endpoint) config(f *pflag.FlagSet) (*config.File, error) {
	if e.file != "" {
		for _, name := range []string{"device", "addr", "timers", "hugepages"} {
			if f.Changed(name) {
				return nil, usage(fmt.Errorf("-c and --%s exclude each other: put it into the file", name))
			}
		}
		return load(e.file)
	}
	if len(e.devices) == 0 || len(e.devices) != len(e.addrs) {
		return nil, usage(fmt.Errorf("%d --device and %d --addr: give one --addr for each --device, or -c FILE", len(e.devices), len(e.addrs)))
	}
	file, err := serve.FromFlags(e.devices, e.addrs, e.timers, e.hugepages)
	return file, usage(err)
}

func newPerfServer() *cobra.Command {
	var e endpoint
	var o perf.ServerOptions
	c := &cobra.Command{
		Use:     "server",
		Short:   "Serve perf clients until SIGINT or SIGTERM",
		Example: "  trunkline perf server --device memif:role=server,socket=/run/x.sock --addr 10.0.0.1/24",
		Args:    arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if o.Interval < 0 {
				return usage(errors.New("--interval is negative; 0 is no interval lines"))
			}
			f, err := e.config(c.Flags())
			if err != nil {
				return err
			}
			o.Out = c.OutOrStdout()
			log, _ := serve.Logger(f.Log, c.ErrOrStderr())
			return serve.With(f, log, func(d *dataplane.Dataplane) error { return perf.RunServer(c.Context(), d, o) })
		},
	}
	f := c.Flags()
	e.flags(f)
	f.Uint16VarP(&o.Port, "port", "p", perf.DefaultPort, "SCTP port")
	f.BoolVarP(&o.OneOff, "one-off", "1", false, "end after one client")
	f.DurationVarP(&o.Interval, "interval", "i", time.Second, "time between lines, 0 is none")
	f.BoolVar(&o.JSON, "json", false, "write one JSON document per client")
	return c
}

func newPerfClient() *cobra.Command {
	var e endpoint
	var o perf.ClientOptions
	var connect, length string
	c := &cobra.Command{
		Use:   "client --connect ADDR[,ADDR…]:PORT",
		Short: "Measure against a perf server",
		Example: "  trunkline perf client --connect 10.0.0.1:5001 \\\n" +
			"    --device memif:role=client,socket=/run/x.sock --addr 10.0.0.2/24",
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if o.Remote, err = parseRemote(connect); err != nil {
				return usage(err)
			}
			if o.Length, err = config.ParseSize(length); err != nil {
				return usage(fmt.Errorf("--length: %w", err))
			}
			if err := o.Check(); err != nil {
				return usage(err)
			}
			f, err := e.config(c.Flags())
			if err != nil {
				return err
			}
			o.Out = c.OutOrStdout()
			log, _ := serve.Logger(f.Log, c.ErrOrStderr())
			return serve.With(f, log, func(d *dataplane.Dataplane) error { return perf.RunClient(c.Context(), d, o) })
		},
	}
	f := c.Flags()
	e.flags(f)
	f.StringVar(&connect, "connect", "", "the server's addresses and port, as 10.0.0.1,10.0.1.1:5001 or [fd00::1]:5001")
	f.DurationVarP(&o.Time, "time", "t", 10*time.Second, "how long to send")
	f.StringVarP(&length, "length", "l", "1400", "size of a message, at most 512KiB")
	f.IntVar(&o.Streams, "streams", 1, "streams that the messages go to in turn")
	f.IntVarP(&o.Parallel, "parallel", "P", 1, "associations")
	f.BoolVar(&o.Unordered, "unordered", false, "send unordered messages")
	f.BoolVarP(&o.Reverse, "reverse", "R", false, "the server sends")
	f.BoolVar(&o.Both, "bidir", false, "both sides send")
	f.DurationVarP(&o.Interval, "interval", "i", time.Second, "time between lines, 0 is none")
	f.BoolVar(&o.JSON, "json", false, "write one JSON document")
	return c
}

// parseRemote reads ADDR[,ADDR…]:PORT; IPv6 addresses may be in brackets.
func parseRemote(s string) (*dataplane.Addr, error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return nil, fmt.Errorf("--connect %q: give ADDR[,ADDR…]:PORT, as 10.0.0.1,10.0.1.1:%d", s, perf.DefaultPort)
	}
	port, err := strconv.ParseUint(s[i+1:], 10, 16)
	if err != nil || port == 0 {
		return nil, fmt.Errorf("--connect %q: %q is not a port from 1 to 65535", s, s[i+1:])
	}
	a := &dataplane.Addr{Port: uint16(port)}
	for part := range strings.SplitSeq(s[:i], ",") {
		ip, err := netip.ParseAddr(strings.Trim(part, "[]"))
		if err != nil {
			return nil, fmt.Errorf("--connect %q: %q is not an IP address", s, part)
		}
		a.IPs = append(a.IPs, ip)
	}
	return a, nil
}
