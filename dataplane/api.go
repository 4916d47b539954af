package dataplane

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Dataplane is a set of workers that poll ports and own associations.
type Dataplane struct{}

// New checks the configuration whole and starts the workers, or nothing. The
// dataplane polls the ports until Close; it does not close them.
func New(cfg Config) (*Dataplane, error) { panic("unfinished") }

// Close aborts what is still open, stops the workers and waits for them.
func (d *Dataplane) Close() error { panic("unfinished") }

// Addr is an SCTP transport address: a port and every IP address it is at.
type Addr struct {
	IPs  []netip.Addr
	Port uint16
}

// Network is "sctp".
func (a *Addr) Network() string { return "sctp" }

// String is a/b/c:port, IPv6 addresses in brackets.
func (a *Addr) String() string { panic("unfinished") }

// AssocOptions shape associations that Dial or a Listener makes.
type AssocOptions struct {
	InStreams, OutStreams int              // 0 is the limit of Config.Limits
	SendBuffer            int              // bytes; 0 is Limits.SendBuffer
	ReceiveBuffer         int              // bytes; 0 is Limits.ReceiveBuffer
	Timers                *sctpcore.Timers // nil is Config.Timers
	// NoDelay false lets small messages wait for company while data is in
	// flight (Nagle, as SCTP_NODELAY off); the default here is not to wait.
}

// Dial makes an association from local (nil or no IPs: every address of the
// dataplane; port 0: an ephemeral one) to remote, whose addresses are tried in
// turn. It returns when the association is up, fails, or ctx is done.
func (d *Dataplane) Dial(ctx context.Context, local, remote *Addr, opt *AssocOptions) (*Conn, error) {
	panic("unfinished")
}

// Listen accepts associations on local (nil IPs: every address; port 0: an
// ephemeral one).
func (d *Dataplane) Listen(local *Addr, opt *AssocOptions) (*Listener, error) { panic("unfinished") }

// Listener is a net.Listener of associations.
type Listener struct{}

// Accept waits for the next association; it is a *Conn.
func (l *Listener) Accept() (net.Conn, error) { panic("unfinished") }

// AcceptSCTP is Accept with the type that it has.
func (l *Listener) AcceptSCTP() (*Conn, error) { panic("unfinished") }

// Close stops listening; accepted associations live on, unaccepted are aborted.
func (l *Listener) Close() error { panic("unfinished") }

// Addr is the listening address.
func (l *Listener) Addr() net.Addr { panic("unfinished") }

// Message is one user message with its SCTP attributes, for SendBatch and
// RecvBatch. On send Data[:N] is ignored and all of Data is the message; on
// receive Data is the room and N the length that was put in it.
type Message struct {
	Data      []byte
	N         int
	Stream    uint16
	SSN       uint16 // receive only
	PPID      uint32
	TSN       uint32 // receive only: of the first fragment
	Unordered bool
	SackNow   bool // send only
	More      bool // receive only: the message goes on in the next one
}

// Conn is one association. Any goroutine may call any method.
type Conn struct{}

// Send queues one message, waiting for room in the send buffer as long as the
// write deadline allows. The bytes are copied: b may be reused at once.
func (c *Conn) Send(b []byte, m *Message) error { panic("unfinished") }

// Recv waits for one message and copies it, or as much as fits, into b; a
// longer message goes on with the next call (m.More). At the peer's shutdown
// it returns io.EOF.
func (c *Conn) Recv(b []byte, m *Message) (int, error) { panic("unfinished") }

// SendBatch queues messages until the send buffer is full, waiting only for the
// first; it returns how many it took.
func (c *Conn) SendBatch(msgs []Message) (int, error) { panic("unfinished") }

// RecvBatch waits for the first message and takes as many as are there; it
// returns how many it filled.
func (c *Conn) RecvBatch(msgs []Message) (int, error) { panic("unfinished") }

// Read is Recv without attributes; Write is Send on stream 0 with PPID 0.
func (c *Conn) Read(b []byte) (int, error)  { panic("unfinished") }
func (c *Conn) Write(b []byte) (int, error) { panic("unfinished") }

// Close shuts down gracefully: it refuses new messages and returns at once; what
// was sent is still delivered. Wait for Done to know the end.
func (c *Conn) Close() error { panic("unfinished") }

// Abort ends the association at once.
func (c *Conn) Abort(reason string) error { panic("unfinished") }

// Done is closed when the association has ended; Err then says why (nil after a
// graceful shutdown).
func (c *Conn) Done() <-chan struct{} { panic("unfinished") }
func (c *Conn) Err() error            { panic("unfinished") }

// LocalAddr and RemoteAddr are *Addr with every address of the association.
func (c *Conn) LocalAddr() net.Addr  { panic("unfinished") }
func (c *Conn) RemoteAddr() net.Addr { panic("unfinished") }

// SetDeadline and its like are those of net.Conn.
func (c *Conn) SetDeadline(t time.Time) error      { panic("unfinished") }
func (c *Conn) SetReadDeadline(t time.Time) error  { panic("unfinished") }
func (c *Conn) SetWriteDeadline(t time.Time) error { panic("unfinished") }

// SetPrimary prefers the path to dst; it is a hint, ignored while that path is
// down and honoured again when it is back.
func (c *Conn) SetPrimary(dst netip.Addr) error { panic("unfinished") }

// PathInfo is a path and the port it maps to ("" while it maps to none).
type PathInfo struct {
	sctpcore.PathInfo
	Port string
}

// Paths and Info are snapshots taken by the association's worker.
func (c *Conn) Paths() ([]PathInfo, error)        { panic("unfinished") }
func (c *Conn) Info() (sctpcore.AssocInfo, error) { panic("unfinished") }

// PathEvent tells of a path's change of state or of a failover.
type PathEvent struct {
	Conn *Conn
	sctpcore.Event
	Dst, OldDst   netip.Addr // of Path and OldPath
	Port, OldPort string
}

// Events returns a channel of capacity n that gets the connection's path events
// from now on; an event that finds it full is dropped and counted in
// Stats.EventsDropped. The channel is closed when the association ends.
func (c *Conn) Events(n int) <-chan PathEvent { panic("unfinished") }

// Drops counts frames that the dataplane threw away, by reason. See drops.go.
// Stats are the totals over all workers.
type Stats struct {
	Core          sctpcore.Counters
	EventsDropped uint64
}

// Stats is a snapshot of the totals.
func (d *Dataplane) Stats() Stats { panic("unfinished") }
