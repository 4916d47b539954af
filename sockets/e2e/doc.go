// Package e2e holds tests only: real C programs, compiled against Debian's libsctp, run unchanged through the
// preload library on two nodes, each a dataplane with a sockets server, joined by two networks that can be cut.
//
// The programs: testdata/sctpsh does what the test says, a call a line; the others in testdata are the programs that
// people write.
package e2e
