package sctp

// The structures below lie in memory as linux/sctp.h has them.

// InitMsg says what an INIT offers; 0 is the server's default.
type InitMsg struct {
	NumOstreams    uint16
	MaxInstreams   uint16
	MaxAttempts    uint16
	MaxInitTimeout uint16 // ms
}

// EventSubscribe tells for each kind of event whether it is wanted: 0 or 1.
type EventSubscribe struct {
	DataIO          uint8
	Association     uint8
	Address         uint8
	SendFailure     uint8
	PeerError       uint8
	Shutdown        uint8
	PartialDelivery uint8
	AdaptationLayer uint8
	Authentication  uint8
	SenderDry       uint8
}

// SndRcvInfo describes a message. PPID is a number as IANA lists them: the package
// converts it to network byte order and back.
type SndRcvInfo struct {
	Stream  uint16
	SSN     uint16
	Flags   uint16
	_       uint16
	PPID    uint32
	Context uint32
	TTL     uint32 // ms
	TSN     uint32
	CumTSN  uint32
	AssocID int32
}

// SndInfo describes a message to be sent (RFC 6458, 5.3.4).
type SndInfo struct {
	SID     uint16
	Flags   uint16
	PPID    uint32
	Context uint32
	AssocID int32
}

// GetAddrsOld is the kernel's former argument of SCTP_GET_PEER_ADDRS.
type GetAddrsOld struct {
	AssocID int32
	AddrNum int32
	Addrs   uintptr
}

// NotificationHeader begins every notification.
type NotificationHeader struct {
	Type   uint16
	Flags  uint16
	Length uint32
}

// SCTPAssocID identifies an association of a socket.
type SCTPAssocID int32

// SackTimer is the argument of SCTP_DELAYED_SACK (RFC 6458, 8.1.19).
type SackTimer struct {
	AssocID       SCTPAssocID
	SackDelay     uint32 // ms
	SackFrequency uint32 // packets
}

// PeerAddrinfo describes a path (RFC 6458, 8.2.2). Its Address is a raw sockaddr;
// SCTPConn.SCTPGetPrimaryPeerAddr reads it.
type PeerAddrinfo struct {
	AssocID SCTPAssocID
	Address [128]byte
	State   PeerState
	CWND    uint32 // bytes
	SRTT    uint32 // ms
	RTO     uint32 // ms
	MTU     uint32 // bytes
}

// Status describes an association (RFC 6458, 8.2.1).
type Status struct {
	AssocID            SCTPAssocID
	State              StatusState
	RWND               uint32 // bytes
	Unackdata          uint16
	Penddata           uint16
	Instreams          uint16
	Ostreams           uint16
	FragmentationPoint uint32 // bytes
	PrimaryPeerAddr    PeerAddrinfo
}
