package watch

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Screen is where something is shown.
type Screen struct {
	Out   io.Writer
	Notes io.Writer // for people, beside what is shown
	Width int       // columns; 0: no terminal, and lines as long as they get
	Color bool      // styles may be used
}

// NewScreen finds out what out is; remarks go to notes. NO_COLOR in the environment, and TERM=dumb, have
// no styles.
func NewScreen(out, notes io.Writer) Screen {
	s := Screen{Out: out, Notes: notes}
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return s
	}
	if w, _, err := term.GetSize(int(f.Fd())); err == nil {
		s.Width = w
	}
	s.Color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return s
}

// style is how a text stands out: the numbers of ECMA-48's SGR, "" for not at all.
type style string

const (
	plain  style = ""
	bold   style = "1"
	faint  style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	cyan   style = "36"
)

// paint gives text its style, if there are any.
func (s style) paint(text string, color bool) string {
	if !color || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// stateStyle is how the state of a path or an association stands out.
func stateStyle(state string) style {
	switch state {
	case "ACTIVE", "ESTABLISHED", "up":
		return green
	case "INACTIVE", "CLOSED", "down":
		return red
	}
	return yellow
}
