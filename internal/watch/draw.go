package watch

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trunkline-sctp/trunkline/internal/observe"
)

// help is what the keys do.
const help = `
  q          end
  p          pause, and go on
  ← →  or s  order of the paths: trouble, association, round trip, flight
  ↑ ↓        scroll the paths
  ?          this help

  * marks the path that new data goes to. Rates are of the last second;
  the lines are of the last minutes, a second for each character, and as
  high as their highest second.
`

// draw is the screen, at most as many lines as it has and none longer than it is wide.
func (m *model) draw() string {
	var lines []string
	switch {
	case m.look == nil && m.problem != "":
		lines = []string{"", bold.paint("trunkline top", true), "", m.problem, "", "trying again every second; q ends"}
	case m.look == nil:
		lines = []string{"", "asking the daemon …"}
	case m.about:
		lines = append([]string{m.head()}, strings.Split(help, "\n")...)
	default:
		lines = m.screen()
	}
	if len(lines) > m.height {
		lines = lines[:m.height]
	}
	for i := range lines {
		lines[i] = clip(lines[i], m.width)
	}
	return strings.Join(lines, "\n")
}

// screen shares the height out: what is few lines has them, and paths and events the rest.
func (m *model) screen() []string {
	lines := append([]string{m.head()}, m.rates()...)
	if m.problem != "" {
		lines = append(lines, red.paint("no answer: "+m.problem, true))
	} else if m.news != "" {
		lines = append(lines, yellow.paint(m.news, true))
	}
	lines = append(lines, "")
	lines = append(lines, m.ports(max(1, m.height/5))...)
	drops := m.drops(3)
	rest := max(0, m.height-len(lines)-len(drops)-3) // blank lines and heads
	paths := m.pathLines(max(2, rest*3/5))
	events := m.eventLines(max(1, rest-len(paths)))
	lines = append(append(lines, ""), paths...)
	lines = append(append(lines, "", bold.paint("EVENTS", true)), events...)
	return append(lines, drops...)
}

// head is the first line: who, since when, how it is.
func (m *model) head() string {
	st := m.look.state
	worst := 0.0
	for i := range st.Workers {
		worst = max(worst, st.Workers[i].WorstGap)
	}
	left := bold.paint(st.Node, true) + fmt.Sprintf("  up %s  %s, worst gap %s", age(st.Time.Sub(st.Started)), plural(len(st.Workers), "worker"), millis(worst))
	right := st.Time.Local().Format("15:04:05") + "  ? help"
	if m.paused {
		right = yellow.paint("paused", true) + "  ? help"
	}
	return left + strings.Repeat(" ", max(2, m.width-width(left)-width(right))) + right
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// rates are the totals of the last second and their courses.
func (m *model) rates() []string {
	var last observe.Point
	if n := len(m.points); n > 0 {
		last = m.points[n-1]
	}
	course := func(name string, now float64, packets float64, of func(*observe.Point) float64) string {
		left := fmt.Sprintf("%s %12s %9s pkt/s  ", name, bits(now), rate(packets))
		return left + cyan.paint(m.sparkline(max(0, m.width-width(left)), of), true)
	}
	trouble := fmt.Sprintf("resent %s/s  drops %s/s", rate(last.Retransmits), rate(last.Drops))
	if last.Retransmits > 0 || last.Drops > 0 {
		trouble = yellow.paint(trouble, true)
	}
	return []string{
		fmt.Sprintf("%s  messages in %s/s out %s/s  %s", plural(m.look.state.Associations, "association"), rate(last.RxMessages), rate(last.TxMessages), trouble),
		course("in ", last.RxBits, last.RxPackets, func(p *observe.Point) float64 { return p.RxBits }),
		course("out", last.TxBits, last.TxPackets, func(p *observe.Point) float64 { return p.TxBits }),
	}
}

var blocks = []rune(" ▁▂▃▄▅▆▇█")

// sparkline draws the latest points, the newest at the right, as high as the highest of them.
func (m *model) sparkline(columns int, of func(*observe.Point) float64) string {
	points := m.points[max(0, len(m.points)-columns):]
	top := 0.0
	for i := range points {
		top = max(top, of(&points[i]))
	}
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", columns-len(points)))
	for i := range points {
		b.WriteRune(block(of(&points[i]), top))
	}
	return b.String()
}

// block is one column of a sparkline; what is not nothing is seen.
func block(v, top float64) rune {
	if v <= 0 || top <= 0 {
		return blocks[0]
	}
	return blocks[min(len(blocks)-1, 1+int(v/top*float64(len(blocks)-1)*0.9999))]
}

// ports are bars of what each port does, of the link's speed or of the busiest port.
func (m *model) ports(most int) []string {
	st := m.look.state
	rates := map[string]observe.Rate{}
	if n := len(m.points); n > 0 {
		for _, r := range m.points[n-1].Ports {
			rates[r.Name] = r
		}
	}
	busiest := 1.0
	for _, r := range rates {
		busiest = max(busiest, r.RxBits, r.TxBits)
	}
	bar := max(4, min(24, (m.width-56)/2))
	t := &table{columns: []column{{head: "PORT"}, {head: "LINK"}, {head: "PATHS", right: true}, {head: "IN", right: true}, {head: ""}, {head: "OUT", right: true}, {head: ""}}, color: true}
	var rows [][]cell
	for i := range st.Ports {
		p := &st.Ports[i]
		r := rates[p.Name]
		full := busiest
		if p.SpeedMbps > 0 {
			full = float64(p.SpeedMbps) * 1e6
		}
		rows = append(rows, []cell{text(p.Name), link(p), text(strconv.Itoa(p.Paths)), text(bits(r.RxBits)), styled(gauge(r.RxBits/full, bar), cyan), text(bits(r.TxBits)), styled(gauge(r.TxBits/full, bar), cyan)})
	}
	return more(t.lines(rows), most+1, "port")
}

// gauge is a bar that is full at 1.
func gauge(share float64, columns int) string {
	n := min(columns, int(share*float64(columns)+0.5))
	if n == 0 && share > 0 {
		n = 1
	}
	return strings.Repeat("█", n) + strings.Repeat("·", columns-n)
}

// more cuts a table to a number of lines, and says how many are missing.
func more(lines []string, most int, what string) []string {
	if len(lines) <= most || most < 2 {
		return lines
	}
	return append(lines[:most-1:most-1], faint.paint(fmt.Sprintf("… and %s more", plural(len(lines)-most+1, what)), true))
}

// onePath is a path and whose it is.
type onePath struct {
	assoc *observe.Assoc
	path  *observe.Path
}

// pathLines are the paths in their order, as many as there is room for.
func (m *model) pathLines(most int) []string {
	st := m.look.state
	var all []onePath
	for i := range st.Assocs {
		for j := range st.Assocs[i].Paths {
			all = append(all, onePath{&st.Assocs[i], &st.Assocs[i].Paths[j]})
		}
	}
	m.order(all)
	m.first = min(m.first, max(0, len(all)-1))
	head := []string{bold.paint("PATHS", true) + fmt.Sprintf(" by %s", m.sort) + pathTotals(st)}
	if st.Hidden.Associations > 0 {
		head = append(head, yellow.paint(hidden(st), true))
	}
	t := &table{columns: pathsView.columns, width: m.width, color: true}
	var rows [][]cell
	for _, p := range all[m.first:] {
		rows = append(rows, pathRow(p.assoc, p.path))
	}
	if len(rows) == 0 {
		return head
	}
	return append(head, more(t.lines(rows), most+1-len(head), "path")...)
}

// pathTotals is how many paths of all associations are in which state, the worst first.
func pathTotals(st *observe.State) string {
	n := map[string]int{}
	for _, c := range st.PathCounts {
		n[c.State] += c.Count
	}
	var all []string
	for _, state := range slices.Backward(pathStates) {
		if n[state] > 0 {
			all = append(all, stateStyle(state).paint(fmt.Sprintf("%d %s", n[state], state), true))
		}
	}
	if all == nil {
		return ": none"
	}
	return ": " + strings.Join(all, ", ")
}

// pathStates are the states of paths, from good to bad.
var pathStates = []string{"ACTIVE", "UNCONFIRMED", "PF", "INACTIVE"}

// order puts the paths into the order that is wanted.
func (m *model) order(all []onePath) {
	trouble := func(p onePath) int {
		return slices.Index(pathStates, p.path.State)*1000 + min(999, p.path.Errors)
	}
	slices.SortStableFunc(all, func(a, b onePath) int {
		switch m.sort {
		case byTrouble:
			return cmp.Compare(trouble(b), trouble(a))
		case byRTT:
			return cmp.Compare(b.path.SRTT, a.path.SRTT)
		case byFlight:
			return cmp.Compare(b.path.Flight, a.path.Flight)
		}
		return 0
	})
}

// eventLines are the latest events, the newest last.
func (m *model) eventLines(most int) []string {
	var out []string
	for _, e := range m.events[max(0, len(m.events)-most):] {
		e.Peer = "" // the paths say who the association is
		out = append(out, eventLine(&e, true))
	}
	if out == nil {
		return []string{faint.paint("none yet", true)}
	}
	return out
}

// drops are the reasons that grew since the look before, the fastest first.
func (m *model) drops(most int) []string {
	if m.before == nil {
		return nil
	}
	was := map[string]uint64{}
	for _, d := range m.before.Drops {
		was[d.Name] = d.Count
	}
	took := m.look.state.Time.Sub(m.before.Time)
	var grown []observe.Drop
	for _, d := range m.look.state.Drops {
		if d.Count > was[d.Name] {
			d.Count -= was[d.Name]
			grown = append(grown, d)
		}
	}
	slices.SortStableFunc(grown, func(a, b observe.Drop) int { return cmp.Compare(b.Count, a.Count) })
	var out []string
	for _, d := range grown[:min(most, len(grown))] {
		out = append(out, yellow.paint(fmt.Sprintf("drops: %s %s/s", d.Name, rate(float64(d.Count)/max(took, time.Millisecond).Seconds())), true)+"  "+d.Help)
	}
	return out
}

// width is how many columns a text with styles takes.
func width(s string) int {
	n, in := 0, false
	for _, r := range s {
		switch {
		case r == '\x1b':
			in = true
		case in:
			in = r != 'm'
		default:
			n++
		}
	}
	return n
}

// clip cuts a text with styles to a number of columns.
func clip(s string, columns int) string {
	if width(s) <= columns {
		return s
	}
	n, in := 0, false
	for i, r := range s {
		switch {
		case r == '\x1b':
			in = true
		case in:
			in = r != 'm'
		case n == columns-1:
			return s[:i] + "…\x1b[0m"
		default:
			n++
		}
	}
	return s
}
