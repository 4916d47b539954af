package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// Failover is what happened when a path was broken, in time since the fault.
type Failover struct {
	Cause    string        `json:"cause"`              // "link down" or "silent loss"
	From     string        `json:"from"`               // destination and port before
	To       string        `json:"to"`                 // destination and port after
	Detected time.Duration `json:"detected_ns"`        // until the dataplane knew
	Switched time.Duration `json:"switched_ns"`        // until DATA left on the other path
	Returned time.Duration `json:"primary_again_ns"`   // from the mending until the primary path carried DATA again
	Missed   string        `json:"not_seen,omitempty"` // what was not seen in time; "" is nothing
}

// Result is the outcome of a demo.
type Result struct {
	Device    string        `json:"device"`
	Timers    string        `json:"timers"`
	Elapsed   time.Duration `json:"elapsed_ns"`
	Bytes     uint64        `json:"bytes"`
	Tally     Tally         `json:"messages"`
	Failovers []Failover    `json:"failovers"`
	Pass      bool          `json:"pass"`
	Reasons   []string      `json:"reasons,omitempty"` // why it failed
}

// judge sets Pass and Reasons.
func (r *Result) judge() {
	for _, f := range r.Failovers {
		if f.Missed != "" {
			r.Reasons = append(r.Reasons, f.Cause+": "+f.Missed)
		}
	}
	if want := 2; len(r.Failovers) < want {
		r.Reasons = append(r.Reasons, fmt.Sprintf("%d of %d failovers were made", len(r.Failovers), want))
	}
	for _, c := range []struct {
		n    uint64
		what string
	}{
		{r.Tally.Lost, "lost"}, {r.Tally.Duplicated, "duplicated"},
		{r.Tally.OutOfOrder, "out of order"}, {r.Tally.Corrupt, "corrupt"},
	} {
		if c.n > 0 {
			r.Reasons = append(r.Reasons, fmt.Sprintf("%d messages %s", c.n, c.what))
		}
	}
	if r.Tally.Sent == 0 {
		r.Reasons = append(r.Reasons, "no message was sent")
	}
	r.Pass = len(r.Reasons) == 0 && r.Tally.Clean()
}

// write writes the plain result block.
func (r *Result) write(w io.Writer) {
	fmt.Fprintf(w, "\nResult (%s ports, %s timers, %.1f s)\n", r.Device, r.Timers, r.Elapsed.Seconds())
	fmt.Fprintf(w, "  messages sent      %12d\n", r.Tally.Sent)
	fmt.Fprintf(w, "  messages received  %12d\n", r.Tally.Received)
	fmt.Fprintf(w, "  lost               %12d\n", r.Tally.Lost)
	fmt.Fprintf(w, "  duplicated         %12d\n", r.Tally.Duplicated)
	fmt.Fprintf(w, "  out of order       %12d\n", r.Tally.OutOfOrder)
	if r.Tally.Corrupt > 0 {
		fmt.Fprintf(w, "  corrupt            %12d\n", r.Tally.Corrupt)
	}
	for _, f := range r.Failovers {
		fmt.Fprintf(w, "  failover, %-12s %s\n", f.Cause, f.times())
	}
	if r.Pass {
		fmt.Fprintln(w, "PASS")
		return
	}
	fmt.Fprintf(w, "FAIL: %s\n", strings.Join(r.Reasons, "; "))
}

// times says a failover's times in the unit of its kind: microseconds after a
// link's event, milliseconds after silence.
func (f *Failover) times() string {
	if f.Switched == 0 {
		return "not seen"
	}
	s := fmt.Sprintf("detected after %s, switched after %s", inUnit(f, f.Detected), inUnit(f, f.Switched))
	if f.Returned > 0 {
		s += fmt.Sprintf(", primary used again %.0f ms after it was mended", f.Returned.Seconds()*1e3)
	}
	return s
}

func inUnit(f *Failover, d time.Duration) string {
	if f.Cause == causeLink {
		return fmt.Sprintf("%.0f µs", float64(d)/1e3)
	}
	return fmt.Sprintf("%.1f ms", float64(d)/1e6)
}

// writeJSON writes a line of JSON with its type.
func writeJSON(w io.Writer, kind string, v any) {
	b, err := json.Marshal(struct {
		Type string `json:"type"`
		Data any    `json:"data"`
	}{kind, v})
	if err != nil {
		b = []byte(err.Error())
	}
	fmt.Fprintf(w, "%s\n", b)
}
