// Package capture writes what a running dataplane receives, sends and drops as
// pcapng, for Wireshark and its kin.
//
// Data flow:
//
//	dataplane.Tap ◀ Filter, on the workers
//	      └▶ Handler: pcap.File → HTTP → Save → file or pipe
//
// A Filter is compiled from words to a program of jumps that only go one way: a worker
// runs it over each frame, without allocation and in bounded time. A capture ends with its
// bounds, with its client or with the daemon. What a client does not read in time is missed
// and counted; how many it was, and how many the filter refused, the stream says once a
// second in pcapng's own statistics, and at its end with the reason.
//
// Bounds: dataplane.MaxTaps captures at a time, tapBuffer for each worker and capture.
//
// Threads: a Filter may be used by any number of threads, a Handler serves any number of
// goroutines.
package capture
