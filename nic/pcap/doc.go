// Package pcap wraps a nic.Port and writes what passes through it to a pcapng
// file, for Wireshark and its kin. File is such a file alone.
//
// Data flow:
//
//	RxBurst, TxBurst → tape.Lane per queue and direction → writer goroutine → File → io.Writer
//
// The poll loop only copies bytes: it makes no system call, takes no lock and
// does not allocate. When the writer falls behind, a full ring costs frames in
// the capture, counted by Dropped, and never in the traffic.
//
// Ownership: packets pass through untouched; the capture has its own copy. It
// belongs to the writer goroutine, which Wrap starts and Close ends; the
// io.Writer is used by that goroutine only and is not closed.
//
// Threads: bursts as nic.Port says, all else from any thread.
package pcap
