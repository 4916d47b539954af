package watch

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/trunkline-sctp/trunkline/internal/observe"
)

// view is one of the tables: what it asks for, and how a state becomes rows.
type view struct {
	part    string // of a state
	columns []column
	// rows are those of a state, and items the same for JSON, in the same order.
	rows  func(st *observe.State, all bool) [][]cell
	items func(st *observe.State, all bool) []any
	note  string // what to say if there is no row
}

var assocsView = view{
	part: "assocs",
	columns: []column{
		{head: "ASSOC"}, {head: "STATE"}, {head: "PEER"}, {head: "PORT", right: true, rank: 4},
		{head: "PATHS", right: true}, {head: "AGE", right: true, rank: 3},
		{head: "TX MSGS", right: true, rank: 1}, {head: "RX MSGS", right: true, rank: 1}, {head: "RESENT", right: true, rank: 2},
		{head: "QUEUED", right: true, rank: 5}, {head: "FLIGHT", right: true, rank: 6}, {head: "PEER RWND", right: true, rank: 7},
		{head: "STREAMS", right: true, rank: 8}, {head: "WORKER", right: true, rank: 9}, {head: "FEATURES", rank: 10},
	},
	rows: func(st *observe.State, _ bool) (out [][]cell) {
		for i := range st.Assocs {
			out = append(out, assocRow(&st.Assocs[i], st.Time))
		}
		return out
	},
	items: func(st *observe.State, _ bool) []any { return pointers(st.Assocs) },
	note:  "no associations",
}

func assocRow(a *observe.Assoc, now time.Time) []cell {
	active := 0
	for i := range a.Paths {
		if a.Paths[i].State == "ACTIVE" {
			active++
		}
	}
	paths := styled(fmt.Sprintf("%d/%d", active, len(a.Paths)), plain)
	if active < len(a.Paths) {
		paths.style = yellow
	}
	return []cell{
		text(a.ID), styled(a.State, stateStyle(a.State)), text(peer(a)), text(strconv.Itoa(int(a.LocalPort))),
		paths, text(age(now.Sub(a.Since))),
		text(count(a.TxMessages)), text(count(a.RxMessages)), text(count(a.Retransmitted)),
		text(size(a.SendQueued)), text(size(a.InFlight)), text(size(a.PeerRwnd)),
		text(fmt.Sprintf("%d/%d", a.OutStreams, a.InStreams)), text(strconv.Itoa(a.Worker)), text(strings.Join(a.Features, ",")),
	}
}

// peer is the address that new data goes to, else the first, with the port.
func peer(a *observe.Assoc) string {
	if len(a.Paths) == 0 {
		return fmt.Sprintf("?:%d", a.PeerPort)
	}
	at := 0
	for i := range a.Paths {
		if a.Paths[i].Current {
			at = i
		}
	}
	return netip.AddrPortFrom(a.Paths[at].Dst, a.PeerPort).String()
}

var pathsView = view{
	part: "assocs",
	columns: []column{
		{head: "ASSOC"}, {head: ""}, {head: "TO"}, {head: "PORT"}, {head: "STATE"}, {head: "NOTE", rank: 4},
		{head: "RTO", right: true, rank: 1}, {head: "SRTT", right: true, rank: 2}, {head: "CWND", right: true, rank: 3}, {head: "FLIGHT", right: true, rank: 5},
		{head: "ERRORS", right: true, rank: 3}, {head: "RESENT", right: true, rank: 6}, {head: "TIMEOUTS", right: true, rank: 7},
		{head: "HB ACKED/SENT", right: true, rank: 8}, {head: "MTU", right: true, rank: 9}, {head: "FROM", rank: 10},
	},
	rows: func(st *observe.State, _ bool) (out [][]cell) {
		for i := range st.Assocs {
			for j := range st.Assocs[i].Paths {
				out = append(out, pathRow(&st.Assocs[i], &st.Assocs[i].Paths[j]))
			}
		}
		return out
	},
	items: func(st *observe.State, _ bool) (out []any) {
		for i := range st.Assocs {
			a := &st.Assocs[i]
			for j := range a.Paths {
				out = append(out, pathItem{a.ID, a.LocalPort, a.PeerPort, &a.Paths[j]})
			}
		}
		return out
	},
	note: "no associations, so no paths",
}

// pathItem is a path, and whose it is.
type pathItem struct {
	Assoc     string `json:"assoc"`
	LocalPort uint16 `json:"local_port"`
	PeerPort  uint16 `json:"peer_port"`
	*observe.Path
}

func pathRow(a *observe.Assoc, p *observe.Path) []cell {
	current := text("")
	if p.Current {
		current = styled("*", cyan)
	}
	return []cell{
		text(a.ID), current, text(p.Dst.String()), portName(p), styled(p.State, stateStyle(p.State)), text(note(p)),
		text(millis(p.RTO)), text(millis(p.SRTT)), text(size(p.Cwnd)), text(size(p.Flight)),
		text(strconv.Itoa(p.Errors)), text(count(p.Retransmits)), text(count(p.Timeouts)),
		text(count(p.HBAcked) + "/" + count(p.HBSent)), text(strconv.Itoa(p.MTU)), text(p.Src.String()),
	}
}

func portName(p *observe.Path) cell {
	if p.Port == "" {
		return styled("none", red)
	}
	return text(p.Port)
}

// note is what else is to be said of a path.
func note(p *observe.Path) string {
	var all []string
	if p.Primary {
		all = append(all, "primary")
	}
	if p.LinkDown {
		all = append(all, "link down")
	}
	return strings.Join(all, ", ")
}

var portsView = view{
	part: "ports",
	columns: []column{
		{head: "PORT"}, {head: "LINK"}, {head: "ADDRESSES", rank: 5, cut: true}, {head: "PATHS", right: true, rank: 4},
		{head: "RX PKTS", right: true}, {head: "RX BYTES", right: true, rank: 2}, {head: "TX PKTS", right: true}, {head: "TX BYTES", right: true, rank: 2},
		{head: "LOST", right: true, rank: 1}, {head: "ERRORS", right: true, rank: 1}, {head: "FLAPS", right: true, rank: 3},
		{head: "QUEUES", right: true, rank: 7}, {head: "MTU", right: true, rank: 6}, {head: "MAC", rank: 9}, {head: "DRIVER", rank: 8},
	},
	rows: func(st *observe.State, _ bool) (out [][]cell) {
		for i := range st.Ports {
			out = append(out, portRow(&st.Ports[i]))
		}
		return out
	},
	items: func(st *observe.State, _ bool) []any { return pointers(st.Ports) },
	note:  "no ports",
}

func portRow(p *observe.Port) []cell {
	lost, errors := text(count(p.RxMissed+p.RxNoBuffer)), text(count(p.RxErrors+p.TxErrors))
	if p.RxMissed+p.RxNoBuffer > 0 {
		lost.style = yellow
	}
	if p.RxErrors+p.TxErrors > 0 {
		errors.style = yellow
	}
	addrs := make([]string, len(p.Addrs))
	for i, a := range p.Addrs {
		addrs[i] = a.String()
	}
	return []cell{
		text(p.Name), link(p), text(strings.Join(addrs, " ")), text(strconv.Itoa(p.Paths)),
		text(count(p.RxPackets)), text(size(p.RxBytes)), text(count(p.TxPackets)), text(size(p.TxBytes)),
		lost, errors, text(count(p.Flaps)),
		text(strconv.Itoa(len(p.Queues))), text(strconv.Itoa(p.MTU)), text(p.MAC), text(p.Driver),
	}
}

func link(p *observe.Port) cell {
	switch {
	case !p.Up:
		return styled("down", stateStyle("down"))
	case p.SpeedMbps == 0:
		return styled("up", stateStyle("up"))
	}
	return styled("up "+speed(p.SpeedMbps), stateStyle("up"))
}

// speed writes a link's: 100M, 10G, 2.5G.
func speed(mbps int) string {
	if mbps < 1000 {
		return fmt.Sprintf("%dM", mbps)
	}
	return strconv.FormatFloat(float64(mbps)/1000, 'f', -1, 64) + "G"
}

var dropsView = view{
	part:    "drops",
	columns: []column{{head: "DROP"}, {head: "COUNT", right: true}, {head: "WHAT IT IS", cut: true, rank: 1}},
	rows: func(st *observe.State, all bool) (out [][]cell) {
		for i := range st.Drops {
			if d := &st.Drops[i]; all || d.Count > 0 {
				out = append(out, []cell{text(d.Name), text(count(d.Count)), text(d.Help)})
			}
		}
		return out
	},
	items: func(st *observe.State, all bool) (out []any) {
		for i := range st.Drops {
			if all || st.Drops[i].Count > 0 {
				out = append(out, &st.Drops[i])
			}
		}
		return out
	},
	note: "nothing was dropped; --all shows what could be",
}

// pointers are those to the elements of a list.
func pointers[T any](list []T) []any {
	out := make([]any, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}
