package sockets

import (
	"encoding/binary"
	"math/bits"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// maxSendFailed is where the bytes of a failed message begin in a frame that holds
// the longest form of SCTP_SEND_FAILED.
const maxSendFailed = proto.FrameSize + 48

// notice is a notification before it is written.
type notice struct {
	kind  int
	fixed any    // its structure, with Length unset
	rest  []byte // behind it
}

// notify writes the notification of an event, if the program subscribed to it.
func (s *socket) notify(a *assoc, e *dataplane.PathEvent, buf []byte) {
	s.note(a, e)
	if e.Kind == sctpcore.EventUp && a.quietUp {
		return // who subscribes after that is not told, as on Linux
	}
	for _, h := range s.notifications(a, e) {
		if a.wants(h.kind) {
			s.writeNotification(a, &h, buf)
		}
	}
}

// note takes over what an event changes, wanted or not.
func (s *socket) note(a *assoc, e *dataplane.PathEvent) {
	switch e.Kind {
	case sctpcore.EventUp:
		if !a.up {
			s.cameUp(a)
		}
	case sctpcore.EventRestart:
		s.cameUp(a)
	case sctpcore.EventAddressAdded, sctpcore.EventAddressRemoved:
		s.learn(a)
	case sctpcore.EventAddressPrimary:
		s.learn(a)
	}
}

// ownAbort tells of an end that the program brought about with SCTP_ABORT, as Linux does.
func (s *socket) ownAbort(a *assoc, buf []byte) {
	if !a.aborted || !a.wants(snAssocChange) {
		return
	}
	for _, h := range s.assocEnd(a, sacCommLost, bits.ReverseBytes16(uint16(wire.CauseUserAbort)), nil) {
		s.writeNotification(a, &h, buf)
	}
}

// notifications are what RFC 6458, section 6.1, makes of an event.
func (s *socket) notifications(a *assoc, e *dataplane.PathEvent) []notice {
	switch e.Kind {
	case sctpcore.EventUp:
		return s.assocChange(a, sacCommUp)
	case sctpcore.EventRestart:
		return s.assocChange(a, sacRestart)
	case sctpcore.EventDown:
		return s.down(a, e)
	case sctpcore.EventPeerShutdown:
		return []notice{{snShutdownEvent, &shutdownEvent{AssocID: a.id}, nil}}
	case sctpcore.EventPathState, sctpcore.EventAddressAdded, sctpcore.EventAddressRemoved, sctpcore.EventAddressPrimary:
		return s.addrChange(a, e)
	case sctpcore.EventPeerError:
		return []notice{{snRemoteError, &remoteError{Error: bits.ReverseBytes16(uint16(e.Cause)), AssocID: a.id}, e.Data}}
	case sctpcore.EventSendFailed:
		return sendFailures(a, e.Failed, uint32(unix.EINVAL))
	case sctpcore.EventAdaptation:
		return []notice{{snAdaptation, &adaptationEvent{Adaptation: e.Adaptation, AssocID: a.id}, nil}}
	case sctpcore.EventPartialAborted:
		return []notice{{snPartialDelivery, &partialEvent{AssocID: a.id, Stream: uint32(e.Stream), SSN: uint32(e.SSN)}, nil}}
	case sctpcore.EventAuth:
		return []notice{{snAuthentication, &authEvent{Key: e.Key, Indication: authIndication(e.Auth), AssocID: a.id}, nil}}
	case sctpcore.EventSenderDry:
		return []notice{{snSenderDry, &senderDryEvent{AssocID: a.id}, nil}}
	}
	return nil
}

func (s *socket) assocChange(a *assoc, state uint16) []notice {
	return []notice{{snAssocChange, &assocChange{State: state, OutStreams: a.outStreams, InStreams: a.inStreams, AssocID: a.id}, nil}}
}

// assocEnd is assocChange of an association that has no streams any more.
func (s *socket) assocEnd(a *assoc, state, cause uint16, info []byte) []notice {
	return []notice{{snAssocChange, &assocChange{State: state, Error: cause, AssocID: a.id}, info}}
}

// down tells how the association ended; Linux gives the cause as it is on the wire.
func (s *socket) down(a *assoc, e *dataplane.PathEvent) []notice {
	cause := bits.ReverseBytes16(uint16(e.Cause))
	switch {
	case !a.up:
		return s.assocEnd(a, sacCantStart, cause, e.Data)
	case e.Reason == sctpcore.ReasonShutdown:
		return s.assocEnd(a, sacShutdownComp, 0, nil)
	}
	return s.assocEnd(a, sacCommLost, cause, e.Data)
}

func (s *socket) addrChange(a *assoc, e *dataplane.PathEvent) []notice {
	c := peerAddrChange{AssocID: a.id, Addr: s.store(e.Dst, a.primary.Port())}
	switch {
	case e.Kind == sctpcore.EventAddressAdded:
		c.State = spcAdded
	case e.Kind == sctpcore.EventAddressRemoved:
		c.State = spcRemoved
	case e.Kind == sctpcore.EventAddressPrimary:
		c.State = spcMadePrimary
	case e.To == sctpcore.Active && e.From == sctpcore.Unconfirmed:
		c.State, c.Error = spcConfirmed, snErrHeartbeatSuccess
	case e.To == sctpcore.Active:
		c.State, c.Error = spcAvailable, snErrHeartbeatSuccess
		if e.Reason == sctpcore.ReasonDataAcked {
			c.Error = snErrReceivedSACK
		}
	case e.To == sctpcore.PotentiallyFailed && a.settings.pfExpose == 2:
		c.State, c.Error = spcPotentiallyFailed, snErrFailedThreshold
	case e.To == sctpcore.Inactive:
		c.State, c.Error = spcUnreachable, snErrFailedThreshold
	default:
		return nil
	}
	return []notice{{snPeerAddrChange, &c, nil}}
}

func authIndication(i sctpcore.AuthIndication) uint32 {
	switch i {
	case sctpcore.AuthNewKey:
		return authNewKey
	case sctpcore.AuthFreeKey:
		return authFreeKey
	}
	return authNoAuth
}

// failed tells of a message that was refused for err.
func (s *socket) failed(a *assoc, m *dataplane.Message, data []byte, err error) {
	failed := *m
	failed.Data = data
	buf := buffers.Get().(*[]byte)
	s.notifyFailed(a, &failed, uint32(errnoOf(err)), *buf)
	buffers.Put(buf)
}

// notifyFailed writes the notification of a message, m.Data, that was not delivered,
// in either form that the program subscribed to.
func (s *socket) notifyFailed(a *assoc, m *dataplane.Message, no uint32, buf []byte) {
	for _, h := range sendFailures(a, m, no) {
		if a.wants(h.kind) {
			s.writeNotification(a, &h, buf)
		}
	}
}

func sendFailures(a *assoc, m *dataplane.Message, no uint32) []notice {
	var flags, sinfo uint16 // of ssf_flags: 0 is SCTP_DATA_UNSENT
	if m.Sent {
		flags = 1 // SCTP_DATA_SENT
	}
	if m.Unordered {
		sinfo = sndUnordered
	}
	ppid := bits.ReverseBytes32(m.PPID)
	return []notice{
		{snSendFailed, &sendFailed{Flags: flags, Error: no, AssocID: a.id,
			Info: sndRcvInfo{Stream: m.Stream, Flags: sinfo, PPID: ppid, Context: m.Context, AssocID: a.id}}, m.Data},
		{snSendFailedEvent, &sendFailedEvent{Flags: flags, Error: no, AssocID: a.id,
			Info: sndInfo{Stream: m.Stream, Flags: sinfo, PPID: ppid, Context: m.Context, AssocID: a.id}}, m.Data},
	}
}

// writeNotification writes one frame; what does not fit behind the structure is cut.
func (s *socket) writeNotification(a *assoc, h *notice, buf []byte) {
	size := binary.Size(h.fixed)
	rest := h.rest[:min(len(h.rest), proto.PayloadMax-size)]
	f := proto.Frame{Kind: proto.FrameNotification, Flags: proto.FlagEOR | s.wanted, Length: uint32(size + len(rest)), AssocID: a.id}
	setAddr(&f, s.family, a.primary)
	copy(buf[proto.FrameSize+size:], rest) // before the rest, which may lie where the header goes
	b := proto.AppendFrame(buf[:0], &f)
	b, _ = binary.Append(b, binary.LittleEndian, h.fixed)
	binary.LittleEndian.PutUint16(b[proto.FrameSize:], uint16(h.kind))
	binary.LittleEndian.PutUint32(b[proto.FrameSize+4:], f.Length)
	s.mark()
	s.write(b[:proto.FrameSize+int(f.Length)])
}
