package sctp

// Numbers of linux/sctp.h, under the names that upstream gives them.
const (
	SOL_SCTP = 132

	SCTP_BINDX_ADD_ADDR = 0x01
	SCTP_BINDX_REM_ADDR = 0x02

	MSG_NOTIFICATION = 0x8000

	SCTP_MAX_STREAM = 0xffff
)

// Socket options.
const (
	SCTP_RTOINFO               = 0
	SCTP_ASSOCINFO             = 1
	SCTP_INITMSG               = 2
	SCTP_NODELAY               = 3
	SCTP_AUTOCLOSE             = 4
	SCTP_SET_PEER_PRIMARY_ADDR = 5
	SCTP_PRIMARY_ADDR          = 6
	SCTP_ADAPTATION_LAYER      = 7
	SCTP_DISABLE_FRAGMENTS     = 8
	SCTP_PEER_ADDR_PARAMS      = 9
	SCTP_DEFAULT_SENT_PARAM    = 10
	SCTP_EVENTS                = 11
	SCTP_I_WANT_MAPPED_V4_ADDR = 12
	SCTP_MAXSEG                = 13
	SCTP_STATUS                = 14
	SCTP_GET_PEER_ADDR_INFO    = 15
	SCTP_DELAYED_ACK_TIME      = 16
	SCTP_DELAYED_ACK           = SCTP_DELAYED_ACK_TIME
	SCTP_DELAYED_SACK          = SCTP_DELAYED_ACK_TIME

	SCTP_SOCKOPT_BINDX_ADD = 100
	SCTP_SOCKOPT_BINDX_REM = 101
	SCTP_SOCKOPT_PEELOFF   = 102
	SCTP_GET_PEER_ADDRS    = 108
	SCTP_GET_LOCAL_ADDRS   = 109
	SCTP_SOCKOPT_CONNECTX  = 110
	SCTP_SOCKOPT_CONNECTX3 = 111
)

// Events for SubscribeEvents: a bit for each byte of EventSubscribe.
const (
	SCTP_EVENT_DATA_IO = 1 << iota
	SCTP_EVENT_ASSOCIATION
	SCTP_EVENT_ADDRESS
	SCTP_EVENT_SEND_FAILURE
	SCTP_EVENT_PEER_ERROR
	SCTP_EVENT_SHUTDOWN
	SCTP_EVENT_PARTIAL_DELIVERY
	SCTP_EVENT_ADAPTATION_LAYER
	SCTP_EVENT_AUTHENTICATION
	SCTP_EVENT_SENDER_DRY

	SCTP_EVENT_ALL = 1<<iota - 1
)

// SCTPNotificationType is a notification's sn_type.
type SCTPNotificationType int

// Types of notifications.
const (
	SCTP_SN_TYPE_BASE              SCTPNotificationType = 0x8000
	SCTP_ASSOC_CHANGE              SCTPNotificationType = 0x8001
	SCTP_PEER_ADDR_CHANGE          SCTPNotificationType = 0x8002
	SCTP_SEND_FAILED               SCTPNotificationType = 0x8003
	SCTP_REMOTE_ERROR              SCTPNotificationType = 0x8004
	SCTP_SHUTDOWN_EVENT            SCTPNotificationType = 0x8005
	SCTP_PARTIAL_DELIVERY_EVENT    SCTPNotificationType = 0x8006
	SCTP_ADAPTATION_INDICATION     SCTPNotificationType = 0x8007
	SCTP_AUTHENTICATION_INDICATION SCTPNotificationType = 0x8008
	SCTP_SENDER_DRY_EVENT          SCTPNotificationType = 0x8009
)

// Types of ancillary data.
const (
	SCTP_CMSG_INIT = iota
	SCTP_CMSG_SNDRCV
	SCTP_CMSG_SNDINFO
	SCTP_CMSG_RCVINFO
	SCTP_CMSG_NXTINFO
)

// Flags of SndRcvInfo. Linux has MSG_FIN (0x200) for SCTP_EOF; upstream's number ends the
// association with an empty message, as the name says.
const (
	SCTP_UNORDERED = 1 << iota
	SCTP_ADDR_OVER
	SCTP_ABORT
	SCTP_SACK_IMMEDIATELY
	SCTP_EOF
)

// SCTPState is what an SCTP_ASSOC_CHANGE notification tells.
type SCTPState uint16

// States of SCTP_ASSOC_CHANGE.
const (
	SCTP_COMM_UP SCTPState = iota
	SCTP_COMM_LOST
	SCTP_RESTART
	SCTP_SHUTDOWN_COMP
	SCTP_CANT_STR_ASSOC
)

// PeerState is the state of a peer's address.
type PeerState int32

// States of peer addresses. Linux numbers them otherwise (SCTP_INACTIVE is 0,
// SCTP_PF 1, SCTP_ACTIVE 2, SCTP_UNCONFIRMED 3); upstream passes the kernel's
// number on, and so does this.
const (
	SCTP_UNCONFIRMED PeerState = iota
	SCTP_ACTIVE
	SCTP_INACTIVE
)

// StatusState is the state of an association.
type StatusState int32

// States of associations. As with PeerState these are upstream's numbers, and
// what GetStatus gives is Linux's, where an established association is 4.
const (
	SCTP_CLOSED StatusState = iota
	SCTP_BOUND
	SCTP_LISTEN
	SCTP_COOKIE_WAIT
	SCTP_COOKIE_ECHOED
	SCTP_ESTABLISHED
	SCTP_SHUTDOWN_PENDING
	SCTP_SHUTDOWN_SENT
	SCTP_SHUTDOWN_RECEIVED
	SCTP_SHUTDOWN_ACK_SENT
)
