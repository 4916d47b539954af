package observe

import "time"

// Kind says what an Event tells.
type Kind string

// The kinds of events.
const (
	KindUp        Kind = "up"         // an association is established
	KindRestart   Kind = "restart"    // its peer has restarted
	KindDown      Kind = "down"       // it is gone: Why
	KindPathState Kind = "path_state" // Path went From a state To another: Why
	KindFailover  Kind = "failover"   // data goes To an address (Path) instead of From: Why
	KindResumed   Kind = "resumed"    // the first acknowledgement after a failover: Standstill
	KindLink      Kind = "link"       // Port went From up To down, or back
	KindAddress   Kind = "address"    // an address was added, removed or preferred: Why
	KindDaemon    Kind = "daemon"     // started, reloaded, draining: Why
	KindMissed    Kind = "missed"     // the reader was too slow for Count events
)

// Event is something that happened. Fields that do not apply are empty.
type Event struct {
	Seq   uint64    `json:"seq"` // 1, 2, 3 … since the daemon began
	Time  time.Time `json:"time"`
	Kind  Kind      `json:"kind"`
	Assoc string    `json:"assoc,omitempty"` // Assoc.ID
	// Peer is the association as people know it: one address of the peer, and its
	// port; LocalPort is ours.
	Peer      string `json:"peer,omitempty"`
	LocalPort uint16 `json:"local_port,omitempty"`
	Path      string `json:"path,omitempty"` // address of the peer
	Port      string `json:"port,omitempty"` // of the dataplane, that the path maps to
	OldPort   string `json:"old_port,omitempty"`
	From      string `json:"from,omitempty"`
	To        string `json:"to,omitempty"`
	Why       string `json:"why,omitempty"`
	// Detected is how long after the last sign of life on the old path its failure was
	// known, and Switched how long after that the first packet left on the new one, in
	// milliseconds; KindFailover. Both are 0 where nothing stood still: no data was under
	// way, or it moved for a better path. Standstill is how long no acknowledgement came
	// for data under way, up to the first on the new path; KindResumed, which is told for
	// no others. It covers several failovers where the new path failed before that.
	Detected   float64 `json:"detected_ms,omitempty"`
	Switched   float64 `json:"switched_ms,omitempty"`
	Standstill float64 `json:"standstill_ms,omitempty"`
	Count      uint64  `json:"count,omitempty"` // KindMissed
}
