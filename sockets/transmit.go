package sockets

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// inbox is what comes from the program, and how far it got.
type inbox struct {
	joins     map[uint64][]byte // messages of which parts have come, by nonce
	stalled   []stall           // what an association did not take; nothing is read behind it
	buffered  int               // bytes in both, charged to the user
	shutWrite bool              // shutdown(SHUT_WR): no more after what is read
	readShut  bool              // the program's writes give EPIPE
	hup       bool              // the program has closed its last descriptor
	unread    bool              // it did so without reading everything
}

// stall is a message that has no room in its association's send buffer.
type stall struct {
	assoc *assoc
	msg   dataplane.Message
	data  []byte
}

var errJoins = errors.New("more, or larger, messages in parts than a program can have under way")

// read takes what the program wrote and gives it to its associations, until there is
// no more or one is full. It tells whether there may be more that could be taken now.
func (s *socket) read(buf []byte) (more bool) {
	more = s.readTurn(buf)
	if s.padded {
		s.attend(buf)
	}
	s.publish()
	return more
}

func (s *socket) readTurn(buf []byte) bool {
	if s.drained = false; s.lane != nil {
		s.lane.Up.Awake()
	}
	for range turn {
		if s.closed || s.leaves() || !s.unstall() {
			return false
		}
		var err error
		if s.lane == nil || !s.fromLane(&err) {
			if !s.fromConnection(buf, &err) {
				return false
			}
		}
		if err != nil {
			s.server.broken("data connection", s.id, err)
			s.abandon("the program broke the protocol")
			return false
		}
	}
	s.pump.again(s)
	return true
}

// fromConnection deals with one message of the data connection. False if there is none,
// or will never be one.
func (s *socket) fromConnection(buf []byte, broken *error) bool {
	n, err := unix.Read(s.fd, buf)
	switch {
	case err == unix.EINTR:
		return true
	case err == unix.ECONNRESET: // before what it wrote
		s.unread = true
		return true
	case err == unix.EAGAIN, err == nil && n == 0 && s.readShut && !s.hup:
		if s.drained = true; s.lane != nil && !s.lane.Up.Sleep() {
			return true
		}
		if s.shutWrite {
			s.closeWrite()
		}
		return false
	case err != nil, n == 0:
		if s.lane != nil && s.lane.Up.End() {
			return true
		}
		s.gone()
		return false
	}
	*broken = s.receive(buf[:n])
	return true
}

// leaves tells whether the program's writes are left where they are, so that poll does
// not show room for more: while its connect is in progress, and while it listens.
func (s *socket) leaves() bool {
	return !s.hup && (s.phase == connecting || s.phase == listening && s.style == oneToOne)
}

// trySend is TrySend, but that the program, if it reads, is told of the association's end
// before it is told of messages that come after.
func (s *socket) trySend(a *assoc, data []byte, m *dataplane.Message) (ok bool, err error) {
	if ok, err = a.conn.TrySend(data, m); err == nil {
		return ok, nil
	}
	var broke *dataplane.AssocError
	if errors.As(err, &broke) && a.endErr == nil && len(s.unsent) == 0 && !s.laneFull {
		return false, nil
	}
	return false, err
}

// unstall goes on with what had no room; false if it still has none.
func (s *socket) unstall() bool {
	for len(s.stalled) > 0 {
		st := &s.stalled[0]
		ok, err := s.trySend(st.assoc, st.data, &st.msg)
		if err == nil && !ok {
			return false
		}
		if err != nil {
			s.failed(st.assoc, &st.msg, st.data, err)
		}
		s.unbuffer(len(st.data))
		s.stalled = slices.Delete(s.stalled, 0, 1)
	}
	return true
}

// buffer charges n bytes to the user.
func (s *socket) buffer(n int) bool {
	if !s.server.charge(s.user, bufferedBytes, n) {
		return false
	}
	s.buffered += n
	return true
}

func (s *socket) unbuffer(n int) {
	s.buffered -= n
	s.server.release(s.user, bufferedBytes, n)
}

func (s *socket) forgetMessages() {
	s.unbuffer(s.buffered)
	s.joins, s.stalled, s.unsent, s.held = nil, nil, nil, nil
}

// receive deals with one message of the data connection.
func (s *socket) receive(b []byte) error {
	var f proto.Frame
	payload, err := f.Decode(b)
	switch {
	case err != nil:
		return err
	case f.Kind == proto.FramePad:
		s.padded = s.lane != nil
		return nil
	case s.lane != nil && s.lane.Up.Waiting():
		return s.hold(b) // what is in the lane was written before
	}
	return s.receiveFrame(&f, payload)
}

// receiveFrame deals with a frame, which lies in the data connection's buffer or in the lane.
func (s *socket) receiveFrame(f *proto.Frame, payload []byte) error {
	if f.Kind != proto.FrameSend {
		return proto.ErrKind
	}
	err := s.compose(f, payload)
	if f.Flags&proto.FlagCounted != 0 && s.lane != nil {
		s.lane.Up.Counted()
	}
	return err
}

// compose puts messages together that come in parts.
func (s *socket) compose(f *proto.Frame, payload []byte) error {
	part, joined := s.joins[f.Nonce]
	if f.Flags&proto.FlagMore != 0 {
		return s.join(f, part, payload)
	}
	if !joined {
		return s.send(f, payload)
	}
	delete(s.joins, f.Nonce)
	s.unbuffer(len(part))
	return s.send(f, append(part, payload...))
}

// join keeps a part until the last comes.
func (s *socket) join(f *proto.Frame, part, payload []byte) error {
	if len(payload) != proto.PayloadMax || len(part)+len(payload) > s.longest() ||
		part == nil && len(s.joins) >= maxJoins || !s.buffer(len(payload)) {
		return errJoins
	}
	if s.joins == nil {
		s.joins = map[uint64][]byte{}
	}
	s.joins[f.Nonce] = append(part, payload...)
	return nil
}

// send gives a whole message to the association it is for, or to all.
func (s *socket) send(f *proto.Frame, data []byte) error {
	s.applyDefaults(f)
	if f.SinfoFlags&sndAll != 0 && s.style == oneToMany {
		for _, a := range s.ordered() {
			if a.up {
				if err := s.sendTo(a, f, data); err != nil {
					return err
				}
			}
		}
		return nil
	}
	a, err := s.target(f, nil)
	if err != nil { // it has gone since the program was told that it is there
		if a = s.known(f); a == nil {
			a = &assoc{id: f.AssocID, settings: s.defaults}
		}
		m := messageOf(f)
		s.failed(a, &m, data, err)
		return nil
	}
	return s.sendTo(a, f, data)
}

// message is what the dataplane is to know of a message.
func messageOf(f *proto.Frame) dataplane.Message {
	return dataplane.Message{Stream: f.Stream, PPID: bits.ReverseBytes32(f.PPID), Context: f.Context,
		Unordered: f.SinfoFlags&sndUnordered != 0, SackNow: f.SinfoFlags&sndSackNow != 0}
}

func (s *socket) sendTo(a *assoc, f *proto.Frame, data []byte) error {
	m := messageOf(f)
	if f.Flags&proto.FlagNamed != 0 && (s.style == oneToOne || f.SinfoFlags&sndAddrOver != 0) {
		m.Via = s.via(a, f)
	}
	switch {
	case f.SinfoFlags&sndAbort != 0:
		a.aborted = true
		_ = a.conn.Abort(string(data))
		return nil
	case f.SinfoFlags&sndEOF != 0:
		_ = a.conn.CloseWrite()
		return nil
	case len(data) == 0:
		return nil
	case !a.hasKey(f):
		s.failed(a, &m, data, unix.EINVAL)
		return nil
	}
	ok, err := s.trySend(a, data, &m)
	switch {
	case err != nil:
		s.failed(a, &m, data, err)
	case !ok:
		if !s.buffer(len(data)) {
			return errHeld
		}
		s.stalled = append(s.stalled, stall{a, m, slices.Clone(data)})
	}
	return nil
}

// via is which of the peer's addresses a message names, as dataplane.Message has it.
func (s *socket) via(a *assoc, f *proto.Frame) uint8 {
	p, _, err := s.parse(f.Addr[:f.AddrLength])
	if err != nil {
		return 0
	}
	return uint8(slices.Index(a.peers, p) + 1)
}

// hasKey tells whether a message can be authenticated as the program wants: with the
// active key alone, the core choosing none for single messages.
func (a *assoc) hasKey(f *proto.Frame) bool {
	if f.Flags&proto.FlagAuthInfo == 0 {
		return true
	}
	info, err := a.conn.Auth()
	return err == nil && (!info.On || info.Active == f.KeyNumber)
}

// applyDefaults fills in what the program left to SCTP_DEFAULT_SEND_PARAM and its like.
func (s *socket) applyDefaults(f *proto.Frame) {
	if f.Flags&(proto.FlagSndRcv|proto.FlagSndInfo) != 0 {
		return
	}
	set := &s.defaults
	if a := s.known(f); a != nil {
		set = &a.settings
	}
	f.Stream, f.PPID, f.Context = set.send.stream, set.send.ppid, set.send.context
	if f.Flags&proto.FlagPRInfo == 0 {
		f.SinfoFlags = set.send.flags
	}
}

// known is the association that a message names, nil if there is none.
func (s *socket) known(f *proto.Frame) *assoc {
	switch {
	case s.style == peeledOff:
		return s.single
	case f.Flags&proto.FlagNamed != 0:
		p, _, err := s.parse(f.Addr[:f.AddrLength])
		if err != nil {
			return nil
		}
		return s.peers[p]
	case s.style == oneToOne:
		return s.single
	}
	return s.assocs[f.AssocID]
}

// target is the association that a message is for: one that exists, or for a named
// peer a new one, with these further addresses of it.
func (s *socket) target(f *proto.Frame, also []byte) (*assoc, error) {
	named := f.Flags&proto.FlagNamed != 0 && s.style != peeledOff
	var peer netip.AddrPort
	if named {
		var err error
		if peer, _, err = s.parse(f.Addr[:f.AddrLength]); err != nil {
			return nil, err
		}
	}
	a := s.known(f)
	switch {
	case a != nil && (a.over || s.style == oneToOne && !a.up && !named):
		return nil, unix.EPIPE
	case a != nil:
		return a, nil
	case !named, f.Flags&proto.FlagChecked != 0: // what the check began has ended since
		return nil, unix.EPIPE
	case f.SinfoFlags&(sndEOF|sndAbort) != 0:
		return nil, unix.EINVAL
	case s.style == oneToOne && (s.phase == connected || s.phase == ended):
		return nil, unix.EADDRNOTAVAIL
	}
	return s.implicit(f, peer, also)
}

// implicit begins an association by sending to its peer (RFC 6458, section 3.1.4).
func (s *socket) implicit(f *proto.Frame, peer netip.AddrPort, also []byte) (*assoc, error) {
	if s.style == oneToOne && s.phase != idle {
		return nil, unix.EPIPE
	}
	var init *initMsg
	if len(also) >= 8 && f.Flags&flagInit != 0 {
		init = &initMsg{}
		_, _ = binary.Decode(also, binary.LittleEndian, init)
		also = also[8:]
	}
	all := []netip.AddrPort{peer}
	for len(also) > 0 {
		p, rest, err := s.parse(also)
		if err != nil {
			return nil, err
		}
		all, also = append(all, netip.AddrPortFrom(p.Addr(), peer.Port())), rest
	}
	a, err := s.associate(all, init)
	if err == nil && s.style == oneToOne {
		s.phase, s.err = connecting, 0
	}
	return a, err
}

// flagInit marks, in this package only, a frame of OpCheck that an initmsg follows.
const flagInit proto.FrameFlags = 1 << 15

// check tells what Linux would say to sending a message, and begins its association.
func (s *socket) check(k *call) (*assoc, error) {
	var f proto.Frame
	if len(k.body) < proto.FrameSize {
		return nil, unix.EINVAL
	}
	if _, err := f.Decode(k.body[:proto.FrameSize]); err != nil || f.Kind != proto.FrameSend {
		return nil, unix.EINVAL
	}
	if k.ask.Flags&proto.AskInit != 0 {
		f.Flags |= flagInit
	}
	size := int(k.ask.Size)
	if err := s.sendable(&f, size); err != nil {
		return nil, err
	}
	s.applyDefaults(&f)
	if f.SinfoFlags&sndAll != 0 && s.style == oneToMany {
		k.rep.Value = int32(len(s.assocs))
		return nil, nil
	}
	known := s.known(&f)
	a, err := s.target(&f, k.body[proto.FrameSize:])
	if err != nil {
		return nil, err
	}
	streams := a.outStreams
	if !a.up {
		streams = s.initMsg.OutStreams
	}
	switch {
	case a.refusing && s.style == oneToMany && f.SinfoFlags&(sndEOF|sndAbort) == 0:
		return a, unix.ESHUTDOWN
	case f.Stream >= streams && f.SinfoFlags&(sndEOF|sndAbort) == 0:
		return a, unix.EINVAL
	case s.noFragments && a.up && size > a.fragment():
		return a, unix.EMSGSIZE
	case !a.hasKey(&f):
		return a, unix.EINVAL
	}
	if a != known && !a.up && k.ask.Flags&proto.AskWait != 0 {
		_ = s.await(k, a) // where no waiter is to be had it goes without
	}
	return a, nil
}

// sendable is what is wrong with a message whoever it is for.
func (s *socket) sendable(f *proto.Frame, size int) error {
	ending := f.SinfoFlags&(sndEOF|sndAbort) != 0
	switch {
	case s.style == oneToOne && s.phase == listening:
		return unix.EPIPE
	case size > s.longest():
		return unix.EMSGSIZE
	case f.SinfoFlags == 0 && size > 0:
		return nil
	case s.style == oneToOne && ending:
		return unix.EINVAL
	case f.SinfoFlags&sndEOF != 0 && size > 0, !ending && size == 0:
		return unix.EINVAL
	case f.SinfoFlags&sndAddrOver != 0 && f.Flags&proto.FlagNamed == 0:
		return unix.EINVAL
	}
	return nil
}

// closeWrite shuts down what the program has shut, once all it wrote is queued.
func (s *socket) closeWrite() {
	s.shutRead()
	if len(s.stalled) == 0 && s.single != nil {
		_ = s.single.conn.CloseWrite()
	}
}

// shutRead gives the program EPIPE from now on; what it wrote can be read.
func (s *socket) shutRead() {
	if !s.readShut {
		s.readShut = true
		if s.lane != nil {
			s.lane.Up.Shut()
		}
		_ = unix.Shutdown(s.fd, unix.SHUT_RD)
	}
}

// refuseMore: the association takes no messages any more.
func (s *socket) refuseMore(a *assoc) {
	a.refusing = true
	if s.style != oneToMany && s.phase == connected {
		s.shutRead()
	}
}

// ordered is the associations in the order of their identifiers.
func (s *socket) ordered() []*assoc {
	all := values(s.assocs)
	slices.SortFunc(all, func(a, b *assoc) int { return int(a.id) - int(b.id) })
	return all
}
