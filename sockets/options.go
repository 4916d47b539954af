package sockets

import (
	"encoding/binary"
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// settings are what each association has of its own, beginning with the socket's.
type settings struct {
	params     sctpcore.Params
	send       sendDefaults
	rcvContext uint32 // SCTP_CONTEXT
	events     uint16 // bit i: notification snDataIO+i
	pfExpose   uint32 // SCTP_EXPOSE_POTENTIALLY_FAILED_STATE: 0 unset, 1 hidden, 2 told
}

// sendDefaults are what a message has that comes without ancillary data.
type sendDefaults struct {
	stream, flags       uint16
	ppid, context, life uint32
}

// options are a socket's. What is not in settings is the socket's alone.
type options struct {
	defaults settings // of associations to come
	initMsg  initMsg

	noDelay     bool
	noFragments bool
	interleave  bool
	autoAsconf  bool
	wanted      proto.FrameFlags // FlagRcvInfo, FlagNxtInfo and FlagSndRcv: what DATA frames say

	asconf, auth bool
	authChunks   []wire.ChunkType
	hmacs        []wire.HMACID
	authKeys     []sctpcore.AuthKey
	activeKey    uint16
	adaptation   *uint32

	reuse      bool
	lingerOn   bool
	lingerFor  int32 // seconds
	sndbuf     int   // bytes as Linux tells them: twice what was set; 0 is the usual
	rcvbuf     int
	remembered map[optionKey]int32 // that have no effect here
}

// clone is what a socket inherits.
func (o *options) clone() options {
	c := *o
	c.remembered = maps.Clone(o.remembered)
	c.authKeys = slices.Clone(o.authKeys)
	return c
}

// Defaults of Linux, where they are not the protocol's.
const (
	usualOutStreams = 10
	usualInStreams  = 65535
	usualBuffer     = 212992 // net.core.rmem_default and wmem_default
)

func (s *Server) usualOptions() options {
	p := sctpcore.Params{Timers: s.cfg.Load().Timers}
	o := options{
		defaults: settings{params: p},
		initMsg: initMsg{OutStreams: uint16(min(usualOutStreams, s.cfg.Load().Core.OutStreams)), InStreams: uint16(min(usualInStreams, s.cfg.Load().Core.InStreams)),
			Attempts: uint16(p.MaxInitRetrans), Timeout: uint16(min(milliseconds(p.RTOMax), 65535))},
		asconf: !s.cfg.Load().FixedAddresses, auth: !s.cfg.Load().FixedAddresses,
	}
	return o
}

// longest is the longest message that the socket sends, in bytes.
func (s *socket) longest() int {
	n := s.sndbuf
	if n == 0 {
		n = usualBuffer
	}
	return min(n, s.server.cfg.Load().Core.MaxMessage)
}

// cmsgs is which ancillary data the program wants on reception.
func (s *socket) cmsgs() (st proto.State) {
	for _, c := range []struct {
		flag  proto.FrameFlags
		state proto.State
	}{{proto.FlagSndRcv, proto.StateSndRcv}, {proto.FlagRcvInfo, proto.StateRcvInfo}, {proto.FlagNxtInfo, proto.StateNxtInfo}} {
		if s.wanted&c.flag != 0 {
			st |= c.state
		}
	}
	return st
}

// abortive tells whether close is an ABORT.
func (s *socket) abortive() bool { return s.lingerOn && s.lingerFor == 0 }

// assocOptions are what associations to come are made with; init, if not nil, goes
// before the socket's.
func (s *socket) assocOptions(init *initMsg) *dataplane.AssocOptions {
	im, core := s.initMsg, &s.server.cfg.Load().Core
	if init != nil {
		im.override(init)
	}
	p := s.defaults.params
	if p.MaxInitRetrans = int(im.Attempts); im.Timeout != 0 {
		p.MaxInitTimeout = sctpcore.Time(im.Timeout) * sctpcore.Millisecond
	}
	o := &dataplane.AssocOptions{
		InStreams: min(int(im.InStreams), core.InStreams), OutStreams: min(int(im.OutStreams), core.OutStreams),
		SendBuffer: s.sndbuf / 2, ReceiveBuffer: min(s.rcvbuf/2, core.ReceiveBuffer), Params: &p, Events: eventsFor(s.defaults.events&(1<<(snSenderDry-snDataIO)) != 0),
		AutoAsconf: s.autoAsconf,
	}
	if s.asconf || s.auth || s.adaptation != nil {
		o.Extensions = &sctpcore.Extensions{Asconf: s.asconf && s.auth, Adaptation: s.adaptation}
		if s.auth {
			o.Extensions.Auth = &sctpcore.AuthParams{Chunks: s.authChunks, HMACs: s.hmacs, Keys: s.authKeys, ActiveKey: s.activeKey}
		}
	}
	return o
}

// override takes over what is not 0 in n.
func (m *initMsg) override(n *initMsg) {
	for _, f := range []struct{ have, set *uint16 }{
		{&m.OutStreams, &n.OutStreams}, {&m.InStreams, &n.InStreams}, {&m.Attempts, &n.Attempts}, {&m.Timeout, &n.Timeout},
	} {
		if *f.set != 0 {
			*f.have = *f.set
		}
	}
}

// optionKey names an option.
type optionKey struct{ level, name uint32 }

// option is how an option is read and written; nil is not at all. get may look at what
// lies in the program's buffer (association, address), and gives the value and the
// length to say if that is another. It returns EINVAL where the buffer is short.
type option struct {
	get func(s *socket, in []byte, size int) (value []byte, err error)
	set func(s *socket, in []byte) error
}

func (s *socket) getOption(k *call) error {
	o := s.option(k)
	if o.get == nil {
		return unix.ENOPROTOOPT
	}
	value, err := o.get(s, k.body, int(int32(k.ask.Size)))
	if err != nil {
		return err
	}
	k.out = value[:min(len(value), int(k.ask.Size))]
	k.rep.Value = int32(len(k.out))
	if k.ask.Level == solSCTP && k.ask.Name == optGetLocalAddrs {
		k.rep.Value -= 8 // Linux counts the addresses alone
	}
	return nil
}

func (s *socket) setOption(k *call) error {
	o := s.option(k)
	if o.set == nil {
		return unix.ENOPROTOOPT
	}
	return o.set(s, k.body)
}

// option is what a call asks for; the zero value is what a kernel does not have either.
func (s *socket) option(k *call) option {
	if k.ask.Level == solIPv6 && s.domain != unix.AF_INET6 {
		return option{}
	}
	return optionTable[optionKey{k.ask.Level, k.ask.Name}]
}

// decode reads a structure; what the program's buffer does not reach is 0.
func decode[T any](in []byte) (v T) {
	size := binary.Size(v)
	if len(in) < size {
		in = append(slices.Clone(in), make([]byte, size-len(in))...)
	}
	_, _ = binary.Decode(in, binary.LittleEndian, &v)
	return v
}

func encode(v any) []byte {
	b, _ := binary.Append(nil, binary.LittleEndian, v)
	return b
}

// reader makes a get of a structure, of which the program must have room for least
// bytes, 0 being all.
func reader[T any](least int, get func(*socket, *T) error) func(*socket, []byte, int) ([]byte, error) {
	return func(s *socket, in []byte, size int) ([]byte, error) {
		v := decode[T](in)
		if least == 0 && size < binary.Size(v) || size < least {
			return nil, unix.EINVAL
		}
		if err := get(s, &v); err != nil {
			return nil, err
		}
		return encode(&v), nil
	}
}

// writer makes a set of a structure of exactly its length.
func writer[T any](set func(*socket, *T) error) func(*socket, []byte) error {
	return func(s *socket, in []byte) error {
		v := decode[T](in)
		if len(in) != binary.Size(v) {
			return unix.EINVAL
		}
		return set(s, &v)
	}
}

// longWriter is writer that takes what is longer, too.
func longWriter[T any](set func(*socket, *T) error) func(*socket, []byte) error {
	return func(s *socket, in []byte) error {
		v := decode[T](in)
		if len(in) < binary.Size(v) {
			return unix.EINVAL
		}
		return set(s, &v)
	}
}

// flag is an option of type int that is on or off.
func flag(get func(*socket) bool, set func(*socket, bool) error) option {
	o := option{get: reader(0, func(s *socket, v *int32) error {
		*v = 0
		if get(s) {
			*v = 1
		}
		return nil
	})}
	if set != nil {
		o.set = longWriter(func(s *socket, v *int32) error { return set(s, *v != 0) })
	}
	return o
}

// toggle is a flag that is a field of the socket.
func toggle(field func(*socket) *bool) option {
	return flag(func(s *socket) bool { return *field(s) }, func(s *socket, on bool) error {
		*field(s) = on
		return nil
	})
}

func milliseconds(t sctpcore.Time) uint32 { return uint32(t / sctpcore.Millisecond) }
