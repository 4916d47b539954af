// Package interop holds the tests of Trunkline against SCTP peers that are
// not ours, on real network stacks.
//
// The lab (lab_test.go) is two networks of veth pairs and bridges: our ends
// are in the network namespace of the test, without IP addresses, under the
// af_packet driver of nic/dpdk; the peer's ends are in a namespace of their
// own, with addresses; the bridges are in a third, where links are cut.
//
//	dataplane ── nic/dpdk af_packet ── veth ── bridge 0 ── veth ── net0 ┐
//	    └─────── nic/dpdk af_packet ── veth ── bridge 1 ── veth ── net1 ┴ peer
//
// The peer is testdata/peer, compiled when the tests run. Both ends
// derive every message from a seed (pattern_test.go), so each can check what it
// gets without being told. What went over the wire is captured at our end of
// each bridge and judged by tshark and by gopacket (capture_test.go).
//
// The tests of the sockets API (sockets_test.go) have a node in the dataplane's
// place: the built command, run with a configuration file, and C programs that
// it starts (node_test.go).
//
// The guest (guest_test.go, guest_image_test.go) is the lab of the tests named
// TestKernel: a Linux kernel in QEMU, without KVM, whose two network cards are plugged
// into vhost ports of ours. The same peer runs there, on the kernel's sockets, and is
// spoken to over virtual serial ports. `make test-kernel` runs them; root is not needed.
//
//	dataplane ── nic/fault ── nic/pcap ── nic/dpdk vhost ── virtio-net eth0 ┐
//	    └─────── nic/fault ── nic/pcap ── nic/dpdk vhost ── virtio-net eth1 ┴ Linux ── peer
//
// usrsctp sometimes hangs when a path dies on a busy machine; a case in which it
// did, and nothing else was wrong, is run again (hang_test.go).
//
// TestFullSpeed is the load test: both directions of several associations at
// once, with every packet and every drop counter accounted for.
//
// The others need root, the ip, ethtool, gcc, make, dumpcap, tshark and sctp_darn programs,
// libusrsctp and libsctp. Where one is missing they are skipped with a line that names it;
// with CI=true in the environment they fail instead.
//
// Threads: the tests use the dataplane's blocking calls from ordinary
// goroutines. Only one lab exists at a time.
package interop
