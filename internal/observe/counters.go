package observe

import (
	"reflect"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// The fields of sctpcore.Counters that have the names of /proc/net/sctp/snmp, in its order
// (Linux' SctpInPktSoftirq and SctpInPktBacklog tell of its locks, which we have not), then
// ours.
var (
	snmpFields = []string{"CurrEstab", "ActiveEstabs", "PassiveEstabs", "Aborteds", "Shutdowns", "OutOfBlues", "ChecksumErrors",
		"OutCtrlChunks", "OutOrderChunks", "OutUnorderChunks", "InCtrlChunks", "InOrderChunks", "InUnorderChunks",
		"FragUsrMsgs", "ReasmUsrMsgs", "OutSCTPPacks", "InSCTPPacks",
		"T1InitExpireds", "T1CookieExpireds", "T2ShutdownExpireds", "T3RtxExpireds", "T4RTOExpireds", "T5ShutdownGuardExpireds",
		"DelaySackExpireds", "FastRetransmits"}
	ownFields = []string{"OutMessages", "InMessages", "RetransmittedChunks", "Failovers", "HeartbeatsSent"}
	// renamed are those whose name Linux spells otherwise.
	renamed = map[string]string{"T4RTOExpireds": "T4RtoExpireds"}
)

// counter is where a counter is and its name.
type counter struct {
	field []int
	name  string
}

var counterTable = func() (all []counter) {
	t := reflect.TypeFor[sctpcore.Counters]()
	for _, names := range [][]string{snmpFields, ownFields} {
		for _, name := range names {
			f, ok := t.FieldByName(name)
			if !ok {
				panic("observe: sctpcore.Counters has no " + name)
			}
			if other, ok := renamed[name]; ok {
				name = other
			}
			all = append(all, counter{f.Index, "Sctp" + name})
		}
	}
	return all
}()

func counters(t *dataplane.Totals) []Counter {
	v := reflect.ValueOf(&t.Core).Elem()
	out := make([]Counter, len(counterTable))
	for i, c := range counterTable {
		out[i] = Counter{c.name, v.FieldByIndex(c.field).Uint()}
	}
	return append(out, Counter{"EventsDropped", t.EventsDropped}, Counter{"TxStarved", t.TxStarved})
}
