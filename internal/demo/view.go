package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
)

// Format is the form of what a demo writes.
type Format uint8

// The formats.
const (
	Plain Format = iota // lines
	Live                // a terminal: the state is redrawn in place
	JSON                // a JSON object per line
)

const (
	liveEvery  = 200 * time.Millisecond
	plainEvery = time.Second
)

// Status is one look at a running demo.
type Status struct {
	At         time.Duration `json:"at_ns"`
	BitsPerSec float64       `json:"bits_per_second"`
	MsgsPerSec float64       `json:"messages_per_second"`
	Sent       uint64        `json:"sent"`
	Received   uint64        `json:"received"`
	Paths      []PathStatus  `json:"paths"`
	// Pause is the longest time without a message since the last look; Probe alone has it.
	Pause time.Duration `json:"longest_pause_ns,omitempty"`
}

// PathStatus is one path of the sending side.
type PathStatus struct {
	Dst     string        `json:"destination"`
	Port    string        `json:"port"` // "" while it maps to none
	State   string        `json:"state"`
	RTO     time.Duration `json:"rto_ns"`
	Primary bool          `json:"primary"`
	Current bool          `json:"current"` // new data goes here
	Link    bool          `json:"link"`
}

// view writes the story and the state of a demo; any goroutine may use it.
type view struct {
	mu     sync.Mutex
	w      io.Writer
	format Format
	drawn  int // lines of the state that stand at the end of the terminal
	start  time.Time
}

// say writes a line of the story.
func (v *view) say(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	if v.format == JSON {
		writeJSON(v.w, "event", struct {
			At   time.Duration `json:"at_ns"`
			Text string        `json:"text"`
		}{time.Since(v.start), text})
		return
	}
	v.erase()
	fmt.Fprintf(v.w, "[%5.1f s] %s\n", time.Since(v.start).Seconds(), text)
}

// show writes the state.
func (v *view) show(s *Status) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch v.format {
	case JSON:
		writeJSON(v.w, "status", s)
	case Live:
		v.erase()
		lines := s.block()
		fmt.Fprint(v.w, strings.Join(lines, "\n")+"\n")
		v.drawn = len(lines)
	default:
		fmt.Fprintln(v.w, s.Line())
	}
}

// erase takes the state off a terminal.
func (v *view) erase() {
	if v.drawn > 0 {
		fmt.Fprintf(v.w, "\x1b[%dA\x1b[J", v.drawn)
		v.drawn = 0
	}
}

// end leaves the terminal without the state.
func (v *view) end() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.erase()
}

// Line is the state as one plain line: the path in use has a star.
func (s *Status) Line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "[%5.1f s] %8.1f Mbit/s %8.0f msg/s", s.At.Seconds(), s.BitsPerSec/1e6, s.MsgsPerSec)
	if s.Pause > 0 {
		fmt.Fprintf(&b, " | longest pause %s", millis(s.Pause))
	}
	for _, p := range s.Paths {
		fmt.Fprintf(&b, " | %s%s by %s %s RTO %s", star(p.Current), p.Dst, p.portName(), p.State, millis(p.RTO))
	}
	return b.String()
}

// block is the state as a table.
func (s *Status) block() []string {
	lines := []string{
		"",
		fmt.Sprintf("  %8.1f Mbit/s   %8.0f msg/s   sent %d   received %d", s.BitsPerSec/1e6, s.MsgsPerSec, s.Sent, s.Received),
		fmt.Sprintf("    %-18s %-6s %-12s %10s", "path to", "port", "state", "RTO"),
	}
	for _, p := range s.Paths {
		note := ""
		if p.Primary {
			note = "primary"
		}
		if !p.Link {
			note = strings.TrimSpace(note + ", link down")
		}
		lines = append(lines, fmt.Sprintf("  %s %-18s %-6s %-12s %10s  %s", star(p.Current), p.Dst, p.portName(), p.State, millis(p.RTO), strings.TrimPrefix(note, ", ")))
	}
	return lines
}

func (p *PathStatus) portName() string {
	if p.Port == "" {
		return "no port"
	}
	return p.Port
}

func star(current bool) string {
	if current {
		return "*"
	}
	return " "
}

func millis(d time.Duration) string { return fmt.Sprintf("%.3g ms", float64(d)/1e6) }

// statusOf describes a connection's paths; the rest is the caller's to fill.
func statusOf(paths []dataplane.PathInfo) []PathStatus {
	out := make([]PathStatus, len(paths))
	for i, p := range paths {
		out[i] = PathStatus{
			Dst: p.Dst.String(), Port: p.Port, State: p.State.String(), RTO: time.Duration(p.RTO),
			Primary: p.Primary, Current: p.Current, Link: !p.LinkDown,
		}
	}
	return out
}
