package sctpcore

import (
	"encoding/binary"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// heartbeatInfoLen is our Heartbeat Information: path (1), zero (3), nonce (8),
// time sent (8). The nonce binds an answer to one heartbeat, so that a forged or
// repeated one proves nothing (RFC 9260, section 8.3).
const heartbeatInfoLen = 20

// startHeartbeats begins watching every path once the association is up:
// unconfirmed ones at once, since they carry no data before that (section 5.4).
func (a *assoc) startHeartbeats(now Time) {
	for i := range a.paths {
		p := &a.paths[i]
		switch {
		case p.linkDown:
			p.hbTimer = Never
		case p.state == Unconfirmed:
			p.hbTimer = now
		default:
			p.hbTimer = a.nextHeartbeat(p, now)
		}
		a.arm(p.hbTimer)
	}
}

func (a *assoc) stopHeartbeats() {
	for i := range a.paths {
		p := &a.paths[i]
		p.hbTimer, p.hbOut = Never, false
	}
	a.probes = 0
}

// nextHeartbeat is when an idle path is probed next: after RTO ± 50 % plus
// HB.interval (RFC 9260, section 8.3). Without heartbeats those are still probed of
// which something must be found out.
func (a *assoc) nextHeartbeat(p *path, now Time) Time {
	if a.traits(p).NoHeartbeat && (p.state == Active || p.state == Inactive) {
		return Never
	}
	jitter := Time(a.e.rng.Uint64N(uint64(p.rto) + 1))
	return now + p.rto/2 + jitter + a.hbInterval(p)
}

// restartHeartbeat has path i watched as its parameters now say.
func (a *assoc) restartHeartbeat(i int, now Time) {
	p := &a.paths[i]
	if a.state < Established || p.hbOut || p.hbTimer <= now || p.linkDown {
		return // it is under way, or begins later
	}
	p.hbTimer = a.nextHeartbeat(p, now)
	a.arm(p.hbTimer)
}

// heartbeatTimer runs when path i's heartbeat timer expires: an unanswered
// heartbeat is an error of the path, an idle path gets a new one.
func (a *assoc) heartbeatTimer(i int, now Time) {
	p := &a.paths[i]
	p.hbTimer = Never
	if p.linkDown || a.state == ShutdownAckSent && a.paths[a.current].state != Unconfirmed {
		// The peer may have ended already: it would answer with an ABORT, out of the
		// blue, where it answers SHUTDOWN ACK with SHUTDOWN COMPLETE (8.4). It has not
		// where SHUTDOWN ACK waits for its new address to be verified.
		return
	}
	if p.hbOut {
		p.hbOut = false
		p.backOff(&a.params.Timers)
		// 8.1: a path that carries no data now does not count for the association.
		counts := i == int(a.current) && (p.state == Active || p.state == PotentiallyFailed)
		a.pathError(i, now)
		if counts && a.assocError(now) {
			return
		}
		// 5.4: an unconfirmed path is probed once in an RTO, and as others are when it
		// has failed as often as others may.
		if p.state == Active || p.state == Inactive || p.state == Unconfirmed && int(p.errors) > a.maxRetrans(p) {
			p.hbTimer = a.nextHeartbeat(p, now)
			a.arm(p.hbTimer)
			return
		}
	} else if p.state == Active && now-p.lastData < a.hbInterval(p) {
		// Data was sent here lately: the path is not idle (section 8.3).
		p.hbTimer = a.nextHeartbeat(p, now)
		a.arm(p.hbTimer)
		return
	}
	a.probes.add(i)
	a.wantTransmit()
}

// transmitHeartbeat sends a HEARTBEAT that a path owes; false if none may go now. Where no
// address of ours is left that it could come from, it is put off.
func (a *assoc) transmitHeartbeat(now Time, o *Outbound) bool {
	for a.probes != 0 {
		i := a.probes.first()
		if p := &a.paths[i]; !a.sends(p) {
			a.probes.del(i)
			p.hbTimer = a.nextHeartbeat(p, now)
			a.arm(p.hbTimer)
			continue
		}
		var k packetBuilder
		a.start(&k, o, i, a.peerTag)
		a.authFor(&k, wire.ChunkHeartbeat)
		k.b = a.putHeartbeat(i, k.b, now)
		a.countControl()
		return a.finish(&k)
	}
	return false
}

// putHeartbeat writes the HEARTBEAT that path i owes.
func (a *assoc) putHeartbeat(i int, b []byte, now Time) []byte {
	p := &a.paths[i]
	p.hbOut, p.hbSentAt = true, now
	a.probes.del(i)
	p.hbNonce = a.e.rng.Uint64()
	p.hbSent++
	a.e.ctr.HeartbeatsSent++
	p.hbTimer = now + p.rto
	a.arm(p.hbTimer)
	info := a.e.scratch[:heartbeatInfoLen]
	info[0], info[1], info[2], info[3] = byte(i), 0, 0, 0
	binary.BigEndian.PutUint64(info[4:], p.hbNonce)
	binary.BigEndian.PutUint64(info[12:], uint64(now))
	return wire.AppendHeartbeat(b, wire.ChunkHeartbeat, info)
}

// handleHeartbeat answers at once, to where it came from, with the sender's
// information as it is (RFC 9260, section 8.3).
func (a *assoc) handleHeartbeat(c wire.Chunk, in *Inbound) {
	if _, err := wire.ParseHeartbeat(c); err != nil {
		a.e.ctr.Drops.BadChunk++
		return
	}
	r := a.e.newReply(in)
	if r == nil {
		return
	}
	if len(c)+wire.CommonHeaderLen > cap(r.buf) {
		a.e.ctr.Drops.BadChunk++
		a.e.dropReply()
		return
	}
	if i := a.findPath(in.Src); i >= 0 && a.paths[i].src == in.Dst {
		r.egress = a.paths[i].egress
	}
	r.begin(a.localPort, a.peerPort, a.peerTag)
	r.buf = wire.AppendHeartbeatAck(r.buf, c)
	a.dispatch(r)
	a.countControl()
}

// handleHeartbeatAck takes the answer to the heartbeat that is out on a path;
// anything else proves nothing and changes nothing.
func (a *assoc) handleHeartbeatAck(c wire.Chunk, now Time) {
	info, err := wire.ParseHeartbeat(c)
	if err != nil || len(info) != heartbeatInfoLen || int(info[0]) >= len(a.paths) {
		a.e.ctr.Drops.BadHeartbeatAck++
		return
	}
	i := int(info[0])
	p := &a.paths[i]
	if !p.hbOut || binary.BigEndian.Uint64(info[4:]) != p.hbNonce {
		a.e.ctr.Drops.BadHeartbeatAck++
		return
	}
	p.hbOut = false
	p.hbAcked++
	p.measured(now-p.hbSentAt, &a.params.Timers)
	a.errors = 0
	a.pathAnswered(i, ReasonHeartbeatAcked, now)
	p.hbTimer = a.nextHeartbeat(p, now)
	a.arm(p.hbTimer)
}

// RequestHeartbeat probes a path now (REQUESTHEARTBEAT).
func (e *Endpoint) RequestHeartbeat(now Time, id AssocID, i int) error {
	a := e.assoc(id)
	if a == nil || i < 0 || i >= len(a.paths) {
		return ErrNoAssociation
	}
	if a.state < Established {
		return nil // 8.3: it is sent once the association is up
	}
	e.begin(now)
	a.probes.add(i)
	a.wantTransmit()
	return nil
}
