package sctpcore

// Slots is how many places for associations there are now, with and without one. An
// association keeps its place.
func (e *Endpoint) Slots() int { return len(e.slots) }

// At is the association in place i, below Slots; 0 if there is none.
func (e *Endpoint) At(i int) AssocID {
	if a := e.slots[i]; a != nil {
		return a.id
	}
	return 0
}

// Assoc is a snapshot of an association; it may allocate.
func (e *Endpoint) Assoc(id AssocID) (s AssocInfo, ok bool) {
	ok = e.AssocInto(id, &s)
	return s, ok
}

// AssocInto is Assoc into s, whose LocalAddrs are used again.
func (e *Endpoint) AssocInto(id AssocID, s *AssocInfo) bool {
	a := e.assoc(id)
	if a == nil {
		return false
	}
	c, l, o := &a.stats, &a.less, &a.out
	*s = AssocInfo{LocalAddrs: s.LocalAddrs[:0], State: a.state, LocalPort: a.localPort, PeerPort: a.peerPort, LocalTag: a.localTag, PeerTag: a.peerTag,
		InStreams: a.inStreamsMax, OutStreams: len(o.nextSSN), Features: a.features(),
		PeerRwnd: o.peerRwnd, Rwnd: a.in.rwnd(), FragmentSize: a.fragmentSize(),
		SendQueued: o.queued, InFlight: o.flight, UnackedChunks: o.unacked(), QueuedMessages: int(o.messages.tail - o.cut),
		ReceiveQueued: a.in.held, PendingMessages: int(c.RxMessages - a.in.read),
		ErrorCount: a.errors, Primary: int(a.primary), MaxRTO: a.initRTO,
		TxMessages: o.messages.tail, RxMessages: c.RxMessages, TxDataChunks: o.sent, RxDataChunks: c.RxDataChunks,
		TxUnordered: l.TxUnordered, RxUnordered: l.RxUnordered,
		RetransmittedChunks: c.RetransmittedChunks, FastRetransmits: c.FastRetransmits, Timeouts: c.Timeouts,
		DuplicateTSNs: c.DuplicateTSNs, OutOfSequenceTSNs: l.OutOfSequenceTSNs, GapBlocks: l.GapBlocks,
		TxSACKs: o.txSacks, RxSACKs: o.rxSacks, RxPackets: a.rxPackets,
		TxControlChunks: l.TxControl + o.txSacks, RxControlChunks: l.RxControl + o.rxSacks,
	}
	if len(a.in.streams) > 0 {
		s.InStreams = len(a.in.streams)
	}
	for i := range a.paths {
		s.TxPackets += a.paths[i].txPackets
		s.MaxRTO = max(s.MaxRTO, a.paths[i].maxRTO)
	}
	for _, l := range a.locals {
		if a.ext == nil || !a.ext.conf.asked(DeleteAddress, l) {
			s.LocalAddrs = append(s.LocalAddrs, l)
		}
	}
	return true
}

// unacked is the chunks that were sent and not acknowledged, by gap blocks neither.
func (o *outbound) unacked() int {
	return o.marks.count(ackable, o.cumAcked+1, o.nextTSN)
}

func (a *assoc) features() (f Features) {
	if a.ext != nil && a.ext.auth.on {
		f |= FeatureAuth
	}
	if a.ext != nil && a.ext.conf.on {
		f |= FeatureAsconf
	}
	return f
}

// Paths appends snapshots of the association's paths, in index order, to dst.
func (e *Endpoint) Paths(id AssocID, dst []PathInfo) []PathInfo {
	a := e.assoc(id)
	if a == nil {
		return dst
	}
	for i := range a.paths {
		p := &a.paths[i]
		dst = append(dst, PathInfo{
			Src: p.src, Dst: p.dst, Egress: p.egress, State: p.state,
			Primary: i == int(a.primary), Current: i == int(a.current), LinkDown: p.linkDown,
			RTO: p.rto, SRTT: p.srtt, RTTVar: p.rttvar,
			Cwnd: p.cwnd, Ssthresh: p.ssthresh, Flight: p.flight, MTU: int(p.mtu), ErrorCount: int(p.errors),
			TxPackets: p.txPackets, TxDataChunks: p.txDataChunks, Retransmits: p.retransmits,
			Timeouts: p.timeouts, HeartbeatsSent: p.hbSent, HeartbeatsAcked: p.hbAcked,
		})
	}
	return dst
}
