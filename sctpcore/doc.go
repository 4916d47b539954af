// Package sctpcore is SCTP (RFC 9260) without input, output, clock or threads:
// packets, time and wishes go in, packets and events come out.
//
// Data flow:
//
//	HandlePackets → demux by tag → association → SACK, DATA, control … → events, ready messages
//	Send → message queue → PollTransmit (cwnd, rwnd) → packets in the caller's buffers
//	HandleTimeout → timing wheel → association → T1, T2, T3, heartbeat, SACK …
//
// Ownership: the core reads an Inbound's bytes during HandlePackets only and
// writes an Outbound's bytes during PollTransmit only. A message given to Send
// stays the caller's memory, unchanged, until Released passes it. Received data
// is copied once into the endpoint's bounded store and once out by Receive.
//
// Threads: an Endpoint and everything in it belong to one thread.
//
// Memory: every queue is bounded by Limits; what happens at each bound is said
// there and counted in Drops.
package sctpcore
