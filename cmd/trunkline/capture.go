package main

import (
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trunkline-sctp/trunkline/internal/capture"
)

// captureBytes is where a capture ends that was given no bound, so that it does not fill a disk.
const captureBytes = 1 << 30

func newCapture() *cobra.Command {
	var which whichDaemon
	var request capture.Request
	var file string
	var seconds int64
	c := &cobra.Command{
		Use:   "capture -w FILE|- [FILTER…]",
		Short: "Write what a running daemon receives, sends and drops as pcapng",
		Long: `Write what a running daemon receives, sends and drops as pcapng, for Wireshark:

  trunkline capture -w - port 3868 | wireshark -k -i -

Each port of the daemon is an interface of the file. A dropped frame, or one with a dropped
chunk, has a comment that says why, by the names of trunkline drops. The capture ends with the
first of its bounds, with Ctrl-C or with the daemon, and then says how many frames there were.

` + capture.FilterHelp,
		Args: arguments(cobra.ArbitraryArgs),
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case file == "":
				return usage(errors.New("name the file to write: `trunkline capture -w FILE`, - for stdout"))
			case seconds < 0 || request.Count < 0 || request.Bytes < 0 || request.Snap < 0:
				return usage(errors.New("--seconds, --count, --bytes and --snap cannot be negative"))
			}
			request.Filter, request.Time = strings.Join(args, " "), time.Duration(seconds)*time.Second
			client, err := which.client()
			if err != nil {
				return err
			}
			defer client.Close()
			return capture.Run(c.Context(), client.Stream, request, file, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.StringVar(&which.control, "control", "", "the daemon's control socket (default where a daemon serves without being told)")
	f.StringVar(&which.file, "config", "", "the daemon's configuration file, in place of --control")
	f.StringVarP(&file, "write", "w", "", "the file to write, - for stdout")
	f.StringArrayVarP(&request.Ports, "interface", "i", nil, "only what passes this port; may be given again")
	f.Int64VarP(&request.Count, "count", "c", 0, "end after so many frames")
	f.Int64Var(&seconds, "seconds", 0, "end after so many seconds")
	f.Int64Var(&request.Bytes, "bytes", captureBytes, "end after so many bytes of file; 0 is never")
	f.IntVarP(&request.Snap, "snap", "s", 0, "keep so many bytes of each frame; 0 is all")
	return c
}
