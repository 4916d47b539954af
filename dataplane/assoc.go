package dataplane

import (
	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// assoc is the worker's side of an association; the worker's alone.
type assoc struct {
	id                  sctpcore.AssocID
	conn                *Conn // nil until a passive association is up
	localPort, peerPort uint16
	locals              []wire.Addr // our addresses
	inward              bool        // the peer is this dataplane
	paths               []path
	plight              Plight // of them
	place               int    // in worker.order
	since               sctpcore.Time
	begunFrom           *Binding // nil if the peer began it
	up, down            bool
	again               bool // on the worker's list of those with more to do

	// Sending: read hands records to the core, freed follows behind it as the
	// core releases them.
	read, freed recordReader
	released    uint64        // messages that freed has passed
	blocked     bool          // the core's send buffer is full
	shutdown    bool          // SHUTDOWN was asked for
	finished    bool          // CloseWrite was seen
	closedAt    sctpcore.Time // of Close, or of the last progress after it; 0 is open

	// Receiving.
	ring  recordWriter
	ended bool // the peer has shut down: what is in the core is the last

	// Events for the reader: see inbox.go.
	events   EventSet
	waiting  []PathEvent // not placed yet
	records  uint64      // put into the ring
	received uint64      // messages, of these
	midway   bool        // the last record goes on
	unsaid   bool        // something was sent since EventSenderDry

	follower
}

// assocFor finds or makes the worker's side of an association.
func (w *worker) assocFor(id sctpcore.AssocID) *assoc {
	a := w.assocs[id]
	if a == nil {
		a = &assoc{id: id, place: len(w.order), since: w.now}
		w.assocs[id] = a
		w.order = append(w.order, a)
	}
	return a
}

// bind joins the worker's side and the application's.
func (a *assoc) bind(c *Conn, b *Binding, o *AssocOptions) {
	a.conn, c.assoc = c, a
	a.wild, a.auto = b.wild, o.AutoAsconf
	a.localPort, a.peerPort = c.local.Port, c.peer.Port
	a.ring.max = max(minSegment, ringSize(o.ReceiveBuffer, c.w.receiveBuffer)/2)
	a.events = o.Events
}

// event deals with one event of the core.
func (w *worker) event(e *sctpcore.Event) {
	a := w.assocs[e.Assoc]
	if a == nil {
		switch e.Kind {
		case sctpcore.EventPathAdded, sctpcore.EventUp:
			a = w.assocFor(e.Assoc)
		case sctpcore.EventDown:
			w.core.Forget(e.Assoc)
			return
		default:
			return
		}
	}
	switch e.Kind {
	case sctpcore.EventReadable:
		w.receive(a)
	case sctpcore.EventReleased:
		w.freeSent(a)
		if a.blocked {
			a.blocked = false
			w.send(a)
		}
	case sctpcore.EventUp:
		w.comeUp(a, e)
	case sctpcore.EventRestart:
		w.learn(a)
		w.tell(a, e)
	case sctpcore.EventPeerShutdown:
		a.ended = true
		if a.conn != nil {
			a.conn.refusing.Store(true)
			a.conn.out.room.signal()
			a.conn.watched.raise(ReadyRefusing)
		}
		w.tell(a, e)
		w.receive(a)
	case sctpcore.EventDown:
		w.freeSent(a)
		w.tell(a, e)
		w.goDown(a, e)
	case sctpcore.EventPathAdded:
		a.localPort, a.peerPort = e.LocalPort, e.PeerPort
		w.addPath(a, int(e.Path))
		w.tell(a, e)
	case sctpcore.EventAsconf, sctpcore.EventAddressAdded, sctpcore.EventAddressRemoved:
		w.readdress(a)
		w.askAgain(a)
		w.tell(a, e)
	case sctpcore.EventSendFailed:
		if h, payload, ok := a.queued(e.Message); ok && a.conn != nil {
			w.tellFailed(a, e, &h, payload)
		}
	case sctpcore.EventPathState:
		w.pathState(a, e)
		w.tell(a, e)
	case sctpcore.EventFailover:
		if e.Stalled {
			_, switched := e.Took()
			w.failovers.Switched.add(switched)
		}
		w.tell(a, e)
	case sctpcore.EventResumed:
		w.failovers.Standstill.add(e.At - e.LastAck)
		w.tell(a, e)
	default:
		w.tell(a, e)
	}
}

// comeUp gives a new association to whoever waits for it.
func (w *worker) comeUp(a *assoc, e *sctpcore.Event) {
	a.up = true
	here, ok := w.listeners[listenKey{e.LocalPort, e.Addr}]
	accept := a.conn == nil
	if accept {
		if !ok {
			w.refuse(a, DropNoListener)
			return
		}
		a.localPort, a.peerPort = e.LocalPort, e.PeerPort
		c := newConn(w.d, w, here.opt)
		c.local.Port, c.peer.Port = e.LocalPort, e.PeerPort
		a.bind(c, here.l.b, here.opt)
	}
	w.learn(a)
	if accept {
		select {
		case here.l.backlog <- a.conn:
			here.l.watched.raise(ReadyAccept)
		default:
			w.refuse(a, DropBacklogFull)
			return
		}
	}
	close(a.conn.settled)
	a.conn.watched.raise(ReadyUp | ReadyWritable)
	w.tell(a, e)
	w.askAgain(a)
	w.send(a)
	w.receive(a)
}

// learn takes over what the handshake settled.
func (w *worker) learn(a *assoc) {
	info, ok := w.core.Assoc(a.id)
	if !ok || a.conn == nil {
		return
	}
	w.pathInfo = w.core.Paths(a.id, w.pathInfo[:0])
	w.noteStates(a)
	c := a.conn
	c.mu.Lock()
	c.local.IPs, c.peer.IPs = netipAddrs(info.LocalAddrs), c.peer.IPs[:0:0]
	for i := range w.pathInfo {
		c.peer.IPs = append(c.peer.IPs, w.pathInfo[i].Dst.Netip())
	}
	c.mu.Unlock()
	c.out.streams.Store(uint32(info.OutStreams))
}

// refuse aborts an association that nobody can accept.
func (w *worker) refuse(a *assoc, why Drop) {
	w.drops[why]++
	if c := a.conn; c != nil {
		c.closed.Store(true)
	}
	_ = w.core.Abort(w.now, a.id, []byte("no room to accept"))
}

// goDown ends the association for the application; what the core still holds of
// it can be read until the application has done so or closes.
func (w *worker) goDown(a *assoc, e *sctpcore.Event) {
	a.down, a.ended = true, true
	w.dropPaths(a)
	w.relinking.busy.remove(a.id.Slot())
	if a.begunFrom != nil {
		w.d.book.hangUp(a.begunFrom)
	}
	c := a.conn
	if c == nil {
		w.forget(a)
		return
	}
	c.out.failed = failed{recordReader: a.freed.from(), number: a.released, unsent: e.Message}
	a.read, a.freed = recordReader{}, recordReader{}
	c.mu.Lock()
	if e.Reason != sctpcore.ReasonShutdown {
		c.endErr = &AssocError{Reason: e.Reason, Cause: e.Cause}
	}
	subs := c.subs
	c.subs = nil
	c.mu.Unlock()
	c.ended.Store(true)
	if !a.up {
		close(c.settled)
	}
	w.receive(a)
	close(c.done)
	c.watched.raise(ReadyEnded)
	for _, s := range subs {
		s.end()
	}
}

// forget gives the association's place back, once.
func (w *worker) forget(a *assoc) {
	if w.assocs[a.id] != a {
		return
	}
	w.core.Forget(a.id)
	delete(w.assocs, a.id)
	last := len(w.order) - 1
	moved := w.order[last]
	moved.place, w.order[a.place] = a.place, moved
	w.order[last] = nil
	w.order = w.order[:last]
}

// attend does what a connection was kicked for.
func (w *worker) attend(c *Conn) {
	c.kicked.Store(false) // before looking, so that what comes later kicks again
	a := c.assoc
	if a == nil || w.assocs[a.id] != a {
		return
	}
	if c.closed.Load() && !a.down {
		c.mu.Lock()
		abort := c.abort
		c.mu.Unlock()
		switch {
		case abort != nil:
			_ = w.core.Abort(w.now, a.id, []byte(*abort))
			return
		case !a.up && c.out.first.Load() == nil: // there is nothing to deliver
			_ = w.core.Abort(w.now, a.id, []byte("closed before it was up"))
			return
		}
		if a.closedAt == 0 {
			w.lingering = append(w.lingering, a)
		}
		a.closedAt = max(w.now, 1) // 0 is open
	}
	a.finished = c.finished.Load()
	w.send(a)
	w.receive(a)
}
