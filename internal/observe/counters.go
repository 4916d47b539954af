package observe

import (
	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// counters have the names of /proc/net/sctp/snmp and its order, then there are ours. Of Linux'
// there are not SctpPmtudRetransmits, since nothing is sent again because the path MTU
// shrank, nor SctpInPktSoftirq and SctpInPktBacklog, which tell of its locks.
func counters(t *dataplane.Totals) []Counter {
	c := &t.Core
	return append(snmp(c),
		Counter{"SctpOutMessages", c.OutMessages},
		Counter{"SctpInMessages", c.InMessages},
		Counter{"SctpRetransmittedChunks", c.RetransmittedChunks},
		Counter{"SctpWindowProbes", c.WindowProbes},
		Counter{"SctpFailovers", c.Failovers},
		Counter{"SctpHeartbeatsSent", c.HeartbeatsSent},
		Counter{"EventsDropped", t.EventsDropped},
		Counter{"TxStarved", t.TxStarved})
}

func snmp(c *sctpcore.Counters) []Counter {
	return []Counter{
		{"SctpCurrEstab", c.CurrEstab},
		{"SctpActiveEstabs", c.ActiveEstabs},
		{"SctpPassiveEstabs", c.PassiveEstabs},
		{"SctpAborteds", c.Aborteds},
		{"SctpShutdowns", c.Shutdowns},
		{"SctpOutOfBlues", c.OutOfBlues},
		{"SctpChecksumErrors", c.ChecksumErrors},
		{"SctpOutCtrlChunks", c.OutCtrlChunks},
		{"SctpOutOrderChunks", c.OutOrderChunks},
		{"SctpOutUnorderChunks", c.OutUnorderChunks},
		{"SctpInCtrlChunks", c.InCtrlChunks},
		{"SctpInOrderChunks", c.InOrderChunks},
		{"SctpInUnorderChunks", c.InUnorderChunks},
		{"SctpFragUsrMsgs", c.FragUsrMsgs},
		{"SctpReasmUsrMsgs", c.ReasmUsrMsgs},
		{"SctpOutSCTPPacks", c.OutSCTPPacks},
		{"SctpInSCTPPacks", c.InSCTPPacks},
		{"SctpT1InitExpireds", c.T1InitExpireds},
		{"SctpT1CookieExpireds", c.T1CookieExpireds},
		{"SctpT2ShutdownExpireds", c.T2ShutdownExpireds},
		{"SctpT3RtxExpireds", c.T3RtxExpireds},
		{"SctpT4RtoExpireds", c.T4RTOExpireds},
		{"SctpT5ShutdownGuardExpireds", c.T5ShutdownGuardExpireds},
		{"SctpDelaySackExpireds", c.DelaySackExpireds},
		{"SctpAutocloseExpireds", c.AutocloseExpireds},
		{"SctpT3Retransmits", c.T3Retransmits},
		{"SctpFastRetransmits", c.FastRetransmits},
		{"SctpInPktDiscards", c.InPktDiscards()},
		{"SctpInDataChunkDiscards", c.InDataChunkDiscards()},
	}
}
