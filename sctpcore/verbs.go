package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// AssociateParams are what Associate needs (ASSOCIATE, RFC 9260, section 11.1.2).
type AssociateParams struct {
	LocalPort, PeerPort uint16
	Locals              []wire.Addr // our addresses, listed in the INIT; at least one
	Peers               []wire.Addr // the peer's addresses known beforehand; INIT is tried on each in turn
	InStreams           int         // 0 is Limits.InStreams
	OutStreams          int         // 0 is Limits.OutStreams
	ReceiveBuffer       int         // bytes; 0 is Limits.ReceiveBuffer
	Timers              *Timers     // nil is Config.Timers
	Params              *Params     // in place of Timers, if not nil; ErrInvalid if out of range
	Extensions          *Extensions // nil is none; ErrInvalid or ErrKey if they contradict themselves
}

// ListenParams are what Listen needs.
type ListenParams struct {
	Locals        []wire.Addr // our addresses, listed in the INIT ACK; INITs to others are not ours
	InStreams     int
	OutStreams    int
	ReceiveBuffer int
	Timers        *Timers
	Params        *Params
	Extensions    *Extensions
}
