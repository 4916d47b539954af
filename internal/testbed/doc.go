// Package testbed runs two Trunkline nodes and a foreign peer on two networks, cuts a network
// under their traffic, and says what was lost.
//
//	network 0 ══╦═══════════╦═══════════╗
//	          node a      node b       peer (usrsctp, on its kernel's IP)
//	network 1 ══╩═══════════╩═══════════╝
//
// Node b is `trunkline run` with an echo service. Node a is `trunkline probe`, which
// checks every message that b sends back, and the peer does the same with a plan of its
// own. In the variant virtio-user a and b meet over two pairs of sockets instead of the
// networks, b the vhost side; b has ports on the networks, too, for the peer.
//
// Data flow:
//
//	Options → topology → engine (docker, or network namespaces) → scenario → Result
//
// The scenario is the same for every variant and engine; an engine knows how to make
// a network, run a node's program with interfaces on networks, and take a node off a
// network and put it back. What it made goes when the run ends, also after a failure.
//
// Threads: Run is one goroutine, and two per program, which read what it writes.
package testbed
