package sockets

// Numbers of the system call interface, as a Linux program passes them.
const (
	solSocket = 1
	solIP     = 0
	solIPv6   = 41
	solSCTP   = 132 // IPPROTO_SCTP too

	msgNotification = 0x8000 // MSG_NOTIFICATION
)

// Options at level IPPROTO_SCTP, by linux/sctp.h.
const (
	optRTOInfo               = 0
	optAssocInfo             = 1
	optInitMsg               = 2
	optNoDelay               = 3
	optAutoclose             = 4
	optSetPeerPrimaryAddr    = 5
	optPrimaryAddr           = 6
	optAdaptationLayer       = 7
	optDisableFragments      = 8
	optPeerAddrParams        = 9
	optDefaultSendParam      = 10
	optEvents                = 11
	optWantMappedV4          = 12
	optMaxSeg                = 13
	optStatus                = 14
	optPeerAddrInfo          = 15
	optDelayedSACK           = 16
	optContext               = 17
	optFragmentInterleave    = 18
	optPartialDeliveryPoint  = 19
	optMaxBurst              = 20
	optAuthChunk             = 21
	optHMACIdent             = 22
	optAuthKey               = 23
	optAuthActiveKey         = 24
	optAuthDeleteKey         = 25
	optPeerAuthChunks        = 26
	optLocalAuthChunks       = 27
	optAssocNumber           = 28
	optAssocIDList           = 29
	optAutoAsconf            = 30
	optPeerAddrThresholds    = 31
	optRecvRcvInfo           = 32
	optRecvNxtInfo           = 33
	optDefaultSndInfo        = 34
	optAuthDeactivateKey     = 35
	optReusePort             = 36
	optPeerAddrThresholdsV2  = 37
	optBindxAdd              = 100
	optBindxRemove           = 101
	optGetPeerAddrs          = 108
	optGetLocalAddrs         = 109
	optAssocStats            = 112
	optPRSupported           = 113
	optDefaultPRInfo         = 114
	optPRAssocStatus         = 115
	optPRStreamStatus        = 116
	optReconfigSupported     = 117
	optEnableStreamReset     = 118
	optResetStreams          = 119
	optResetAssoc            = 120
	optAddStreams            = 121
	optStreamScheduler       = 123
	optStreamSchedulerValue  = 124
	optInterleavingSupported = 125
	optEvent                 = 127
	optAsconfSupported       = 128
	optAuthSupported         = 129
	optECNSupported          = 130
	optExposePFState         = 131
	optRemoteUDPEncapsPort   = 132
	optPLPMTUDProbeInterval  = 133
)

// Identifiers of sctp_assoc_t that name no single association.
const (
	futureAssoc  = 0
	currentAssoc = 1
	allAssoc     = 2
)

// Flags of sinfo_flags and snd_flags.
const (
	sndUnordered = 1 << 0
	sndAddrOver  = 1 << 1
	sndAbort     = 1 << 2
	sndSackNow   = 1 << 3
	sndPRMask    = 0x0030
	sndAll       = 1 << 6
	sndEOF       = 0x200 // MSG_FIN
)

// Notifications: sn_type (RFC 6458, section 6.1).
const (
	snDataIO = 0x8000 + iota // no notification: asks for SCTP_SNDRCV
	snAssocChange
	snPeerAddrChange
	snSendFailed
	snRemoteError
	snShutdownEvent
	snPartialDelivery
	snAdaptation
	snAuthentication
	snSenderDry
	snStreamReset
	snAssocReset
	snStreamChange
	snSendFailedEvent
	snEnd
)

// sac_state of SCTP_ASSOC_CHANGE.
const (
	sacCommUp = iota
	sacCommLost
	sacRestart
	sacShutdownComp
	sacCantStart
)

// spc_state of SCTP_PEER_ADDR_CHANGE.
const (
	spcAvailable = iota
	spcUnreachable
	spcRemoved
	spcAdded
	spcMadePrimary
	spcConfirmed
	spcPotentiallyFailed
)

// spc_error of SCTP_PEER_ADDR_CHANGE (sctp_sn_error_t).
const (
	snErrFailedThreshold  = 0
	snErrReceivedSACK     = 1
	snErrHeartbeatSuccess = 2
)

// auth_indication of SCTP_AUTHENTICATION_EVENT.
const (
	authNewKey = iota
	authFreeKey
	authNoAuth
)

// spinfo_state.
const (
	spinfoInactive = iota
	spinfoPF
	spinfoActive
	spinfoUnconfirmed
)

// spp_flags.
const (
	sppHBEnable      = 1 << 0
	sppHBDisable     = 1 << 1
	sppHBDemand      = 1 << 2
	sppPMTUDEnable   = 1 << 3
	sppPMTUDDisable  = 1 << 4
	sppSACKDelayOn   = 1 << 5
	sppSACKDelayOff  = 1 << 6
	sppHBTimeIsZero  = 1 << 7
	sppIPv6FlowLabel = 1 << 8
	sppDSCP          = 1 << 9
)
