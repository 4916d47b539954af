package dataplane

import (
	"net/netip"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// PathEvent tells of a path's change of state, of a failover, of the association
// itself coming up, restarting or going down, or of a message that failed:
// EventSendFailed for one on a Stream that the peer did not grant or that came too late
// (its Message counts nothing here), EventPartialAborted for one that ends unfinished.
// Detected, Switched, LastAck and At are times of the dataplane's clock.
type PathEvent struct {
	Conn *Conn
	sctpcore.Event
	Peer          netip.AddrPort // the association as people know it: its first address
	Dst, OldDst   netip.Addr     // of Path and OldPath
	Port, OldPort string         // that they map to, "" for none; OldPort, also of a path's state, may be the one before its link went down
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
	switch e.Kind {
	case sctpcore.EventFailover:
		v.OldDst, v.OldPort = w.lastPort(a, e.OldPath)
	case sctpcore.EventPathState:
		_, v.OldPort = w.lastPort(a, e.Path)
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

// lastPort is pathName with the port that the path mapped to last if it maps to none.
func (w *worker) lastPort(a *assoc, i uint8) (dst netip.Addr, port string) {
	dst, port = w.pathName(a, i)
	if int(i) < len(a.paths) && port == "" && a.paths[i].last != nil {
		port = a.paths[i].last.info.Name
	}
	return dst, port
}
