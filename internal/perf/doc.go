// Package perf measures what an association carries, in the manner of iperf.
//
// Data flow, one association:
//
//	client: hello → ┐                       ┌ ← hello says who sends
//	 sending side:  │ data … data, end  →   │ counts, and knows by end how many there must be
//	 receiving side:│ ← report              │ what came, over what time
//	client:         └ Close                 └ Accept the next
//
// hello, end and report are messages on stream 0 with a payload protocol
// identifier of their own; data uses every stream. All are reliable, so a
// report that does not agree with end is an error and not a loss rate.
//
// CPU seconds are those of each side's own process, user and system, from the
// hello on, whatever else it does meanwhile: what a message costs in all is the
// sender's and the receiver's together. With several associations or both
// directions at once each line has the process's whole time.
//
// Threads: each Session has one goroutine that sends data and one that
// receives; the reporter reads their counters through atomics.
package perf
