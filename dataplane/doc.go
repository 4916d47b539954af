// Package dataplane joins ports, the SCTP core and applications.
//
// Data flow of one worker:
//
//	RxBurst → inet.Parser → CRC32c → steering ┬ core.HandlePackets
//	                                          └ another worker's ring
//	Conn.Send → send ring → core.Send → PollTransmit → headers of the path → TxBurst
//	core.Receive → receive ring → Conn.Recv
//
// A worker is one goroutine locked to a thread. It polls its queues of every
// port, owns associations outright and shares nothing on the data path but
// lock-free rings: packets of another worker's associations go to it by the
// owner's number in their verification tag (steer.go), packets for a tx queue
// of another worker by its tx ring (tx.go), wishes of applications come as
// commands (command.go) and kicks (kicklist.go).
//
// A worker that is idle sleeps (idle.go); whoever puts something before it rings
// its bell.
//
// Each path of an association is mapped to a port (path.go). A link that goes
// down moves its paths to another port at once, or tells the core that they
// are down, which then sends on another path; no timer has to expire. Where nothing is
// under way that happens a few associations at a time (links.go).
//
// A Binding is a port at some addresses: what listens and begins associations. With
// Config.Loopback there is a port whose frames come back, so that bindings of one
// dataplane have associations with each other (loopback.go).
//
// Addresses of ports come and go while it runs (renumber.go): a new table of them and of
// routes goes to each worker as a command. Bindings to the wildcard follow, and so do
// associations that are told to (follow.go).
//
// A Tap copies frames as they pass, with what became of them, for whoever wants to see
// (tap.go, tapping.go). While there is none it costs a branch per burst.
//
// Ownership: a received packet is the worker's until the core or another worker
// has dealt with it. A message that Send took lies in the connection's send
// ring, from where the core sends and resends it, until it is acknowledged;
// nothing is copied between. A message for Recv is copied from the core's store
// into the receive ring and from there to the reader.
//
// Bounds: a full send ring blocks Send. A full receive ring leaves messages in
// the core, which closes the peer's window. A full tx queue holds back the core
// for a millisecond, then what waits is dropped. A full ring between workers
// drops. Every drop has a name in drops.go.
//
// Threads: the API may be called from any goroutine. Everything else is a
// worker's own, except what directory.go, portbook.go, renumber.go, feed.go and apart.go
// guard with locks off the data path.
package dataplane
