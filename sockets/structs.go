package sockets

// The structures of linux/sctp.h, field by field with their padding, so that
// encoding/binary reads and writes what a program passes. A tag c names a field
// as the header does; a test compares their offsets with a C compiler's.

// storage is a sockaddr_storage.
type storage [128]byte

type rtoInfo struct {
	AssocID int32  `c:"srto_assoc_id"`
	Initial uint32 `c:"srto_initial"` // ms, as the others
	Max     uint32 `c:"srto_max"`
	Min     uint32 `c:"srto_min"`
}

type assocParams struct {
	AssocID      int32  `c:"sasoc_assoc_id"`
	MaxRetrans   uint16 `c:"sasoc_asocmaxrxt"`
	Destinations uint16 `c:"sasoc_number_peer_destinations"`
	PeerWindow   uint32 `c:"sasoc_peer_rwnd"`
	LocalWindow  uint32 `c:"sasoc_local_rwnd"`
	CookieLife   uint32 `c:"sasoc_cookie_life"` // ms
}

type initMsg struct {
	OutStreams uint16 `c:"sinit_num_ostreams"`
	InStreams  uint16 `c:"sinit_max_instreams"`
	Attempts   uint16 `c:"sinit_max_attempts"`
	Timeout    uint16 `c:"sinit_max_init_timeo"` // ms
}

type prim struct {
	AssocID int32   `c:"ssp_assoc_id"`
	Addr    storage `c:"ssp_addr"`
}

type peerAddrParams struct {
	AssocID    int32   `c:"spp_assoc_id"`
	Addr       storage `c:"spp_address"`
	HBInterval uint32  `c:"spp_hbinterval"` // ms
	MaxRetrans uint16  `c:"spp_pathmaxrxt"`
	PathMTU    uint32  `c:"spp_pathmtu"`
	SACKDelay  uint32  `c:"spp_sackdelay"` // ms
	Flags      uint32  `c:"spp_flags"`
	FlowLabel  uint32  `c:"spp_ipv6_flowlabel"`
	DSCP       uint8   `c:"spp_dscp"`
	_          [1]byte
}

// peerAddrParamsShort is the length of the structure before flow label and DSCP
// were appended.
const peerAddrParamsShort = 152

type sndRcvInfo struct {
	Stream     uint16 `c:"sinfo_stream"`
	SSN        uint16 `c:"sinfo_ssn"`
	Flags      uint16 `c:"sinfo_flags"`
	_          [2]byte
	PPID       uint32 `c:"sinfo_ppid"`
	Context    uint32 `c:"sinfo_context"`
	TimeToLive uint32 `c:"sinfo_timetolive"`
	TSN        uint32 `c:"sinfo_tsn"`
	CumTSN     uint32 `c:"sinfo_cumtsn"`
	AssocID    int32  `c:"sinfo_assoc_id"`
}

type sndInfo struct {
	Stream  uint16 `c:"snd_sid"`
	Flags   uint16 `c:"snd_flags"`
	PPID    uint32 `c:"snd_ppid"`
	Context uint32 `c:"snd_context"`
	AssocID int32  `c:"snd_assoc_id"`
}

type defaultPRInfo struct {
	AssocID int32  `c:"pr_assoc_id"`
	Value   uint32 `c:"pr_value"`
	Policy  uint16 `c:"pr_policy"`
	_       [2]byte
}

type assocValue struct {
	AssocID int32  `c:"assoc_id"`
	Value   uint32 `c:"assoc_value"`
}

type sackInfo struct {
	AssocID   int32  `c:"sack_assoc_id"`
	Delay     uint32 `c:"sack_delay"` // ms
	Frequency uint32 `c:"sack_freq"`
}

type pathInfo struct {
	AssocID int32   `c:"spinfo_assoc_id"`
	Addr    storage `c:"spinfo_address"`
	State   int32   `c:"spinfo_state"`
	Cwnd    uint32  `c:"spinfo_cwnd"`
	SRTT    uint32  `c:"spinfo_srtt"` // ms
	RTO     uint32  `c:"spinfo_rto"`  // ms
	MTU     uint32  `c:"spinfo_mtu"`
}

type assocStatus struct {
	AssocID       int32    `c:"sstat_assoc_id"`
	State         int32    `c:"sstat_state"`
	Window        uint32   `c:"sstat_rwnd"`
	Unacked       uint16   `c:"sstat_unackdata"`
	Pending       uint16   `c:"sstat_penddata"`
	InStreams     uint16   `c:"sstat_instrms"`
	OutStreams    uint16   `c:"sstat_outstrms"`
	Fragmentation uint32   `c:"sstat_fragmentation_point"`
	Primary       pathInfo `c:"sstat_primary"`
}

type thresholds struct {
	AssocID    int32 `c:"spt_assoc_id"`
	_          [4]byte
	Addr       storage `c:"spt_address"`
	MaxRetrans uint16  `c:"spt_pathmaxrxt"`
	PF         uint16  `c:"spt_pathpfthld"`
	_          [4]byte
}

type thresholdsV2 struct {
	AssocID    int32 `c:"spt_assoc_id"`
	_          [4]byte
	Addr       storage `c:"spt_address"`
	MaxRetrans uint16  `c:"spt_pathmaxrxt"`
	PF         uint16  `c:"spt_pathpfthld"`
	Switchover uint16  `c:"spt_pathcpthld"`
	_          [2]byte
}

type assocStats struct {
	AssocID       int32 `c:"sas_assoc_id"`
	_             [4]byte
	RTOAddr       storage `c:"sas_obs_rto_ipaddr"`
	MaxRTO        uint64  `c:"sas_maxrto"`
	InSACKs       uint64  `c:"sas_isacks"`
	OutSACKs      uint64  `c:"sas_osacks"`
	OutPackets    uint64  `c:"sas_opackets"`
	InPackets     uint64  `c:"sas_ipackets"`
	Retransmitted uint64  `c:"sas_rtxchunks"`
	OutOfSequence uint64  `c:"sas_outofseqtsns"`
	Duplicates    uint64  `c:"sas_idupchunks"`
	GapAcks       uint64  `c:"sas_gapcnt"`
	OutUnordered  uint64  `c:"sas_ouodchunks"`
	InUnordered   uint64  `c:"sas_iuodchunks"`
	OutOrdered    uint64  `c:"sas_oodchunks"`
	InOrdered     uint64  `c:"sas_iodchunks"`
	OutControl    uint64  `c:"sas_octrlchunks"`
	InControl     uint64  `c:"sas_ictrlchunks"`
}

type streamValue struct {
	AssocID int32  `c:"assoc_id"`
	Stream  uint16 `c:"stream_id"`
	Value   uint16 `c:"stream_value"`
}

type prStatus struct {
	AssocID int32  `c:"sprstat_assoc_id"`
	Stream  uint16 `c:"sprstat_sid"`
	Policy  uint16 `c:"sprstat_policy"`
	Unsent  uint64 `c:"sprstat_abandoned_unsent"`
	Sent    uint64 `c:"sprstat_abandoned_sent"`
}

type udpEncaps struct {
	AssocID int32 `c:"sue_assoc_id"`
	_       [4]byte
	Addr    storage `c:"sue_address"`
	Port    uint16  `c:"sue_port"`
	_       [6]byte
}

type probeInterval struct {
	AssocID  int32 `c:"spi_assoc_id"`
	_        [4]byte
	Addr     storage `c:"spi_address"`
	Interval uint32  `c:"spi_interval"` // ms
	_        [4]byte
}

type authKeyHeader struct {
	AssocID int32  `c:"sca_assoc_id"`
	Key     uint16 `c:"sca_keynumber"`
	Length  uint16 `c:"sca_keylength"`
}

type authKeyID struct {
	AssocID int32  `c:"scact_assoc_id"`
	Key     uint16 `c:"scact_keynumber"`
	_       [2]byte
}

type authChunksHeader struct {
	AssocID int32  `c:"gauth_assoc_id"`
	Count   uint32 `c:"gauth_number_of_chunks"`
}

type eventChoice struct {
	AssocID int32  `c:"se_assoc_id"`
	Type    uint16 `c:"se_type"`
	On      uint8  `c:"se_on"`
	_       [1]byte
}

type linger struct {
	OnOff   int32 `c:"l_onoff"`
	Seconds int32 `c:"l_linger"`
}

// Notifications (RFC 6458, section 6.1). The first three fields of all are type,
// flags and length, of the fixed part and what follows it.

type assocChange struct {
	Type       uint16 `c:"sac_type"`
	Flags      uint16 `c:"sac_flags"`
	Length     uint32 `c:"sac_length"`
	State      uint16 `c:"sac_state"`
	Error      uint16 `c:"sac_error"`
	OutStreams uint16 `c:"sac_outbound_streams"`
	InStreams  uint16 `c:"sac_inbound_streams"`
	AssocID    int32  `c:"sac_assoc_id"`
}

type peerAddrChange struct {
	Type    uint16  `c:"spc_type"`
	Flags   uint16  `c:"spc_flags"`
	Length  uint32  `c:"spc_length"`
	Addr    storage `c:"spc_aaddr"`
	State   int32   `c:"spc_state"`
	Error   int32   `c:"spc_error"`
	AssocID int32   `c:"spc_assoc_id"`
}

type remoteError struct {
	Type    uint16 `c:"sre_type"`
	Flags   uint16 `c:"sre_flags"`
	Length  uint32 `c:"sre_length"`
	Error   uint16 `c:"sre_error"` // in network byte order
	_       [2]byte
	AssocID int32 `c:"sre_assoc_id"`
}

type sendFailed struct {
	Type    uint16     `c:"ssf_type"`
	Flags   uint16     `c:"ssf_flags"`
	Length  uint32     `c:"ssf_length"`
	Error   uint32     `c:"ssf_error"`
	Info    sndRcvInfo `c:"ssf_info"`
	AssocID int32      `c:"ssf_assoc_id"`
}

type sendFailedEvent struct {
	Type    uint16  `c:"ssf_type"`
	Flags   uint16  `c:"ssf_flags"`
	Length  uint32  `c:"ssf_length"`
	Error   uint32  `c:"ssf_error"`
	Info    sndInfo `c:"ssfe_info"`
	AssocID int32   `c:"ssf_assoc_id"`
}

type shutdownEvent struct {
	Type    uint16 `c:"sse_type"`
	Flags   uint16 `c:"sse_flags"`
	Length  uint32 `c:"sse_length"`
	AssocID int32  `c:"sse_assoc_id"`
}

type adaptationEvent struct {
	Type       uint16 `c:"sai_type"`
	Flags      uint16 `c:"sai_flags"`
	Length     uint32 `c:"sai_length"`
	Adaptation uint32 `c:"sai_adaptation_ind"`
	AssocID    int32  `c:"sai_assoc_id"`
}

type partialEvent struct {
	Type       uint16 `c:"pdapi_type"`
	Flags      uint16 `c:"pdapi_flags"`
	Length     uint32 `c:"pdapi_length"`
	Indication uint32 `c:"pdapi_indication"`
	AssocID    int32  `c:"pdapi_assoc_id"`
	Stream     uint32 `c:"pdapi_stream"`
	SSN        uint32 `c:"pdapi_seq"`
}

type authEvent struct {
	Type       uint16 `c:"auth_type"`
	Flags      uint16 `c:"auth_flags"`
	Length     uint32 `c:"auth_length"`
	Key        uint16 `c:"auth_keynumber"`
	AltKey     uint16 `c:"auth_altkeynumber"`
	Indication uint32 `c:"auth_indication"`
	AssocID    int32  `c:"auth_assoc_id"`
}

type senderDryEvent struct {
	Type    uint16 `c:"sender_dry_type"`
	Flags   uint16 `c:"sender_dry_flags"`
	Length  uint32 `c:"sender_dry_length"`
	AssocID int32  `c:"sender_dry_assoc_id"`
}
