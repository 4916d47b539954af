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
	r.Reasons = append(r.Reasons, r.Tally.faults()...)
	r.Pass = len(r.Reasons) == 0 && r.Tally.Clean()
}

// write writes the plain result block.
func (r *Result) write(w io.Writer) {
	fmt.Fprintf(w, "\nResult (%s ports, %s timers, %.1f s)\n", r.Device, r.Timers, r.Elapsed.Seconds())
	r.Tally.Write(w)
	for _, f := range r.Failovers {
		fmt.Fprintf(w, "  failover, %-12s %s\n", f.Cause, f.times())
	}
	WriteVerdict(w, r.Reasons)
}

// WriteVerdict writes the last line of a result: PASS, or FAIL and the reasons.
func WriteVerdict(w io.Writer, reasons []string) {
	if len(reasons) == 0 {
		fmt.Fprintln(w, "PASS")
		return
	}
	fmt.Fprintf(w, "FAIL: %s\n", strings.Join(reasons, "; "))
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
