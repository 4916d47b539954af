// Package wire is the formats of SCTP on the wire: the common header, chunks,
// parameters and error causes of RFC 9260, RFC 4895 and RFC 5061, one file each.
//
// Reading. The types Packet, Chunk, Param and Cause, and those of single chunks
// (Data, Init, Sack), are views: byte slices that share the caller's memory. The
// function that makes a view makes the one check, and after it every accessor
// is safe, whatever the bytes are:
//
//	ParsePacket → Packet.Chunks → NextChunk … → ParseData, ParseInit, ParseSack, …
//	                              Init.Params → NextParam → ParamAddr, …
//	                              ParseAbort, ParseError → NextCause → Cause.StaleCookie, …
//
// Only an index is the caller's to keep in range: Sack.GapBlock and
// Sack.Duplicate, like a slice. A view made by conversion instead of its
// function is unchecked.
//
// There is one cutter for all that has a type and a length, so that whoever
// verifies a list and whoever consumes it see the same elements:
//
//   - a length below 4, or beyond the bytes there are, is an error, and the walk
//     ends there: nothing after a bad length can be found;
//   - the next element begins at the length rounded up to 4, and the bytes
//     between are ignored;
//   - where fewer than those 3 bytes of padding are there at the end, that was the
//     last element. So a chunk or parameter is taken with its final padding
//     counted, left out, or missing altogether;
//   - 1 to 3 bytes that are not padding of an element are an error.
//
// Every successful step consumes at least 4 bytes, so a walk over n bytes ends
// after n/4 steps, and none of them calls itself.
//
// Writing. The Append functions append to a slice, padding written as zeros, and
// do not allocate while its capacity suffices. What does not fit the 16 bits of a
// length field is not appended at all: dst comes back as it was, because a
// false length would hide the rest of the packet from the peer.
//
// Ownership and threads. Nothing here keeps a slice, nothing is shared, and
// no function blocks: any thread may call anything on its own bytes. Views live
// as long as the buffer beneath them.
package wire
