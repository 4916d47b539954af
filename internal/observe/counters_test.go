package observe

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// linuxCounters are the names of /proc/net/sctp/snmp, in its order.
var linuxCounters = strings.Fields(`SctpCurrEstab SctpActiveEstabs SctpPassiveEstabs SctpAborteds SctpShutdowns
	SctpOutOfBlues SctpChecksumErrors SctpOutCtrlChunks SctpOutOrderChunks SctpOutUnorderChunks SctpInCtrlChunks
	SctpInOrderChunks SctpInUnorderChunks SctpFragUsrMsgs SctpReasmUsrMsgs SctpOutSCTPPacks SctpInSCTPPacks
	SctpT1InitExpireds SctpT1CookieExpireds SctpT2ShutdownExpireds SctpT3RtxExpireds SctpT4RtoExpireds
	SctpT5ShutdownGuardExpireds SctpDelaySackExpireds SctpAutocloseExpireds SctpT3Retransmits SctpPmtudRetransmits
	SctpFastRetransmits SctpInPktSoftirq SctpInPktBacklog SctpInPktDiscards SctpInDataChunkDiscards`)

// The names and their order are Linux', but for those that tell of what we have not.
func TestCountersHaveLinuxNames(t *testing.T) {
	if b, err := os.ReadFile("/proc/net/sctp/snmp"); err == nil {
		var names []string
		for line := range strings.Lines(string(b)) {
			names = append(names, strings.Fields(line)[0])
		}
		require.Equal(t, linuxCounters, names, "this machine's kernel")
	}
	var want, got []string
	for _, name := range linuxCounters {
		switch name {
		case "SctpPmtudRetransmits", "SctpInPktSoftirq", "SctpInPktBacklog":
		default:
			want = append(want, name)
		}
	}
	for _, c := range snmp(&sctpcore.Counters{}) {
		got = append(got, c.Name)
	}
	require.Equal(t, want, got)
}

// Every counter of the core is told, and is told once.
func TestEveryCounterIsTold(t *testing.T) {
	var all dataplane.Totals
	v := reflect.ValueOf(&all.Core).Elem()
	fields := map[uint64]string{}
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Uint64 {
			f.SetUint(1 << i)
			fields[1<<i] = v.Type().Field(i).Name
		}
	}
	delete(fields, all.Core.OffPrimary) // it has a place of its own
	for _, c := range counters(&all) {
		if name, ok := fields[c.Count]; ok {
			require.True(t, strings.EqualFold("Sctp"+name, c.Name), "%s is told as %s", name, c.Name)
			delete(fields, c.Count)
		}
	}
	require.Empty(t, fields)
}
