package watch

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/trunkline-sctp/trunkline/internal/admin"
	"github.com/trunkline-sctp/trunkline/internal/observe"
)

// EventOptions say which events are shown.
type EventOptions struct {
	JSON   bool
	Follow bool      // and those to come, until ctx is done or the daemon ends
	Since  time.Time // only those from then on; zero: what the daemon keeps, or with Follow the last few
}

// lastFew is how many past events begin what is followed.
const lastFew = 10

// Events shows what happened, a line each.
func Events(ctx context.Context, c *admin.Client, s Screen, o EventOptions) error {
	out := bufio.NewWriter(s.Out)
	var past []observe.Event
	seen := uint64(0)
	if err := c.Events(ctx, 0, false, func(e *observe.Event) error {
		seen = max(seen, e.Seq)
		if !e.Time.Before(o.Since) {
			past = append(past, *e)
		}
		return nil
	}); err != nil {
		return err
	}
	if o.Follow && o.Since.IsZero() {
		past = past[max(0, len(past)-lastFew):]
	}
	write := func(e *observe.Event) error { return writeEvent(out, s, o.JSON, e) }
	for i := range past {
		if err := write(&past[i]); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil || !o.Follow {
		return err
	}
	err := c.Events(ctx, seen, true, func(e *observe.Event) error {
		return errors.Join(write(e), out.Flush())
	})
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func writeEvent(out *bufio.Writer, s Screen, asJSON bool, e *observe.Event) error {
	if asJSON {
		return json.NewEncoder(out).Encode(e)
	}
	_, err := out.WriteString(eventLine(e, s.Color) + "\n")
	return err
}

// kindStyle is how the kinds of events stand out.
var kindStyle = map[observe.Kind]style{
	observe.KindUp: green, observe.KindDown: yellow, observe.KindRestart: yellow,
	observe.KindPathState: yellow, observe.KindFailover: red, observe.KindResumed: green,
	observe.KindLink: cyan, observe.KindMissed: red,
}

// eventLine is an event in one line: when, what, of which association, and how.
func eventLine(e *observe.Event, color bool) string {
	kind := string(e.Kind)
	pad := strings.Repeat(" ", max(0, len("path_state")-utf8.RuneCountInString(kind)))
	line := e.Time.Local().Format("15:04:05.000") + "  " + kindStyle[e.Kind].paint(kind, color) + pad + "  "
	if e.Assoc != "" {
		line += strings.TrimSpace(e.Assoc+" "+e.Peer) + "  "
	}
	return strings.TrimRight(line+story(e), " ")
}

// story says what happened in words.
func story(e *observe.Event) string {
	switch e.Kind {
	case observe.KindUp:
		return fmt.Sprintf("at our port %d: %s", e.LocalPort, e.Why)
	case observe.KindPathState:
		return because(fmt.Sprintf("%s %s: %s → %s", e.Path, by(e.OldPort, e.Port), e.From, e.To), e.Why)
	case observe.KindFailover:
		s := because(fmt.Sprintf("%s → %s %s", e.From, e.To, by(e.OldPort, e.Port)), e.Why)
		switch {
		case e.Switched != 0:
			s += fmt.Sprintf("; known after %s, switched in %s", millis(e.Detected), millis(e.Switched))
		case e.Detected != 0:
			s += fmt.Sprintf("; known after %s, switched at once", millis(e.Detected))
		}
		return s
	case observe.KindResumed:
		return fmt.Sprintf("stood still for %s, goes on to %s by %s", millis(e.Standstill), e.To, e.Port)
	case observe.KindLink:
		return because(fmt.Sprintf("%s: %s → %s", e.Port, e.From, e.To), e.Why)
	case observe.KindAddress:
		return because(strings.TrimSpace(e.Path+" "+e.Port), e.Why)
	case observe.KindMissed:
		return fmt.Sprintf("%d events came faster than they were read", e.Count)
	}
	return e.Why
}

// by names the port of a path, and the one before if it changed.
func by(old, port string) string {
	if port == "" {
		port = "no port"
	}
	if old == "" || old == port {
		return "by " + port
	}
	return "by " + port + " (was " + old + ")"
}

func because(what, why string) string {
	if why == "" {
		return what
	}
	return what + ": " + why
}
