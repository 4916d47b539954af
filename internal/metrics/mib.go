package metrics

import (
	"strings"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trunkline-sctp/trunkline/internal/observe"
)

// mibHelp has the counters of /proc/net/sctp/snmp (RFC 3873) that there are here, in its order. The name of
// the metric is the kernel's in snake case, because that is what Prometheus's own tools
// take for a name; the label "snmp" has the kernel's name itself.
var mibHelp = []struct{ name, help string }{
	{"SctpCurrEstab", "Associations that are established, or have begun to shut down."},
	{"SctpActiveEstabs", "Associations that we began and that came up."},
	{"SctpPassiveEstabs", "Associations that a peer began and that came up."},
	{"SctpAborteds", "Associations that ended by an ABORT, sent or received, or for want of an answer."},
	{"SctpShutdowns", "Associations that ended by a graceful shutdown."},
	{"SctpOutOfBlues", "Packets received that belonged to no association."},
	{"SctpChecksumErrors", "Packets received whose CRC32c was wrong."},
	{"SctpOutCtrlChunks", "Control chunks sent, all that are not DATA."},
	{"SctpOutOrderChunks", "Ordered DATA chunks sent, without those sent again."},
	{"SctpOutUnorderChunks", "Unordered DATA chunks sent, without those sent again."},
	{"SctpInCtrlChunks", "Control chunks received."},
	{"SctpInOrderChunks", "Ordered DATA chunks received."},
	{"SctpInUnorderChunks", "Unordered DATA chunks received."},
	{"SctpFragUsrMsgs", "Messages that had to be sent in fragments."},
	{"SctpReasmUsrMsgs", "Messages put together from fragments."},
	{"SctpOutSCTPPacks", "SCTP packets sent."},
	{"SctpInSCTPPacks", "SCTP packets received."},
	{"SctpT1InitExpireds", "Times that no INIT ACK came in time."},
	{"SctpT1CookieExpireds", "Times that no COOKIE ACK came in time."},
	{"SctpT2ShutdownExpireds", "Times that a SHUTDOWN or SHUTDOWN ACK was not answered in time."},
	{"SctpT3RtxExpireds", "Times that DATA was not acknowledged in time (T3-rtx)."},
	{"SctpT4RtoExpireds", "Times that an ASCONF was not answered in time."},
	{"SctpT5ShutdownGuardExpireds", "Associations aborted because their shutdown took too long."},
	{"SctpDelaySackExpireds", "SACKs sent because their delay was over."},
	{"SctpAutocloseExpireds", "Associations shut down because they were idle for as long as the program allows."},
	{"SctpT3Retransmits", "Times that all DATA of a path was sent again because T3-rtx expired."},
	{"SctpFastRetransmits", "Times that DATA was sent again because later DATA was acknowledged."},
	{"SctpInPktDiscards", "Packets received and thrown away whole."},
	{"SctpInDataChunkDiscards", "DATA chunks received and thrown away: duplicates, and those for which there was no room."},
}

// mib is those metrics by the kernel's names.
var mib = func() map[string]*family {
	m := map[string]*family{}
	for _, c := range mibHelp {
		kind, suffix := counter, "_total"
		if c.name == "SctpCurrEstab" {
			kind, suffix = gauge, ""
		}
		m[c.name] = newFamily(snake(c.name)+suffix, kind, c.help, "snmp")
	}
	return m
}()

func collectCounters(ch chan<- prometheus.Metric, counters []observe.Counter) {
	for _, c := range counters {
		if f := mib[c.Name]; f != nil {
			f.collect(ch, float64(c.Count), c.Name)
		} else if f := own[c.Name]; f != nil {
			f.collect(ch, float64(c.Count))
		}
	}
}

// snake turns SctpOutSCTPPacks into sctp_out_sctp_packs.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
