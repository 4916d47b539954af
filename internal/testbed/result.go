package testbed

import (
	"fmt"
	"io"
	"time"

	"github.com/trunkline-sctp/trunkline/internal/demo"
)

// Result is the outcome of a run.
type Result struct {
	Variant      Variant
	Engine       string
	Image        int64 // bytes; 0 where there is none
	Prepared     time.Duration
	Elapsed      time.Duration // of the traffic
	Probe        demo.ProbeResult
	PeerMessages int
	Cuts         []Cut
	Held         bool     // nothing was cut but by hand
	Reasons      []string // why it failed
}

// Cut is what the association between a and b noticed of a cut.
type Cut struct {
	What     string
	Pause    time.Duration // the longest without a message
	Returned time.Duration // from the mending until the first path carried data again; 0 where it is not mended
}

// Pass is whether all that was sent came, and every cut was survived.
func (r *Result) Pass() bool { return len(r.Reasons) == 0 }

// judge adds what the numbers say.
func (r *Result) judge() {
	r.Reasons = append(r.Reasons, r.Probe.Reasons...)
	if !r.Probe.Pass && len(r.Probe.Reasons) == 0 {
		r.Reasons = append(r.Reasons, "node a gave no result")
	}
	if r.Probe.Failovers == 0 && !r.Held {
		r.Reasons = append(r.Reasons, "there was no failover")
	}
	if r.PeerMessages == 0 {
		r.Reasons = append(r.Reasons, "the foreign peer had no message")
	}
}

// Write writes the plain result block.
func (r *Result) Write(w io.Writer) {
	fmt.Fprintf(w, "\nResult (%s ports, %s, telecom timers, %.1f s)\n", r.Variant, r.Engine, r.Elapsed.Seconds())
	r.Probe.Tally.Write(w)
	fmt.Fprintf(w, "  foreign peer       %12d messages, all echoed\n", r.PeerMessages)
	for _, c := range r.Cuts {
		fmt.Fprintf(w, "  %s: nothing came for %.1f ms", c.What, c.Pause.Seconds()*1e3)
		if c.Returned > 0 {
			fmt.Fprintf(w, ", used again %.0f ms after it was mended", c.Returned.Seconds()*1e3)
		}
		fmt.Fprintln(w)
	}
	if r.Image > 0 {
		fmt.Fprintf(w, "  image              %9.1f MB\n", float64(r.Image)/1e6)
	}
	demo.WriteVerdict(w, r.Reasons)
}
