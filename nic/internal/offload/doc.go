// Package offload does in software what a NIC's checksum offload does in
// hardware, for ports that have no hardware: Insert obeys the tx flags of a
// packet, Verify gives the rx flags of a frame.
//
// It reads and writes the caller's packet and keeps nothing; any thread.
package offload
