package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// Endpoint is a set of associations driven by one thread, sans-IO: packets,
// time and the caller's wishes go in, packets and events come out. Its methods
// are of three kinds: verbs and Handle… put something in, Poll… take something
// out, the rest are getters. None of them blocks; none may be called from two
// threads at once.
//
// The caller's loop is:
//
//	HandlePackets(burst) · HandleTimeout(now) · PollEvents · verbs · PollTransmit until it gives 0
type Endpoint struct{}

// New makes an endpoint; the error names the value that is out of range.
func New(cfg Config) (*Endpoint, error) { panic("unfinished") }

// HandlePackets takes in a burst of packets with verified checksums.
func (e *Endpoint) HandlePackets(now Time, pkts []Inbound) { panic("unfinished") }

// HandleTimeout runs every timer that is due at now.
func (e *Endpoint) HandleTimeout(now Time) { panic("unfinished") }

// HandleUnreachable takes an ICMP error about a packet of ours that the caller
// has parsed: quoted is the SCTP part of what ICMP quotes (at least 8 bytes).
// mtu is the next-hop MTU of a Too Big message, else 0 (RFC 9260, section 10).
func (e *Endpoint) HandleUnreachable(now Time, src, dst wire.Addr, quoted []byte, mtu int, protocol bool) {
	panic("unfinished")
}

// PollTransmit fills out with packets that may be sent now and returns how
// many; call it until it returns less than len(out).
func (e *Endpoint) PollTransmit(now Time, out []Outbound) int { panic("unfinished") }

// PollEvents fills ev with what happened and returns how many; call it until
// it returns less than len(ev).
func (e *Endpoint) PollEvents(ev []Event) int { panic("unfinished") }

// NextDeadline is when HandleTimeout has something to do; it may be early but
// is never late. Never if no timer runs.
func (e *Endpoint) NextDeadline() Time { panic("unfinished") }

// Associate begins an association (ASSOCIATE). EventUp or EventDown tells how
// it went; EventPathAdded for each path comes before its first packet.
func (e *Endpoint) Associate(now Time, p *AssociateParams) (AssocID, error) { panic("unfinished") }

// Listen accepts associations on a port until Unlisten; EventUp with Passive
// set and LocalPort tells of each.
func (e *Endpoint) Listen(port uint16, p *ListenParams) error { panic("unfinished") }

// Unlisten stops accepting; associations that exist live on.
func (e *Endpoint) Unlisten(port uint16) { panic("unfinished") }

// Send queues a message (SEND). The first error leaves nothing queued.
func (e *Endpoint) Send(now Time, id AssocID, m *Message) error { panic("unfinished") }

// Released is how many messages of those accepted by Send, counted from the
// first and in that order, the core needs no more. After EventDown it is all.
func (e *Endpoint) Released(id AssocID) uint64 { panic("unfinished") }

// Pending is the size in bytes of the next message that Receive will give, as
// far as it has arrived; ok is false if there is none.
func (e *Endpoint) Pending(id AssocID) (size int, ok bool) { panic("unfinished") }

// Receive copies the next message, or as much of it as dst holds, into dst
// (RECEIVE). ok is false if there is none.
func (e *Endpoint) Receive(now Time, id AssocID, dst []byte) (n int, info Received, ok bool) {
	panic("unfinished")
}

// Shutdown closes gracefully: what was sent is delivered first (SHUTDOWN).
func (e *Endpoint) Shutdown(now Time, id AssocID) error { panic("unfinished") }

// Abort ends the association at once with a User-Initiated Abort cause (ABORT).
func (e *Endpoint) Abort(now Time, id AssocID, reason []byte) error { panic("unfinished") }

// Forget drops what is left of an association after EventDown: its id, its
// unread data. Until then its slot counts against Limits.Associations.
func (e *Endpoint) Forget(id AssocID) { panic("unfinished") }

// SetPrimary makes the path with destination dst the primary path (SETPRIMARY).
func (e *Endpoint) SetPrimary(now Time, id AssocID, dst wire.Addr) error { panic("unfinished") }

// SetRoute tells how a path's destination is reached, or that it no longer is
// (Route.Down). Traffic moves to another path, or back, with the next
// PollTransmit; no timer has to expire.
func (e *Endpoint) SetRoute(now Time, id AssocID, path int, r Route) error { panic("unfinished") }

// RequestHeartbeat probes a path now (REQUESTHEARTBEAT).
func (e *Endpoint) RequestHeartbeat(now Time, id AssocID, path int) error { panic("unfinished") }

// Assoc is a snapshot of an association; it may allocate.
func (e *Endpoint) Assoc(id AssocID) (AssocInfo, bool) { panic("unfinished") }

// Paths appends snapshots of the association's paths, in index order, to dst.
func (e *Endpoint) Paths(id AssocID, dst []PathInfo) []PathInfo { panic("unfinished") }

// Lookup finds the association between these ports that has peer among its
// peer's addresses; 0 if there is none.
func (e *Endpoint) Lookup(localPort, peerPort uint16, peer wire.Addr) AssocID { panic("unfinished") }

// Counters are the endpoint's totals; the pointer stays valid and is written by
// the endpoint's thread only.
func (e *Endpoint) Counters() *Counters { panic("unfinished") }
