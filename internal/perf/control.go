package perf

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
)

// Payload protocol identifiers of the messages; the upper half is our own
// choice out of the unassigned ones (RFC 9260, section 15.5).
const (
	ppidData uint32 = 0x54500001 + iota
	ppidHello
	ppidEnd
	ppidReport
)

// DefaultPort is where servers listen, as iperf does.
const DefaultPort = 5001

const version = 1

// Bounds of what a client may ask for; a server refuses more.
const (
	maxLength  = 512 << 10
	maxStreams = 65535
	maxSeconds = 24 * 3600
	maxControl = 4096 // bytes of one control message
)

// hello is the client's first message.
type hello struct {
	Version   int     `json:"version"`
	Length    int     `json:"length"`
	Streams   int     `json:"streams"`
	Unordered bool    `json:"unordered"`
	Seconds   float64 `json:"seconds"`
	Forward   bool    `json:"forward"` // the client sends data
	Reverse   bool    `json:"reverse"` // the server sends data
}

// valid says what is wrong with a hello.
func (h *hello) valid() error {
	switch {
	case h.Version != version:
		return fmt.Errorf("the peer speaks version %d, this is %d; use the same release on both sides", h.Version, version)
	case h.Length < 1 || h.Length > maxLength:
		return fmt.Errorf("message length %d is not within 1 to %d bytes", h.Length, maxLength)
	case h.Streams < 1 || h.Streams > maxStreams:
		return fmt.Errorf("%d streams are not within 1 to %d", h.Streams, maxStreams)
	case !(h.Seconds > 0) || h.Seconds > maxSeconds:
		return fmt.Errorf("a time of %g s is not within 0 to %d s", h.Seconds, maxSeconds)
	case !h.Forward && !h.Reverse:
		return fmt.Errorf("neither side is to send")
	}
	return nil
}

// Totals are what one side counted of one direction.
type Totals struct {
	Messages        uint64  `json:"messages"`
	Bytes           uint64  `json:"bytes"`
	Seconds         float64 `json:"seconds"`
	Retransmissions uint64  `json:"retransmissions,omitempty"` // sender only, chunks
	CPUSeconds      float64 `json:"cpu_seconds"`               // of the whole process
}

// BitsPerSecond is the rate of user data.
func (t Totals) BitsPerSecond() float64 {
	if t.Seconds <= 0 {
		return 0
	}
	return float64(t.Bytes) * 8 / t.Seconds
}

// MessagesPerSecond is the rate of messages.
func (t Totals) MessagesPerSecond() float64 {
	if t.Seconds <= 0 {
		return 0
	}
	return float64(t.Messages) / t.Seconds
}

func sendControl(c *dataplane.Conn, ppid uint32, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.Send(b, &dataplane.Message{Stream: 0, PPID: ppid})
}

// recvHello waits for the client's first message.
func recvHello(c *dataplane.Conn, wait time.Duration) (hello, error) {
	var h hello
	var m dataplane.Message
	room := make([]byte, maxControl)
	if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return h, err
	}
	n, err := c.Recv(room, &m)
	if err != nil {
		return h, fmt.Errorf("no hello from the client: %w", err)
	}
	if m.PPID != ppidHello || m.More {
		return h, fmt.Errorf("the client is not `trunkline perf client`: its first message has PPID %#x", m.PPID)
	}
	if err := json.Unmarshal(room[:n], &h); err != nil {
		return h, fmt.Errorf("the client's hello is malformed: %w", err)
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		return h, err
	}
	return h, h.valid()
}
