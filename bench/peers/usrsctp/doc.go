// Package usrsctp is the C library of the same name as a contestant: both ends in
// one thread and one process, without sockets of the kernel (its AF_CONN mode,
// without its own threads). What one end puts out goes through a queue to the
// other end's input.
//
// The driver is C (driver.c), so that the boundary between Go and C is crossed
// once per burst and not per message. Without cgo or with the build tag
// nousrsctp, Run says what is missing.
//
// Favours done to it: no Max.Burst, hash tables sized for the associations,
// buffers as large as ours, no delay of small messages, up-calls instead of
// scans of the sockets. Its interface wants a packet copied between its output
// and its input; that copy counts.
package usrsctp
