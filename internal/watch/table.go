package watch

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// column is one of a table.
type column struct {
	head  string
	right bool // as numbers are
	// rank says which columns go when there is no room: those with the highest first, 0
	// never.
	rank int
	// cut columns lose the end of their texts before any column goes, down to a few characters.
	cut bool
}

// cell is one text of a table.
type cell struct {
	text  string
	style style
}

func text(s string) cell             { return cell{text: s} }
func styled(s string, st style) cell { return cell{text: s, style: st} }

// table is rows in columns. The rows may come in parts: widths only grow.
type table struct {
	columns []column
	width   int // of the screen; 0 is no bound
	color   bool
	widths  []int
	shown   []bool
	begun   bool
}

// Gaps and bounds of a table.
const (
	gap      = 2 // blanks between columns
	leastCut = 8 // characters that remain of a cut column
)

// lines gives the next rows as lines, below the heads if they are the first.
func (t *table) lines(rows [][]cell) []string {
	t.measure(rows)
	var out []string
	if !t.begun {
		t.begun = true
		heads := make([]cell, len(t.columns))
		for i, c := range t.columns {
			heads[i] = styled(c.head, bold)
		}
		out = append(out, t.line(heads))
	}
	for _, r := range rows {
		out = append(out, t.line(r))
	}
	return out
}

// measure grows the widths to the rows, and fits the columns into the screen.
func (t *table) measure(rows [][]cell) {
	if t.widths == nil {
		t.widths, t.shown = make([]int, len(t.columns)), make([]bool, len(t.columns))
		for i, c := range t.columns {
			t.widths[i], t.shown[i] = utf8.RuneCountInString(c.head), true
		}
	}
	for _, r := range rows {
		for i, c := range r {
			t.widths[i] = max(t.widths[i], utf8.RuneCountInString(c.text))
		}
	}
	if t.width == 0 {
		return
	}
	for t.total() > t.width && t.shrink() {
	}
}

// total is how wide a line is.
func (t *table) total() int {
	n := -gap
	for i, w := range t.widths {
		if t.shown[i] {
			n += w + gap
		}
	}
	return n
}

// shrink makes the table narrower in one place; false if it cannot.
func (t *table) shrink() bool {
	over := t.total() - t.width
	for i, c := range t.columns {
		if least := max(leastCut, len(c.head)); c.cut && t.shown[i] && t.widths[i] > least {
			t.widths[i] = max(least, t.widths[i]-over)
			return true
		}
	}
	last := -1
	for i, c := range t.columns {
		if t.shown[i] && c.rank > 0 && (last < 0 || c.rank >= t.columns[last].rank) {
			last = i
		}
	}
	if last < 0 {
		return false
	}
	t.shown[last] = false
	return true
}

func (t *table) line(r []cell) string {
	var b strings.Builder
	for i, c := range r {
		if !t.shown[i] {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(strings.Repeat(" ", gap))
		}
		s := fit(c.text, t.widths[i])
		pad := strings.Repeat(" ", t.widths[i]-utf8.RuneCountInString(s))
		if t.columns[i].right {
			b.WriteString(pad)
		}
		b.WriteString(c.style.paint(s, t.color))
		if !t.columns[i].right && slices.Contains(t.shown[i+1:], true) {
			b.WriteString(pad)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// fit cuts a text to a width and shows that it did.
func fit(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	if width < 1 {
		return ""
	}
	return string([]rune(s)[:width-1]) + "…"
}
