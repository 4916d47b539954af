package dataplane

import (
	"net/netip"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// PathEvent tells of a path's change of state, of a failover, of the association
// itself coming up, restarting or going down, or of a message that failed:
// EventSendFailed for one on a Stream that the peer did not grant or that came too late
// (its Message counts nothing here), EventPartialAborted for one that ends unfinished.
// Detected, Switched and At are times of the dataplane's clock.
type PathEvent struct {
	Conn *Conn
	sctpcore.Event
	Peer          netip.AddrPort // the association as people know it: its first address
	Dst, OldDst   netip.Addr     // of Path and OldPath
	Port, OldPort string         // that they map to, "" for none; OldPort may be the one before its link went down
	// Failed is the message of EventSendFailed: Data, Stream, PPID, Context, Unordered
	// and Sent. The memory is the receiver's.
	Failed *Message
}

// tell hands an event to the subscribers. Slow path.
func (w *worker) tell(a *assoc, e *sctpcore.Event) {
	if a.conn == nil {
		return
	}
	w.tellMore(a, e, nil)
}

// tellMore is tell of an event about a message.
func (w *worker) tellMore(a *assoc, e *sctpcore.Event, failed *Message) {
	if e.Assoc == 0 { // the core did not make it
		e.Assoc, e.LocalPort, e.PeerPort, e.At = a.id, a.localPort, a.peerPort, w.now
	}
	v := PathEvent{Conn: a.conn, Event: *e, Failed: failed}
	v.Dst, v.Port = w.pathName(a, e.Path)
	if len(a.paths) > 0 {
		v.Peer = netip.AddrPortFrom(a.paths[0].dst.Netip(), a.peerPort)
	}
	switch e.Kind {
	case sctpcore.EventAddressAdded, sctpcore.EventAddressRemoved, sctpcore.EventAddressPrimary:
		v.Dst = e.Addr.Netip()
	}
	if e.Kind == sctpcore.EventFailover && int(e.OldPath) < len(a.paths) {
		v.OldDst, v.OldPort = w.pathName(a, e.OldPath)
		if p := &a.paths[e.OldPath]; v.OldPort == "" && p.last != nil {
			v.OldPort = p.last.info.Name
		}
	}
	if w.log != nil {
		w.logEvent(&v)
	}
	w.await(a, &v)
	c := a.conn
	c.mu.Lock()
	w.d.feed.offer(c.subs, &v)
	c.mu.Unlock()
	w.d.feed.tell(&v)
}

func (w *worker) pathName(a *assoc, i uint8) (dst netip.Addr, port string) {
	if int(i) >= len(a.paths) {
		return dst, ""
	}
	p := &a.paths[i]
	if p.port != nil {
		port = p.port.info.Name
	}
	return p.dst.Netip(), port
}

func (w *worker) logEvent(v *PathEvent) {
	switch v.Kind {
	case sctpcore.EventUp:
		w.log.Info("association up", "local_port", v.LocalPort, "peer_port", v.PeerPort, "path", v.Dst, "passive", v.Passive)
	case sctpcore.EventDown:
		w.log.Info("association down", "local_port", v.LocalPort, "peer_port", v.PeerPort, "reason", v.Reason.String())
	case sctpcore.EventPathState:
		w.log.Info("path state", "path", v.Dst, "port", v.Port, "from", v.From.String(), "to", v.To.String(), "reason", v.Reason.String())
	case sctpcore.EventFailover:
		w.log.Info("failover", "from", v.OldDst, "to", v.Dst, "port", v.Port, "ns", int64(v.Switched-v.Detected))
	case sctpcore.EventSendFailed:
		w.log.Warn("message not sent", "local_port", v.LocalPort, "peer_port", v.PeerPort, "stream", v.Stream, "reason", v.Reason.String())
	case sctpcore.EventPartialAborted:
		w.log.Warn("message ends unfinished", "local_port", v.LocalPort, "peer_port", v.PeerPort, "stream", v.Stream)
	case sctpcore.EventAddressAdded:
		w.log.Info("peer added an address", "path", v.Dst)
	case sctpcore.EventAddressRemoved:
		w.log.Info("peer removed an address", "path", v.Dst)
	case sctpcore.EventAddressPrimary:
		w.log.Info("peer prefers an address", "path", v.Dst)
	case sctpcore.EventAsconf:
		w.log.Info("peer answered about our address", "address", v.Addr, "wish", v.Op.String(), "refusal", uint16(v.Cause))
	case sctpcore.EventPeerError:
		w.log.Warn("peer reports an error", "path", v.Dst, "cause", uint16(v.Cause))
	}
}
