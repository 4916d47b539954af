// Package tape carries copies of frames from polling threads to somebody who
// reads them at leisure: what captures of a port (nic/pcap) and of a dataplane
// (its Tap) have in common.
//
// Data flow:
//
//	frame → Lane.Stage → Lane.Commit → ring of bytes → Merge.Next → record and frame
//
// Ownership: Stage copies, so the frame stays its owner's. What Next gives is the
// Merge's, and the caller's to change, until the next call.
//
// Threads: a Lane belongs to one thread, but for its ring; a Merge of lanes to
// another. Nothing blocks or allocates once it is made: what does not fit into a
// ring is left out and counted.
package tape
