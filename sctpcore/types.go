package sctpcore

import (
	"errors"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Errors that Endpoint's verbs return. They are values, never wrapped with
// allocation, so that hot paths may return them.
var (
	ErrNoAssociation  = errors.New("sctpcore: no such association")
	ErrClosing        = errors.New("sctpcore: association is shutting down")
	ErrWouldBlock     = errors.New("sctpcore: send buffer is full")
	ErrMessageTooLong = errors.New("sctpcore: message is longer than the limit")
	ErrStream         = errors.New("sctpcore: stream identifier is out of range")
	ErrEmpty          = errors.New("sctpcore: empty message: user data must be at least one byte")
	ErrLimit          = errors.New("sctpcore: too many associations")
	ErrPortInUse      = errors.New("sctpcore: port is already listened on")
	ErrExists         = errors.New("sctpcore: an association with this peer and these ports exists")
	ErrUnreachable    = errors.New("sctpcore: no address of ours has the family and scope of one of the peer's")
	ErrAddress        = errors.New("sctpcore: address does not belong to the association")
	ErrInvalid        = errors.New("sctpcore: invalid argument")
	ErrUnsupported    = errors.New("sctpcore: the extension was not asked for by Extensions, or the peer does not have it")
	ErrNotUp          = errors.New("sctpcore: association is not up")
	ErrLastAddress    = errors.New("sctpcore: the last address cannot be removed: add another one before")
	ErrKey            = errors.New("sctpcore: no such key, or it is the active or a deactivated one")
)

// AssocID names one association of one Endpoint. Ids of ended associations are
// not used again soon, so a stale one is told from a live one. 0 is none.
type AssocID uint32

// Slot is the place that the association has, or had, in its Endpoint.
func (id AssocID) Slot() int { return int(id.slot()) }

// Use is how many associations had that place until this one, itself too: from 1 on.
func (id AssocID) Use() int { return int(id >> indexBits) }

// MakeAssocID is the id with this Slot and Use; 0 if none has them.
func MakeAssocID(slot, use int) AssocID {
	if slot < 0 || slot >= 1<<indexBits || use < 1 || use >= 1<<(32-indexBits) {
		return 0
	}
	return AssocID(slot | use<<indexBits)
}

// Inbound is one received SCTP packet. Its checksum has been verified by the
// caller (RFC 9260, section 6.8). The core reads Data during HandlePackets only.
type Inbound struct {
	Src, Dst wire.Addr
	Data     []byte // from the common header on
	Port     uint32 // the caller's number for where it came in; echoed in Outbound.InPort of direct answers
}

// Outbound is one SCTP packet to send. The caller supplies Buf; PollTransmit
// fills the rest. The checksum field is zero: the caller or the port fills it.
type Outbound struct {
	Buf      []byte    // in: room; len(Buf) must be at least the largest MTU in use less the IP header
	N        int       // out: length of the packet in Buf
	Src, Dst wire.Addr // out: Src is zero if the caller is to choose it
	// Egress is what SetRoute gave for the path, 0 if the packet is on no path
	// or its path has no route yet: the caller routes it by Dst.
	Egress uint32
	// InPort is Inbound.Port of the packet that this one answers when Egress is 0
	// and it is a direct answer; -1 otherwise.
	InPort int32
	// Assoc and Path say whose packet it is; Assoc is 0 for a packet of none.
	Assoc AssocID
	Path  uint8
	// HasData tells that the packet carries user data.
	HasData bool
	// CutTo is the path's MTU in bytes if IP has to cut the packet to it, since the
	// MTU shrank after its DATA had got a TSN (RFC 9260, section 6.9); else 0.
	CutTo int
}

// Route is what the caller knows about how to reach one path's destination.
type Route struct {
	Src    wire.Addr // our address on this path
	Egress uint32    // opaque, echoed in Outbound.Egress
	MTU    int       // bytes of IP packet; 0 keeps the present one
	Down   bool      // the port's link is down: the path is of no use until it is up again
}

// SendFlags of a message.
type SendFlags uint8

const (
	Unordered SendFlags = 1 << iota // deliver as soon as it is complete (U bit)
	SackNow                         // ask for an immediate SACK (I bit, RFC 7053)
)

// Message is one user message to send.
type Message struct {
	// Data stays the caller's memory but must not change until the message is
	// released (see Endpoint.Released): the core sends and resends from it.
	Data   []byte
	PPID   uint32 // host order; carried opaquely
	Stream uint16
	Flags  SendFlags
	// Via is the path that it is sent by first, counted from 1, as long as that works; 0 or
	// one that there is not is what all messages take.
	Via uint8
}

// Received describes what Endpoint.Receive delivered.
type Received struct {
	PPID      uint32
	TSN       uint32 // of the first fragment
	CumTSN    uint32 // the highest TSN received in sequence, now
	Stream    uint16
	SSN       uint16
	Unordered bool
	// More is true when the rest of the message is still to be read: dst was too
	// small, or it is being delivered in parts (RFC 9260, section 6.9).
	More bool
	// Aborted is true, and nothing else is set, where the message of which More
	// was said ends: its rest will never come, since the peer restarted.
	Aborted bool
}

// State is an association's state (RFC 9260, section 4).
type State uint8

// The states of RFC 9260's diagram.
const (
	Closed State = iota
	CookieWait
	CookieEchoed
	Established
	ShutdownPending
	ShutdownSent
	ShutdownReceived
	ShutdownAckSent
)

var stateNames = [...]string{"CLOSED", "COOKIE-WAIT", "COOKIE-ECHOED", "ESTABLISHED",
	"SHUTDOWN-PENDING", "SHUTDOWN-SENT", "SHUTDOWN-RECEIVED", "SHUTDOWN-ACK-SENT"}

// String is the RFC's name of the state.
func (s State) String() string { return stateNames[s] }

// PathState is what is believed of a path (RFC 9260, sections 5.4 and 8.2; RFC 7829).
type PathState uint8

// The states of a path.
const (
	Unconfirmed       PathState = iota // no heartbeat was answered yet: carries no data
	Active                             // works
	PotentiallyFailed                  // missed acknowledgements: used only if nothing better is there
	Inactive                           // given up; heartbeats go on
	NumPathStates                      // above every state
)

var pathStateNames = [...]string{"UNCONFIRMED", "ACTIVE", "PF", "INACTIVE"}

// String is the state's short name.
func (s PathState) String() string { return pathStateNames[s] }

// PathInfo is a snapshot of one path.
type PathInfo struct {
	Src, Dst   wire.Addr
	Egress     uint32
	State      PathState
	Primary    bool // the configured primary path
	Current    bool // new data goes here now
	LinkDown   bool // Route.Down
	RTO        Time
	SRTT       Time // 0 before the first measurement
	RTTVar     Time
	Cwnd       int // bytes
	Ssthresh   int // bytes
	Flight     int // bytes outstanding on this path, chunk headers and padding included
	MTU        int // bytes of IP packet
	ErrorCount int
	// Totals since the association began.
	TxPackets, TxDataChunks, Retransmits, Timeouts uint64
	HeartbeatsSent, HeartbeatsAcked                uint64
}

// AssocInfo is a snapshot of one association.
type AssocInfo struct {
	State               State
	LocalPort, PeerPort uint16
	LocalTag, PeerTag   uint32
	InStreams           int
	OutStreams          int
	PeerRwnd            int // bytes
	SendQueued          int // bytes accepted by Send and not yet acknowledged
	InFlight            int // bytes of user data sent and not acknowledged
	ReceiveQueued       int // bytes held for the application or reassembly
	Rwnd                int // bytes: what we advertise now
	FragmentSize        int // bytes of user data in one DATA chunk at most
	UnackedChunks       int // sent and not acknowledged
	QueuedMessages      int // accepted by Send and not sent, the last one not wholly
	PendingMessages     int // received and not read
	Features            Features
	ErrorCount          int
	Primary             int // index of the primary path
	LocalAddrs          []wire.Addr
	MaxRTO              Time // the longest that any path had
	TxMessages          uint64
	RxMessages          uint64
	TxPackets           uint64
	RxPackets           uint64
	TxDataChunks        uint64 // those sent again too
	RxDataChunks        uint64
	TxUnordered         uint64 // without those sent again
	RxUnordered         uint64
	TxControlChunks     uint64
	RxControlChunks     uint64
	TxSACKs             uint64
	RxSACKs             uint64
	RetransmittedChunks uint64
	FastRetransmits     uint64
	Timeouts            uint64
	DuplicateTSNs       uint64
	OutOfSequenceTSNs   uint64 // received while an earlier one was missing
	GapBlocks           uint64 // in the SACKs received
}

// Features are what both sides of an association have beyond RFC 9260.
type Features uint8

// The features.
const (
	FeatureAuth   Features = 1 << iota // RFC 4895
	FeatureAsconf                      // RFC 5061
)

// EventKind says what an Event tells.
type EventKind uint8

// The kinds of events.
const (
	// EventUp: the association is established (COMMUNICATION UP). Passive says
	// which side began it; Addr is then the address of ours that the peer asked.
	EventUp EventKind = iota + 1
	// EventRestart: the peer restarted; streams begin again, what was unsent is
	// kept and sent anew, what was unacknowledged may be delivered twice.
	EventRestart
	// EventDown: the association is gone and its id with it; Reason says why. The memory
	// of all its messages is the caller's again. What was received can still be read until the
	// caller says Forget. Message is the number of the first message of which nothing
	// was sent. With ReasonPeerAbort Data is the ABORT chunk.
	EventDown
	// EventPeerShutdown: the peer has begun SHUTDOWN; Send refuses.
	EventPeerShutdown
	// EventReadable: Receive has something.
	EventReadable
	// EventReleased: Released has advanced, so buffers can be used again.
	EventReleased
	// EventPathAdded: a path exists and wants SetRoute.
	EventPathAdded
	// EventPathState: a path went from state From to state To.
	EventPathState
	// EventFailover: the first new or resent DATA left on Path after it stopped
	// leaving on OldPath; Reason says why, Detected and Switched when that was known and
	// done, LastAck when the peer had last acknowledged anything that went by OldPath, 0
	// for never. Stalled: OldPath did not work any more and data was under way, so that
	// traffic stood still. Otherwise it moved for a better path, or there was none to
	// move before Switched, however long after Detected that was.
	EventFailover
	// EventResumed: after an EventFailover that was Stalled the peer acknowledged for the
	// first time data that had left on Path, be it that what had left on OldPath before had
	// arrived after all. Traffic stood still from LastAck, when data under way was last
	// cumulatively acknowledged or else sent, to At. If Path fails before, there is one
	// event for both.
	EventResumed
	// EventPeerError: the peer sent ERROR with Cause, which is Data on the wire.
	EventPeerError
	// EventSendFailed: the message that Send took as number Message, counted from 0,
	// is not sent, as its Stream is none that the peer granted (RFC 9260, sections
	// 5.1.1 and 11.2.2). It is released in its turn. The messages that EventDown
	// releases get no such event.
	EventSendFailed
	// EventPartialAborted: of a message on Stream, with SSN, a part was received, and the rest
	// will never come (RFC 6458, section 6.1.7), because the peer restarted or the
	// association ended. After a restart Receive says so too, in its place.
	EventPartialAborted
	// EventAddressAdded: the peer added Addr (RFC 5061), which is Path and unconfirmed.
	EventAddressAdded
	// EventAddressRemoved: the peer removed Addr, which was Path. Every index may have
	// moved; EventPathAdded of each path follows.
	EventAddressRemoved
	// EventAddressPrimary: the peer asked for Addr, which is Path, as the primary path.
	EventAddressPrimary
	// EventAsconf: what ChangeAddress asked for, Op with Addr, was done by the peer; or,
	// if Cause is not 0, refused. CauseUnrecognizedChunk: the peer has no ASCONF at all.
	EventAsconf
	// EventAuth: of authentication (RFC 4895), see Auth and Key.
	EventAuth
	// EventAdaptation: the peer's Adaptation Layer Indication, with EventUp.
	EventAdaptation
	// EventSenderDry: all that was to be sent is acknowledged. The core does not tell it:
	// who feeds it knows what is still to come.
	EventSenderDry
	// NumEvents is above every kind.
	NumEvents
)

// Reason says why an association ended or a path changed its state.
type Reason uint8

// The reasons.
const (
	ReasonNone           Reason = iota
	ReasonShutdown              // graceful shutdown was completed
	ReasonPeerAbort             // the peer sent ABORT; Event.Cause has its first cause
	ReasonLocalAbort            // Abort was called
	ReasonRetransLimit          // Association.Max.Retrans was exceeded
	ReasonInitLimit             // Max.Init.Retransmits was exceeded
	ReasonProtocol              // the peer violated the protocol and was aborted; Event.Cause
	ReasonStaleCookie           // the peer found our cookie stale too often
	ReasonGuard                 // T5-shutdown-guard expired
	ReasonLinkDown              // the port's link went down
	ReasonLinkUp                // the port's link came up
	ReasonTimeout               // T3-rtx or a heartbeat was not answered
	ReasonHeartbeatAcked        // a heartbeat was answered
	ReasonDataAcked             // data sent there was acknowledged
	ReasonUnreachable           // ICMP said so
	ReasonNoStream              // the peer granted fewer streams
	ReasonPrimary               // another primary path was chosen
	ReasonAddress               // addresses were added or removed
)

var reasonNames = [...]string{"none", "shutdown", "aborted by peer", "aborted locally",
	"association retransmission limit", "no answer to INIT", "protocol violation by peer",
	"stale cookie", "shutdown guard timer", "link down", "link up", "timeout",
	"heartbeat acknowledged", "data acknowledged", "destination unreachable",
	"the peer granted fewer streams", "another primary path", "change of addresses"}

// String says the reason in words.
func (r Reason) String() string { return reasonNames[r] }

// Event is something that the owner of an association wants to know.
type Event struct {
	Assoc    AssocID
	Kind     EventKind
	Reason   Reason
	Passive  bool
	Stalled  bool
	From, To PathState
	Path     uint8
	OldPath  uint8
	Cause    wire.CauseCode
	Stream   uint16
	SSN      uint16
	Message  uint64
	// Received is how many messages could be read before it happened: those that
	// Receive gives after that many came later.
	Received  uint64
	Data      []byte // the receiver's of the event
	LocalPort uint16
	PeerPort  uint16
	Op        AddressOp
	Auth      AuthIndication
	Key       uint16
	// Adaptation is the peer's adaptation code.
	Adaptation uint32
	Addr       wire.Addr
	Detected   Time
	Switched   Time
	LastAck    Time
	At         Time
}

// Took is how long an EventFailover took: detected from the last sign of life on the old path
// until its failure was known, switched from then to the first packet on another. Both are 0
// where nothing stood still, and detected where there was never a sign of life.
func (e *Event) Took() (detected, switched Time) {
	if !e.Stalled {
		return 0, 0
	}
	if e.LastAck != 0 {
		detected = e.Detected - e.LastAck
	}
	return detected, e.Switched - e.Detected
}
