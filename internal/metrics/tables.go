package metrics

import (
	"github.com/trunkline-sctp/trunkline/internal/observe"
)

// The metrics that are there once, or once for each reason or state.
var (
	buildInfo = newFamily("build_info", gauge, "1, with what runs: the version of Trunkline and the name of the node.", "version", "node")
	started   = newFamily("start_time_seconds", gauge, "When the daemon started, in seconds since 1970.")
	assocs    = newFamily("associations", gauge, "Associations that exist, in whatever state.")
	notShown  = newFamily("associations_not_shown", gauge,
		"Associations that have no series of their own, because there are more than metrics.associations of the configuration.")
	offPrimary = newFamily("associations_off_primary", gauge,
		"Associations whose new data goes to another path than the primary one.")
	plights = newFamily("associations_by_plight", gauge,
		"Associations by the worst of their paths: lost where each is inactive or has no port, inactive where one is, failing where one is potentially failed, unconfirmed, active.", "plight")
	paths     = newFamily("paths", gauge, "Paths of all associations that map to the port, none for no port, and are in the state.", "port", "state")
	portInfo  = newFamily("port_info", gauge, "1, with what the port is.", "port", "driver", "mac")
	drops     = newFamily("drops_total", counter, "What was thrown away, by reason; `trunkline drops` says what each one is.", "reason")
	switching = newFamily("failover_switch_seconds", histogram,
		"From when a path's failure was known to the first packet on another one; failovers with data under way.")
	standstill = newFamily("failover_standstill_seconds", histogram,
		"How long no acknowledgement came for data under way, up to the first one on the path after a failover.")
	pollGap = newFamily("worker_poll_gap_seconds", histogram,
		"From one poll of a worker to the next, without what it slept of its own will.", "worker")
)

// ownHelp has the counters that /proc/net/sctp/snmp does not have, by their names in a State.
var ownHelp = []struct{ name, metric, help string }{
	{"SctpFailovers", "failovers_total", "Times that an association's data went to another path than before."},
	{"SctpOutMessages", "tx_messages_total", "Messages sent: DATA chunks that end one, without those sent again."},
	{"SctpInMessages", "rx_messages_total", "Messages received: DATA chunks that end one."},
	{"SctpRetransmittedChunks", "retransmitted_chunks_total", "DATA chunks sent again, for whatever reason."},
	{"SctpWindowProbes", "window_probes_total", "DATA chunks sent beyond the peer's window, to see whether it has opened, without those sent again: its program reads too slowly."},
	{"SctpHeartbeatsSent", "heartbeats_sent_total", "HEARTBEAT chunks sent."},
	{"EventsDropped", "events_missed_total", "Events that a reader, such as the daemon's log, was too slow for."},
	{"TxStarved", "tx_starved_total", "Rounds of a worker that could not send because every pool was empty."},
}

var own = func() map[string]*family {
	m := map[string]*family{}
	for _, c := range ownHelp {
		m[c.name] = newFamily(c.metric, counter, c.help)
	}
	return m
}()

var portGroup = newGroup("port_", []string{"port"},
	column[observe.Port]{"up", gauge, "Whether the link is up: 1 or 0.", func(p *observe.Port) float64 { return oneIf(p.Up) }},
	column[observe.Port]{"flaps_total", counter, "Times that the link went up or down.", func(p *observe.Port) float64 { return float64(p.Flaps) }},
	column[observe.Port]{"speed_bytes_per_second", gauge, "Speed of the link; 0 is not known.", func(p *observe.Port) float64 { return float64(p.SpeedMbps) * 1e6 / 8 }},
	column[observe.Port]{"mtu_bytes", gauge, "The longest IP packet.", func(p *observe.Port) float64 { return float64(p.MTU) }},
	column[observe.Port]{"rx_packets_total", counter, "Frames received.", func(p *observe.Port) float64 { return float64(p.RxPackets) }},
	column[observe.Port]{"tx_packets_total", counter, "Frames sent.", func(p *observe.Port) float64 { return float64(p.TxPackets) }},
	column[observe.Port]{"rx_bytes_total", counter, "Bytes of frames received.", func(p *observe.Port) float64 { return float64(p.RxBytes) }},
	column[observe.Port]{"tx_bytes_total", counter, "Bytes of frames sent.", func(p *observe.Port) float64 { return float64(p.TxBytes) }},
	column[observe.Port]{"rx_missed_total", counter, "Frames that the device dropped because its queue was full.", func(p *observe.Port) float64 { return float64(p.RxMissed) }},
	column[observe.Port]{"rx_errors_total", counter, "Frames that the device received with an error.", func(p *observe.Port) float64 { return float64(p.RxErrors) }},
	column[observe.Port]{"rx_no_buffer_total", counter, "Frames dropped because the pool of buffers was empty.", func(p *observe.Port) float64 { return float64(p.RxNoBuffer) }},
	column[observe.Port]{"tx_errors_total", counter, "Frames that the device failed to send.", func(p *observe.Port) float64 { return float64(p.TxErrors) }},
)

var queueGroup = newGroup("queue_", []string{"port", "queue", "worker"},
	column[observe.Queue]{"rx_packets_total", counter, "Frames that the worker took from the queue.", func(q *observe.Queue) float64 { return float64(q.RxPackets) }},
	column[observe.Queue]{"tx_packets_total", counter, "Frames that the queue took from the workers.", func(q *observe.Queue) float64 { return float64(q.TxPackets) }},
	column[observe.Queue]{"rx_bytes_total", counter, "Bytes of those received.", func(q *observe.Queue) float64 { return float64(q.RxBytes) }},
	column[observe.Queue]{"tx_bytes_total", counter, "Bytes of those sent.", func(q *observe.Queue) float64 { return float64(q.TxBytes) }},
)

var workerGroup = newGroup("worker_", []string{"worker"},
	column[observe.Worker]{"associations", gauge, "Associations that the worker owns.", func(w *observe.Worker) float64 { return float64(w.Assocs) }},
	column[observe.Worker]{"worst_poll_gap_seconds", gauge, "The longest gap between two polls since the start.", func(w *observe.Worker) float64 { return w.WorstGap / 1e3 }},
	column[observe.Worker]{"sleeps_total", counter, "Times that the worker slept because there was nothing to do.", func(w *observe.Worker) float64 { return float64(w.Sleeps) }},
	column[observe.Worker]{"slept_seconds_total", counter, "How long it slept in all.", func(w *observe.Worker) float64 { return w.Slept }},
)

var assocGroup = newGroup("association_", []string{"assoc", "local_port", "peer"},
	column[observe.Assoc]{"tx_messages_total", counter, "Messages taken from the application.", func(a *observe.Assoc) float64 { return float64(a.TxMessages) }},
	column[observe.Assoc]{"rx_messages_total", counter, "Messages given to the application.", func(a *observe.Assoc) float64 { return float64(a.RxMessages) }},
	column[observe.Assoc]{"retransmitted_chunks_total", counter, "DATA chunks sent again.", func(a *observe.Assoc) float64 { return float64(a.Retransmitted) }},
	column[observe.Assoc]{"send_queued_bytes", gauge, "Taken from the application and not acknowledged.", func(a *observe.Assoc) float64 { return float64(a.SendQueued) }},
	column[observe.Assoc]{"receive_queued_bytes", gauge, "Received and not yet read by the application.", func(a *observe.Assoc) float64 { return float64(a.ReceiveQueued) }},
	column[observe.Assoc]{"peer_window_bytes", gauge, "Room that the peer has left for more data.", func(a *observe.Assoc) float64 { return float64(a.PeerRwnd) }},
	column[observe.Assoc]{"errors", gauge, "Errors in a row, over all paths; too many end the association.", func(a *observe.Assoc) float64 { return float64(a.Errors) }},
)

// pathLabels name a path; pathState has the state too.
var pathLabels = []string{"assoc", "local_port", "peer", "path", "port"}

// pathStates are the states that a path may be in.
var pathStates = []string{"ACTIVE", "INACTIVE", "PF", "UNCONFIRMED"}

var pathState = newFamily("path_state", gauge, "1 for the state that the path is in, 0 for the others.", append(pathLabels, "state")...)

var pathGroup = newGroup("path_", pathLabels,
	column[observe.Path]{"primary", gauge, "Whether it is the primary path: 1 or 0.", func(p *observe.Path) float64 { return oneIf(p.Primary) }},
	column[observe.Path]{"current", gauge, "Whether new data goes here: 1 or 0.", func(p *observe.Path) float64 { return oneIf(p.Current) }},
	column[observe.Path]{"rto_seconds", gauge, "Retransmission timeout.", func(p *observe.Path) float64 { return p.RTO / 1e3 }},
	column[observe.Path]{"srtt_seconds", gauge, "Smoothed round-trip time; 0 before the first measurement.", func(p *observe.Path) float64 { return p.SRTT / 1e3 }},
	column[observe.Path]{"rttvar_seconds", gauge, "Variation of the round-trip time.", func(p *observe.Path) float64 { return p.RTTVar / 1e3 }},
	column[observe.Path]{"cwnd_bytes", gauge, "Congestion window.", func(p *observe.Path) float64 { return float64(p.Cwnd) }},
	column[observe.Path]{"flight_bytes", gauge, "Sent and not acknowledged.", func(p *observe.Path) float64 { return float64(p.Flight) }},
	column[observe.Path]{"errors", gauge, "Errors in a row; too many make the path INACTIVE.", func(p *observe.Path) float64 { return float64(p.Errors) }},
	column[observe.Path]{"tx_packets_total", counter, "SCTP packets sent.", func(p *observe.Path) float64 { return float64(p.TxPackets) }},
	column[observe.Path]{"retransmits_total", counter, "DATA chunks sent again.", func(p *observe.Path) float64 { return float64(p.Retransmits) }},
	column[observe.Path]{"timeouts_total", counter, "Times that DATA was not acknowledged in time (T3-rtx).", func(p *observe.Path) float64 { return float64(p.Timeouts) }},
	column[observe.Path]{"heartbeats_sent_total", counter, "HEARTBEAT chunks sent.", func(p *observe.Path) float64 { return float64(p.HBSent) }},
	column[observe.Path]{"heartbeats_acked_total", counter, "HEARTBEAT ACK chunks received.", func(p *observe.Path) float64 { return float64(p.HBAcked) }},
)

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// families are all metrics, in the order of docs/metrics.md.
func families() []*family {
	all := []*family{buildInfo, started, assocs, notShown, plights, offPrimary, paths, switching, standstill}
	for _, c := range ownHelp {
		all = append(all, own[c.name])
	}
	for _, c := range mibHelp {
		all = append(all, mib[c.name])
	}
	all = append(all, drops, portInfo)
	all = append(all, portGroup.families...)
	all = append(all, queueGroup.families...)
	all = append(all, pollGap)
	all = append(all, workerGroup.families...)
	all = append(all, assocGroup.families...)
	all = append(all, pathState)
	return append(all, pathGroup.families...)
}
