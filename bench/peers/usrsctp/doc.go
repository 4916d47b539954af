// Package usrsctp is the C library of the same name as a contestant: both ends in
// one thread and one process, without sockets of the kernel (its AF_CONN mode,
// without its own threads). What one end puts out goes through a queue to the
// other end's input.
//
// The driver is C (driver.c), so that the boundary between Go and C is crossed
// once in many bursts and not per message. Without cgo or with the build tag
// nousrsctp, Run says what is missing.
//
// Its settings are those that made it fastest here: its own defaults for Max.Burst
// (4) and for the chunks in a queue (512), no delay of small messages, buffers as
// large as ours, a large table for associations but small ones per socket, and
// up-calls instead of scans of the sockets. Its interface wants a packet copied
// between its output and its input; that copy counts.
package usrsctp
