package sctp

import (
	"bytes"
	"encoding/binary"
	"io"
)

// set and get take an option as the structure it is.
func (c *SCTPConn) set(name int, v any) error {
	k, err := c.socket()
	if err != nil {
		return err
	}
	return k.setOption(SOL_SCTP, name, raw(v))
}

func (c *SCTPConn) get(name int, v any) error {
	in := raw(v)
	b, err := c.option(name, in, len(in))
	if err != nil {
		return err
	}
	if len(b) < len(in) {
		return io.ErrUnexpectedEOF
	}
	return binary.Read(bytes.NewReader(b), binary.NativeEndian, v)
}

func (c *SCTPConn) option(name int, in []byte, size int) ([]byte, error) {
	k, err := c.socket()
	if err != nil {
		return nil, err
	}
	return k.getOption(SOL_SCTP, name, in, size)
}

// raw is a structure of fixed size as it lies in memory.
func raw(v any) []byte {
	b, err := binary.Append(nil, binary.NativeEndian, v)
	if err != nil {
		panic(err) // our own structures are of fixed size
	}
	return b
}

// SetInitMsg says what the next INIT offers; times are in ms.
func (c *SCTPConn) SetInitMsg(numOstreams, maxInstreams, maxAttempts, maxInitTimeout int) error {
	return c.set(SCTP_INITMSG, &InitMsg{NumOstreams: uint16(numOstreams), MaxInstreams: uint16(maxInstreams),
		MaxAttempts: uint16(maxAttempts), MaxInitTimeout: uint16(maxInitTimeout)})
}

// SubscribeEvents asks for the events whose bits are set, and no others.
func (c *SCTPConn) SubscribeEvents(flags int) error {
	var b [10]byte
	for i := range b {
		b[i] = byte(flags >> i & 1)
	}
	return c.set(SCTP_EVENTS, &b)
}

// SubscribedEvents is the bits of the events that are asked for.
func (c *SCTPConn) SubscribedEvents() (int, error) {
	var b [10]byte
	if err := c.get(SCTP_EVENTS, &b); err != nil {
		return 0, err
	}
	flags := 0
	for i, on := range b {
		if on != 0 {
			flags |= 1 << i
		}
	}
	return flags, nil
}

// SetDefaultSentParam says how messages go that nothing is said of. As upstream
// it passes PPID on as it lies in memory.
func (c *SCTPConn) SetDefaultSentParam(info *SndRcvInfo) error {
	return c.set(SCTP_DEFAULT_SENT_PARAM, info)
}

// GetDefaultSentParam is what SetDefaultSentParam set.
func (c *SCTPConn) GetDefaultSentParam() (*SndRcvInfo, error) {
	info := &SndRcvInfo{}
	return info, c.get(SCTP_DEFAULT_SENT_PARAM, info)
}

// SetSackTimer says how long acknowledgements wait for company.
func (c *SCTPConn) SetSackTimer(timer *SackTimer) error { return c.set(SCTP_DELAYED_SACK, timer) }

// GetSackTimer is what SetSackTimer set, or the default.
func (c *SCTPConn) GetSackTimer() (*SackTimer, error) {
	timer := &SackTimer{}
	return timer, c.get(SCTP_DELAYED_SACK, timer)
}

// GetStatus describes the association.
func (c *SCTPConn) GetStatus() (*Status, error) {
	s := &Status{}
	return s, c.get(SCTP_STATUS, s)
}
