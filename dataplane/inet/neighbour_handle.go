package inet

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// HandleARP takes in a frame of verdict ARP: it answers through Poll, learns,
// and counts what it does not believe.
func (n *Neighbours) HandleARP(m *Meta, now int64) {
	if d := n.handleARP(m, now); d != DropNone {
		n.drops[d]++
	}
}

func (n *Neighbours) handleARP(m *Meta, now int64) Drop {
	h := arp(m.Payload)
	mac, ours := h.senderMAC(), n.iface.Owns(m.Dst)
	switch {
	case mac != m.SrcMAC && !n.cfg.LooseMAC:
		return DropARPSpoof
	case n.iface.Owns(m.Src):
		n.defend(m.Src, now)
		return DropARPConflict
	case classOf(m.Src) == classUnspecified: // RFC 5227: somebody wants to use m.Dst
		if !ours {
			return DropARPNotOurs
		}
		n.reply(answer{mac: mac, to: m.Src, our: m.Dst}, now)
		return DropNone
	case !n.iface.OnLink(m.Src):
		// A host with several networks may ask from another one's address: it is
		// answered, as RFC 826 has it, but not believed.
		if ours && h.op() == arpRequest {
			n.reply(answer{mac: mac, to: m.Src, our: m.Dst}, now)
			return DropNone
		}
		return DropARPOffLink
	}
	e := n.find(m.Src)
	switch {
	case m.Src == m.Dst: // an announcement, by request or reply
		if e == nil {
			return DropARPUnsolicited
		}
		return n.claim(e, mac, false, now, DropARPSpoof)
	case !ours:
		return DropARPNotOurs
	case h.op() == arpRequest:
		n.reply(answer{mac: mac, to: m.Src, our: m.Dst}, now)
		return n.learn(e, m.Src, mac, now, DropARPSpoof)
	case e == nil || !e.asked() || m.DstMAC.IsMulticast():
		return DropARPUnsolicited
	}
	return n.claim(e, mac, true, now, DropARPSpoof)
}

// HandleND takes in a frame of verdict ND, as HandleARP does.
func (n *Neighbours) HandleND(m *Meta, now int64) {
	var d Drop
	if h := nd(m.Payload); h[0] == icmp6Solicit {
		d = n.solicited(m, h, now)
	} else {
		d = n.advertised(m, h, now)
	}
	if d != DropNone {
		n.drops[d]++
	}
}

// solicited takes a neighbour solicitation (RFC 4861, section 7.2.3). Unlike
// there, a sender off our subnets is not believed: it could claim any address
// for its MAC (CVE-2008-2476).
func (n *Neighbours) solicited(m *Meta, h nd, now int64) Drop {
	target := wire.Addr(h.target())
	mac, has := h.linkAddr(ndOptSource)
	switch {
	case has && (mac.IsMulticast() || mac.IsZero()):
		return DropNDMalformed
	case has && mac != m.SrcMAC && !n.cfg.LooseMAC:
		return DropNDSpoof
	case n.iface.Owns(m.Src):
		n.defend(m.Src, now)
		return DropNDConflict
	case !n.iface.Owns(target):
		return DropNDNotOurs
	case m.Src.IsZero(): // duplicate address detection
		n.reply(answer{kind: sendAnnouncement, our: target}, now)
		return DropNone
	case !n.iface.OnLink(m.Src):
		return DropNDOffLink
	}
	if !has {
		mac = m.SrcMAC
	}
	n.reply(answer{mac: mac, to: m.Src, our: target}, now)
	if !has {
		return DropNone
	}
	return n.learn(n.find(m.Src), m.Src, mac, now, DropNDSpoof)
}

// advertised takes a neighbour advertisement (RFC 4861, section 7.2.5).
func (n *Neighbours) advertised(m *Meta, h nd, now int64) Drop {
	target := wire.Addr(h.target())
	if n.iface.Owns(target) {
		n.defend(target, now)
		return DropNDConflict
	}
	e := n.find(target)
	if e == nil {
		return DropNDUnsolicited
	}
	mac, has := h.linkAddr(ndOptTarget)
	switch {
	case has && (mac.IsMulticast() || mac.IsZero()):
		return DropNDMalformed
	case has && mac != m.SrcMAC && !n.cfg.LooseMAC:
		return DropNDSpoof
	case !has && !e.state.Usable():
		return DropNDMalformed // "if no Target Link-Layer Address option is included, the receiving node SHOULD silently discard"
	case !has:
		mac = e.mac
	}
	answered := h.flags()&ndSolicited != 0
	if answered && !e.asked() {
		return DropNDUnsolicited
	}
	if e.state.Usable() && mac != e.mac && h.flags()&ndOverride == 0 {
		if e.state == Reachable {
			e.state, e.deadline = Stale, Never
			n.gen++
		}
		return DropNone
	}
	return n.claim(e, mac, answered, now, DropNDSpoof)
}

// asked tells whether a question to the neighbour is open.
func (e *neighbour) asked() bool { return e.state == Incomplete || e.state == Probe }

// learn takes the MAC of somebody who asked for us: he is about to send, so we
// are about to answer.
func (n *Neighbours) learn(e *neighbour, addr wire.Addr, mac MAC, now int64, locked Drop) Drop {
	if e == nil {
		if e = n.insert(addr, false, now); e == nil {
			return DropNone // counted
		}
	}
	return n.claim(e, mac, false, now, locked)
}

// claim records that a neighbour says to be at mac. Only an answer to a question
// of ours makes it Reachable. A MAC that was set a moment ago stands against
// another one, so that two claimants cannot make us flap.
func (n *Neighbours) claim(e *neighbour, mac MAC, answered bool, now int64, locked Drop) Drop {
	fresh := !e.state.Usable()
	changed := fresh || mac != e.mac
	if changed && !fresh && now-e.changed < n.cfg.Lock {
		return locked
	}
	if changed {
		e.mac, e.changed = mac, now
		n.gen++
	}
	switch {
	case answered:
		e.state, e.probes = Reachable, 0
		n.schedule(e, now+e.lifetime)
	case changed:
		e.state, e.deadline = Stale, Never
	}
	if fresh {
		n.release(e)
	}
	return DropNone
}

// defend answers somebody's claim to our address by announcing it, seldom
// (RFC 5227, section 2.4).
func (n *Neighbours) defend(our wire.Addr, now int64) {
	if now < n.defendAt {
		return
	}
	n.defendAt = now + defendInterval
	n.reply(answer{kind: sendAnnouncement, our: our}, now)
}
