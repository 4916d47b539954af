package sctpcore

// Counters are an endpoint's totals. The upper part has the meaning of the
// SCTP-MIB (RFC 3873) as in Linux' /proc/net/sctp/snmp; the lower part has one
// counter for each reason for which a packet or chunk is dropped.
type Counters struct {
	CurrEstab, ActiveEstabs, PassiveEstabs, Aborteds, Shutdowns     uint64
	OutOfBlues, ChecksumErrors                                      uint64
	OutCtrlChunks, OutOrderChunks, OutUnorderChunks                 uint64
	InCtrlChunks, InOrderChunks, InUnorderChunks                    uint64
	FragUsrMsgs, ReasmUsrMsgs, OutSCTPPacks, InSCTPPacks            uint64
	T1InitExpireds, T1CookieExpireds, T2ShutdownExpireds            uint64
	T3RtxExpireds, T5ShutdownGuardExpireds, DelaySackExpireds       uint64
	T4RTOExpireds, AutocloseExpireds, T3Retransmits                 uint64
	FastRetransmits, RetransmittedChunks, Failovers, HeartbeatsSent uint64
	// WindowProbes are DATA chunks sent beyond the peer's window, to see whether it has opened
	// (RFC 9260, section 6.1, A). What T3-rtx makes of them while it has not is not counted again.
	WindowProbes uint64
	// OutMessages and InMessages are user messages of which the last chunk was sent, or
	// which can be read.
	OutMessages, InMessages uint64
	// OffPrimary is how many associations there are now whose new data goes elsewhere
	// than to their primary path.
	OffPrimary uint64

	Drops Drops
}

// InPktDiscards are the packets that were thrown away whole.
func (c *Counters) InPktDiscards() uint64 {
	d := &c.Drops
	return c.ChecksumErrors + d.ShortPacket + d.BadPort + d.BadAddress + d.NotAlone + d.BadTag + d.ZeroTag +
		d.OutOfBlue + d.AddressNotOfAssoc + d.DeletedAddress
}

// InDataChunkDiscards are the DATA chunks that were thrown away.
func (c *Counters) InDataChunkDiscards() uint64 {
	d := &c.Drops
	return d.DuplicateTSN + d.TSNOutsideWindow + d.NoReceiveBuffer + d.NoStore + d.BadStream
}

// Drops counts what was thrown away, by reason.
type Drops struct {
	ShortPacket       uint64 // no room for a common header and one chunk header
	BadPort           uint64 // source or destination port 0
	BadAddress        uint64 // source or destination cannot have an association
	BadChunkLength    uint64 // chunk length below 4 or beyond the packet
	BadChunk          uint64 // a chunk's fixed part or parameters are malformed
	NotAlone          uint64 // INIT, INIT ACK or SHUTDOWN COMPLETE bundled with another chunk
	BadTag            uint64 // verification tag is not the association's (8.5)
	ZeroTag           uint64 // tag 0 in a packet without INIT
	UnexpectedChunk   uint64 // chunk makes no sense in this state
	UnknownChunk      uint64 // chunk type that is not implemented
	OutOfBlue         uint64 // no association, and no answer is due (8.4)
	RateLimited       uint64 // an answer was due but AnswersPerSecond was used up
	BadCookie         uint64 // MAC wrong, or made for other ports or addresses
	StaleCookie       uint64 // cookie older than its life
	DuplicateCookie   uint64 // COOKIE ECHO for an association that stands
	NoRoom            uint64 // a new association would pass Limits.Associations
	DuplicateTSN      uint64 // DATA received before
	TSNOutsideWindow  uint64 // DATA too far ahead
	NoReceiveBuffer   uint64 // DATA beyond the receive buffer
	NoStore           uint64 // DATA beyond Limits.StoreMemory
	EmptyData         uint64 // DATA without user data; the association is aborted
	BadStream         uint64 // DATA for a stream that does not exist
	BadSACK           uint64 // SACK that acknowledges what was never sent, or malformed
	OldSACK           uint64 // SACK older than one processed before
	BadHeartbeatAck   uint64 // HEARTBEAT ACK that does not echo what we sent
	BadFragment       uint64 // B and E bits contradict each other
	BadICMP           uint64 // ICMP quotes a packet that we never sent
	LateUnreachable   uint64 // Protocol Unreachable from a host whose SCTP has answered
	AddressNotOfAssoc uint64 // right tag, but from an address that is not the peer's
	Unauthenticated   uint64 // a chunk that must be authenticated came without AUTH (RFC 4895)
	BadAuth           uint64 // AUTH whose HMAC is wrong, malformed, or second in its packet
	UnknownKey        uint64 // AUTH with a key identifier that we do not have
	UnsupportedHMAC   uint64 // AUTH with a hash function that we did not offer; reported
	BadAsconf         uint64 // ASCONF or ASCONF-ACK that is malformed or answers nothing (RFC 5061)
	OldAsconf         uint64 // ASCONF or ASCONF-ACK whose serial is neither due nor remembered
	NoSource          uint64 // an answer that no address of ours may send while it is deleted
	DeletedAddress    uint64 // packet to an address of ours that the association gave up
}
