package observe

import (
	"net/netip"
	"time"
)

// State is the dataplane at one moment. Counters count since the start. Lists that
// were not asked for are nil.
type State struct {
	Time    time.Time `json:"time"`
	Started time.Time `json:"started"`
	Node    string    `json:"node"` // as configured, or the host's name
	Version string    `json:"version"`

	Ports    []Port    `json:"ports,omitempty"`
	Assocs   []Assoc   `json:"assocs,omitempty"`
	Drops    []Drop    `json:"drops,omitempty"`
	Counters []Counter `json:"counters,omitempty"` // of the SCTP-MIB (RFC 3873), in the order of /proc/net/sctp/snmp, then ours
	Workers  []Worker  `json:"workers,omitempty"`

	// Associations is how many there are; Assocs may be a part of them. In the order of their
	// IDs, Next is the ID to ask for the next part after, "" if there is none; with the worst
	// first, Hidden is what the limit kept out.
	Associations int    `json:"associations"`
	Next         string `json:"next,omitempty"`
	Hidden       Hidden `json:"hidden,omitzero"`

	// Of all associations, whatever part of them Assocs is:
	PathCounts []PathCount `json:"path_counts"` // by port, then state; none that is 0
	Plights    []Plight    `json:"plights"`     // each one, the worst first
	OffPrimary int         `json:"off_primary"` // associations whose new data goes elsewhere than to their primary path
	Failovers  Failovers   `json:"failovers"`
}

// Hidden is associations that a limit keeps out of a list with the worst first.
type Hidden struct {
	Associations int `json:"associations"`
	Troubled     int `json:"troubled"` // of them, those whose plight is not Well
}

// Plight is how many associations have a worst path of a kind.
type Plight struct {
	// Plight is "lost" where every path is INACTIVE or has no port, "inactive" where one is,
	// "failing" where one is PF, "unconfirmed", and Well.
	Plight string `json:"plight"`
	Count  int    `json:"count"`
}

// Well is the plight of associations whose paths are all ACTIVE.
const Well = "active"

// PathCount is how many paths map to a port, "" for none, and are in a state.
type PathCount struct {
	Port  string `json:"port"`
	State string `json:"state"`
	Count int    `json:"count"`
}

// Failovers is how long failovers took since the start; see Event for what the times are.
type Failovers struct {
	Switched   Durations `json:"switched"`
	Standstill Durations `json:"standstill"`
}

// Durations is how often something took how long.
type Durations struct {
	Sum    float64 `json:"sum_s"`
	Counts []Gaps  `json:"counts"` // every bound, in ascending order
}

// Port is a port of the dataplane.
type Port struct {
	Name      string         `json:"name"`
	Driver    string         `json:"driver"`
	MAC       string         `json:"mac"`
	MTU       int            `json:"mtu"` // bytes of IP packet
	Up        bool           `json:"up"`
	SpeedMbps int            `json:"speed_mbps"` // 0 is not known
	Flaps     uint64         `json:"flaps"`      // ups and downs
	Addrs     []netip.Prefix `json:"addrs"`
	Paths     int            `json:"paths"` // of associations, that map to it now
	Traffic
	RxMissed   uint64  `json:"rx_missed"` // dropped by the device: its queue was full
	RxErrors   uint64  `json:"rx_errors"`
	RxNoBuffer uint64  `json:"rx_no_buffer"` // dropped: the pool was empty
	TxErrors   uint64  `json:"tx_errors"`
	Queues     []Queue `json:"queues"`
}

// Traffic is packets and bytes of Ethernet frames.
type Traffic struct {
	RxPackets uint64 `json:"rx_packets"`
	TxPackets uint64 `json:"tx_packets"`
	RxBytes   uint64 `json:"rx_bytes"`
	TxBytes   uint64 `json:"tx_bytes"`
}

// Queue is one pair of a port's queues, as its worker counts.
type Queue struct {
	Number int `json:"number"`
	Worker int `json:"worker"` // that polls it
	Traffic
}

// Assoc is an association.
type Assoc struct {
	ID         string       `json:"id"` // unique while the daemon runs, e.g. "0.17"
	State      string       `json:"state"`
	Plight     string       `json:"plight"` // of its paths: see Plight
	Since      time.Time    `json:"since"`  // that it exists
	Worker     int          `json:"worker"`
	LocalPort  uint16       `json:"local_port"`
	PeerPort   uint16       `json:"peer_port"`
	Local      []netip.Addr `json:"local"`
	InStreams  int          `json:"in_streams"`
	OutStreams int          `json:"out_streams"`
	Paths      []Path       `json:"paths"`
	Features   []string     `json:"features,omitempty"` // "auth", "asconf"

	TxMessages    uint64 `json:"tx_messages"`
	RxMessages    uint64 `json:"rx_messages"`
	TxChunks      uint64 `json:"tx_chunks"` // DATA, those sent again too
	RxChunks      uint64 `json:"rx_chunks"`
	Retransmitted uint64 `json:"retransmitted"` // chunks
	Timeouts      uint64 `json:"timeouts"`      // T3-rtx
	SendQueued    int    `json:"send_queued"`   // bytes taken from the application and not acknowledged
	InFlight      int    `json:"in_flight"`     // bytes
	ReceiveQueued int    `json:"receive_queued"`
	PeerRwnd      int    `json:"peer_rwnd"` // bytes
	Errors        int    `json:"errors"`    // in a row, over all paths
}

// Path is one address of an association's peer. Times are in milliseconds.
type Path struct {
	Dst         netip.Addr `json:"dst"`
	Src         netip.Addr `json:"src"`
	Port        string     `json:"port"`  // that it maps to, "" for none
	State       string     `json:"state"` // ACTIVE, PF, INACTIVE, UNCONFIRMED
	Primary     bool       `json:"primary"`
	Current     bool       `json:"current"` // new data goes here
	LinkDown    bool       `json:"link_down"`
	RTO         float64    `json:"rto_ms"`
	SRTT        float64    `json:"srtt_ms"` // 0 before the first measurement
	RTTVar      float64    `json:"rttvar_ms"`
	Cwnd        int        `json:"cwnd"`     // bytes
	Ssthresh    int        `json:"ssthresh"` // bytes
	Flight      int        `json:"flight"`   // bytes
	MTU         int        `json:"mtu"`
	Errors      int        `json:"errors"` // in a row
	TxPackets   uint64     `json:"tx_packets"`
	TxChunks    uint64     `json:"tx_chunks"`
	Retransmits uint64     `json:"retransmits"`
	Timeouts    uint64     `json:"timeouts"`
	HBSent      uint64     `json:"hb_sent"`
	HBAcked     uint64     `json:"hb_acked"`
}

// Drop is a reason for which something was thrown away.
type Drop struct {
	Name  string `json:"name"` // "dataplane_", "inet_" or "sctp_" and the reason
	Help  string `json:"help"`
	Count uint64 `json:"count"`
}

// Counter is one total of all workers.
type Counter struct {
	Name  string `json:"name"` // e.g. "SctpCurrEstab"
	Count uint64 `json:"count"`
}

// Worker is a polling thread.
type Worker struct {
	Number    int     `json:"number"`
	CPU       int     `json:"cpu"` // -1 is not pinned
	Assocs    int     `json:"assocs"`
	WorstGap  float64 `json:"worst_gap_ms"` // from one poll to the next, since the start
	Sleeps    uint64  `json:"sleeps"`
	Slept     float64 `json:"slept_s"`
	GapSum    float64 `json:"gap_sum_s"` // of all gaps: the time that it was awake
	GapCounts []Gaps  `json:"gaps,omitempty"`
}

// Gaps is how many times, between polls or others, were shorter than Below and not
// counted before; Below 0 is all that were longer.
type Gaps struct {
	Below float64 `json:"below_s"`
	Count uint64  `json:"count"`
}

// Point is the rates of one second, per second.
type Point struct {
	Time         time.Time `json:"time"`
	Associations int       `json:"associations"`
	RxPackets    float64   `json:"rx_packets"`
	TxPackets    float64   `json:"tx_packets"`
	RxBits       float64   `json:"rx_bits"`
	TxBits       float64   `json:"tx_bits"`
	RxMessages   float64   `json:"rx_messages"` // as far as the core counts them: DATA chunks that end one
	TxMessages   float64   `json:"tx_messages"`
	Retransmits  float64   `json:"retransmits"` // chunks
	Drops        float64   `json:"drops"`
	Failovers    float64   `json:"failovers"`
	Ports        []Rate    `json:"ports"` // in the order of State.Ports
}

// Rate is one port's in a Point, per second.
type Rate struct {
	Name      string  `json:"name"`
	Up        bool    `json:"up"`
	RxPackets float64 `json:"rx_packets"`
	TxPackets float64 `json:"tx_packets"`
	RxBits    float64 `json:"rx_bits"`
	TxBits    float64 `json:"tx_bits"`
}

// History is the latest Points, the oldest first, a second apart.
type History struct {
	Points []Point `json:"points"` // at most 600
}
