package observe

import (
	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// feedRoom is how many path events may wait to be written to the Log.
const feedRoom = 4096

// follow writes what the dataplane tells to the Log, until the feed is closed.
func (o *Observer) follow() {
	defer o.done.Done()
	links := map[string]bool{}
	missed := uint64(0)
	for ports, paths := o.feed.Ports, o.feed.Paths; ports != nil || paths != nil; {
		// What ports tell goes first: it is why paths change.
		select {
		case e, ok := <-ports:
			ports = o.port(ports, e, ok, links)
			continue
		default:
		}
		select {
		case e, ok := <-ports:
			ports = o.port(ports, e, ok, links)
		case e, ok := <-paths:
			if !ok {
				paths = nil
				continue
			}
			if ev, ok := o.eventOf(&e); ok {
				o.log.Add(ev)
			}
		}
		if n := o.feed.Dropped(); n > missed && len(paths) == 0 {
			o.log.Add(Event{Kind: KindMissed, Count: n - missed})
			o.opt.Logger.Warn("more events at once than are kept", "missed", n-missed)
			missed = n
		}
	}
}

// port writes what a port tells; nil if that was the last.
func (o *Observer) port(from <-chan dataplane.PortEvent, e dataplane.PortEvent, ok bool, links map[string]bool) <-chan dataplane.PortEvent {
	if !ok {
		return nil
	}
	v := Event{Time: o.wall(e.At), Kind: KindLink, Port: e.Port, From: upDown(!e.Link.Up), To: upDown(e.Link.Up)}
	switch was, known := links[e.Port]; {
	case e.Addr.IsValid():
		v.Kind, v.Path, v.From, v.To = KindAddress, e.Addr.String(), "", ""
		v.Why = e.Op.String() + " of ours"
		o.log.Add(v)
		return from
	case known && was == e.Link.Up:
		v.From, v.Why = v.To, "it changed twice between two looks"
	}
	links[e.Port] = e.Link.Up
	o.log.Add(v)
	return from
}

func upDown(up bool) string {
	if up {
		return "up"
	}
	return "down"
}

// eventOf is a path event for people; ok is false for what they need not know.
func (o *Observer) eventOf(e *dataplane.PathEvent) (v Event, ok bool) {
	v = Event{Time: o.wall(e.At), Assoc: e.Name().String(), Peer: e.Peer.String(), LocalPort: e.LocalPort}
	path := ""
	if e.Dst.IsValid() {
		path = e.Dst.String()
	}
	switch e.Kind {
	case sctpcore.EventUp:
		v.Kind, v.Path, v.Port, v.Why = KindUp, path, e.Port, "we began it"
		if e.Passive {
			v.Why = "the peer began it"
		}
	case sctpcore.EventRestart:
		v.Kind, v.Why = KindRestart, "the peer began it again"
	case sctpcore.EventDown:
		v.Kind, v.Why = KindDown, e.Reason.String()
		if e.Cause != 0 {
			v.Why += ": " + e.Cause.String()
		}
	case sctpcore.EventPathState:
		v.Kind, v.Path, v.Port, v.OldPort = KindPathState, path, e.Port, e.OldPort
		v.From, v.To, v.Why = e.From.String(), e.To.String(), e.Reason.String()
	case sctpcore.EventFailover:
		v.Kind, v.Path, v.Port, v.OldPort = KindFailover, path, e.Port, e.OldPort
		v.From, v.To, v.Why = e.OldDst.String(), path, e.Reason.String()
		detected, switched := e.Took()
		v.Detected, v.Switched = ms(detected), ms(switched)
	case sctpcore.EventResumed:
		v.Kind, v.Path, v.To, v.Port = KindResumed, path, path, e.Port
		v.Standstill = ms(e.At - e.LastAck)
	case sctpcore.EventAddressAdded:
		v.Kind, v.Path, v.Why = KindAddress, path, "the peer added it"
	case sctpcore.EventAddressRemoved:
		v.Kind, v.Path, v.Why = KindAddress, path, "the peer removed it"
	case sctpcore.EventAddressPrimary:
		v.Kind, v.Path, v.Why = KindAddress, path, "the peer prefers it"
	case sctpcore.EventAsconf:
		v.Kind, v.Path, v.Why = KindAddress, e.Addr.String(), "the peer agreed to "+e.Op.String()
		if e.Cause != 0 {
			v.Why = "the peer refused " + e.Op.String()
		}
	default:
		return v, false
	}
	return v, true
}
