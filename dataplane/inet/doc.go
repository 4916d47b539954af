// Package inet is everything between an Ethernet frame and an SCTP packet:
// link and IP headers, fragments, ARP, neighbour discovery, ICMP and routes,
// without threads, clocks or sockets.
//
// Data flow of one worker and one port:
//
//	frame → Parser.Parse ─┬ SCTP         → Meta.Payload to the SCTP core
//	                      ├ ARP, ND      → Neighbours.HandleARP, HandleND
//	                      ├ EchoRequest  → Responder.EchoReply, same frame back out
//	                      ├ ICMPError    → QuotedSCTP to the SCTP core
//	                      ├ Held         a fragment was copied; free the frame
//	                      └ Dropped      counted in Drops; Meta.Drop says why
//
//	SCTP packet → Routes.LookupFrom → Neighbours.Lookup → Template.Write → frame
//	                                                  PutFragment, if it is too long
//	Neighbours.Poll → frames of its own; PollReady, PollFailed → packets it held
//
// The headers of a path are prepared once in a Template and rewritten when
// Neighbours.Generation has moved.
//
// Ownership: Parse and the Handle verbs read frames and keep nothing of them;
// Meta.Payload is a view of the frame, or of the Reassembler's memory until its
// Recycle. Neighbours owns the packets given to Hold until PollReady or
// PollFailed gives them back.
//
// Threads: an Iface is read-only and may be shared; one with other addresses takes its
// place by SetIface, and in Routes by Follow. Everything else belongs to
// one thread; nothing here locks. Time is monotonic nanoseconds from any
// origin, handed in by the caller. Memory is allocated by constructors only,
// and what happens at each bound is counted in Drops.
package inet

// Never is the deadline of something that is not going to happen.
const Never int64 = 1<<63 - 1

// Second is one second in the unit of this package's times.
const Second int64 = 1_000_000_000
