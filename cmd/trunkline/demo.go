package main

import (
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/trunkline-sctp/trunkline/internal/demo"
	"github.com/trunkline-sctp/trunkline/internal/ports"
)

func newDemo() *cobra.Command {
	var o demo.Options
	var devices []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Two dataplanes, two networks, one association, and two failovers that nobody notices",
		Long: `Runs two dataplanes in this process, each with two ports, joined by two separate
networks, with one multi-homed association that carries numbered and checksummed
messages. It takes port 0's link down and up again, then loses everything on the
primary path silently and mends it, and ends with the count of messages sent,
received, lost, duplicated and out of order: PASS (exit code 0) or FAIL (1).

--device is the kind of the ports: ring, mem, memif, virtio-user (no privilege
needed), tap, af_packet, af_xdp (on interfaces that it makes; root), or four
devices: side A's on network 0 and 1, then side B's on network 0 and 1, for example
--device pci:0000:01:00.0,pci:0000:01:00.1,pci:0000:02:00.0,pci:0000:02:00.1`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			for _, d := range devices {
				o.Devices = append(o.Devices, ports.SplitDevices(d)...)
			}
			o.Out = c.OutOrStdout()
			o.Format = formatOf(o.Out, asJSON)
			if err := o.Check(); err != nil {
				return usage(err)
			}
			res, err := demo.Run(c.Context(), o)
			if err == nil && !res.Pass {
				return errSilent
			}
			return err
		},
	}
	f := c.Flags()
	f.StringArrayVar(&devices, "device", []string{ports.DefaultKind}, "kind of the ports, or four devices")
	f.DurationVar(&o.Duration, "duration", 6*time.Second, "time of undisturbed traffic, besides the faults")
	f.Uint64Var(&o.Messages, "messages", 0, "go on until so many messages were sent")
	f.IntVar(&o.Rate, "rate", 0, "messages per second, 0 is as many as go")
	f.IntVar(&o.Streams, "streams", 8, "streams that carry the messages, 1 to 64")
	f.StringVar(&o.Timers, "timers", "telecom", "timer profile: telecom or rfc9260 (which gives a silent path up after more than a minute)")
	f.StringVar(&o.Capture, "capture", "", "directory to write a pcapng file of each port to")
	f.StringVar(&o.Hugepages, "hugepages", "auto", "auto, off or required")
	f.BoolVar(&asJSON, "json", false, "write a JSON object per line")
	return c
}

// formatOf is live on a terminal, lines elsewhere.
func formatOf(out io.Writer, asJSON bool) demo.Format {
	if asJSON {
		return demo.JSON
	}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return demo.Live
	}
	return demo.Plain
}
