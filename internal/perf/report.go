package perf

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// reporter writes what a run of sessions carries: interval lines while it goes
// on, a summary at the end, or one JSON document with both.
type reporter struct {
	out      io.Writer
	json     bool
	every    time.Duration
	sessions []*Session
	start    time.Time
	last     []snapshot
	doc      document
}

// snapshot is a session's counts at the last interval line.
type snapshot struct {
	tx, txBytes, rx, rxBytes, retr uint64
	at                             time.Duration
}

// document is the JSON form of a run.
type document struct {
	Length       int            `json:"length"`
	Streams      int            `json:"streams"`
	Unordered    bool           `json:"unordered"`
	Seconds      float64        `json:"seconds"`
	Intervals    []Interval     `json:"intervals"`
	Associations [][]Direction  `json:"associations"`
	Sum          []DirectionSum `json:"sum"`
}

// Interval is one line of the run: what one association sent or received.
type Interval struct {
	Association     int     `json:"association"` // from 1
	Role            string  `json:"role"`        // "tx" or "rx"
	From            float64 `json:"from"`        // seconds
	To              float64 `json:"to"`
	Bytes           uint64  `json:"bytes"`
	Messages        uint64  `json:"messages"`
	BitsPerSecond   float64 `json:"bits_per_second"`
	Retransmissions uint64  `json:"retransmissions"` // chunks; of the association's sending side here
}

// DirectionSum is one direction over all associations.
type DirectionSum struct {
	Direction
	BitsPerSecond     float64 `json:"bits_per_second"` // as received
	MessagesPerSecond float64 `json:"messages_per_second"`
}

func newReporter(out io.Writer, asJSON bool, every time.Duration, sessions []*Session) *reporter {
	h := sessions[0].h
	return &reporter{
		out: out, json: asJSON, every: every, sessions: sessions, start: time.Now(), last: make([]snapshot, len(sessions)),
		doc: document{Length: h.Length, Streams: h.Streams, Unordered: h.Unordered, Seconds: h.Seconds},
	}
}

// begin writes who talks to whom, and the heads of the columns.
func (r *reporter) begin() {
	if r.json {
		return
	}
	for i, s := range r.sessions {
		fmt.Fprintf(r.out, "[%3d] %s connected to %s\n", i+1, s.conn.LocalAddr(), s.conn.RemoteAddr())
	}
	fmt.Fprintf(r.out, "[ ID] %-13s      %-10s  %-14s  %-15s  %s\n", "Interval", "Transfer", "Bitrate", "Messages", "Retr")
}

// run writes interval lines until the function that it returns is called; of a run that was
// over before the first, one.
func (r *reporter) run() (stop func()) {
	if r.every <= 0 {
		return func() {}
	}
	quit := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		t := time.NewTicker(r.every)
		defer t.Stop()
		for {
			select {
			case <-quit:
				if r.last[0].at == 0 {
					r.interval()
				}
				return
			case <-t.C:
				r.interval()
			}
		}
	})
	return func() { close(quit); ended.Wait() }
}

func (r *reporter) interval() {
	for i, s := range r.sessions {
		was := r.last[i]
		now := snapshot{
			tx: s.tx.messages.Load(), txBytes: s.tx.bytes.Load(), rx: s.rx.messages.Load(), rxBytes: s.rx.bytes.Load(),
			retr: s.retransmissions(), at: time.Since(r.start),
		}
		r.last[i] = now
		line := Interval{Association: i + 1, From: was.at.Seconds(), To: now.at.Seconds(), Retransmissions: now.retr - min(now.retr, was.retr)}
		if now.tx > was.tx {
			line.Role, line.Messages, line.Bytes = "tx", now.tx-was.tx, now.txBytes-was.txBytes
			r.line(line)
		}
		if now.rx > was.rx {
			line.Role, line.Messages, line.Bytes = "rx", now.rx-was.rx, now.rxBytes-was.rxBytes
			r.line(line)
		}
	}
}

func (r *reporter) line(l Interval) {
	l.BitsPerSecond = float64(l.Bytes) * 8 / (l.To - l.From)
	if r.json {
		r.doc.Intervals = append(r.doc.Intervals, l)
		return
	}
	fmt.Fprintln(r.out, formatLine(fmt.Sprintf("%3d", l.Association), l.Role, l.From, l.To, l.Bytes, l.Messages, l.Retransmissions))
}

// formatLine is one line of the table.
func formatLine(id, role string, from, to float64, bytes, messages, retr uint64) string {
	span := max(to-from, 1e-9)
	return fmt.Sprintf("[%s] %6.2f-%-6.2f sec  %-10s  %-14s  %-15s  %4d  %s", id, from, to,
		formatBytes(bytes), FormatBits(float64(bytes)*8/span), fmt.Sprintf("%.0f msg/s", float64(messages)/span), retr, role)
}

// summary writes both sides' totals of every direction, and their sum.
func (r *reporter) summary(results [][]Direction) {
	sums := sum(results)
	if r.json {
		r.doc.Associations, r.doc.Sum = results, sums
		b, err := json.MarshalIndent(&r.doc, "", "  ")
		if err != nil {
			b = []byte(err.Error())
		}
		fmt.Fprintf(r.out, "%s\n", b)
		return
	}
	fmt.Fprintln(r.out, "- - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - -")
	for i, dirs := range results {
		for _, d := range dirs {
			r.total(fmt.Sprintf("%3d", i+1), d)
		}
	}
	for _, s := range sums {
		if len(results) > 1 {
			r.total("SUM", s.Direction)
		}
		fmt.Fprintf(r.out, "CPU  %s: sender %.0f%%, receiver %.0f%% of one processor\n", s.Name, share(s.Sender), share(s.Receiver))
	}
}

func (r *reporter) total(id string, d Direction) {
	fmt.Fprintln(r.out, formatLine(id, "sender, "+d.Name, 0, d.Sender.Seconds, d.Sender.Bytes, d.Sender.Messages, d.Sender.Retransmissions))
	fmt.Fprintln(r.out, formatLine(id, "receiver, "+d.Name, 0, d.Receiver.Seconds, d.Receiver.Bytes, d.Receiver.Messages, 0))
}

// share is the processor time used per time passed, in percent.
func share(t Totals) float64 { return 100 * t.CPUSeconds / max(t.Seconds, 1e-9) }

// sum adds up each direction over the associations. Times and CPU seconds are
// those of the longest, since all run at once in the same process.
func sum(results [][]Direction) []DirectionSum {
	var sums []DirectionSum
	for _, dirs := range results {
		for _, d := range dirs {
			at := -1
			for i := range sums {
				if sums[i].Name == d.Name {
					at = i
				}
			}
			if at < 0 {
				sums = append(sums, DirectionSum{Direction: Direction{Name: d.Name}})
				at = len(sums) - 1
			}
			add(&sums[at].Sender, d.Sender)
			add(&sums[at].Receiver, d.Receiver)
		}
	}
	for i := range sums {
		sums[i].BitsPerSecond = sums[i].Receiver.BitsPerSecond()
		sums[i].MessagesPerSecond = sums[i].Receiver.MessagesPerSecond()
	}
	return sums
}

func add(to *Totals, t Totals) {
	to.Messages += t.Messages
	to.Bytes += t.Bytes
	to.Retransmissions += t.Retransmissions
	to.Seconds = max(to.Seconds, t.Seconds)
	to.CPUSeconds = max(to.CPUSeconds, t.CPUSeconds)
}

// formatBytes is an amount in binary units, as iperf writes it.
func formatBytes(b uint64) string {
	f, unit := float64(b), "B"
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if f < 1024 {
			break
		}
		f, unit = f/1024, u
	}
	return fmt.Sprintf("%.4g %s", f, unit)
}

// FormatBits is a rate in decimal units.
func FormatBits(b float64) string {
	unit := "bit/s"
	for _, u := range []string{"kbit/s", "Mbit/s", "Gbit/s"} {
		if b < 1000 {
			break
		}
		b, unit = b/1000, u
	}
	return fmt.Sprintf("%.4g %s", b, unit)
}
