// Package dpdk makes nic.Ports of DPDK devices: PCI NICs and the virtual ones
// (ring, memif, vhost, virtio-user, af_packet, af_xdp, tap, pcap, null). It is
// the one package with cgo, our own thin layer on libdpdk. Compiled and
// tested on virtual devices were 22.11, 24.11 and 25.11, those of Debian 12, 13
// and unstable; 21.11 and 23.11 are provided for and were not tried. With 25.11
// the vhost tests crashed in one run of some forty; the cause is not known.
//
// Data flow, one C call per burst and direction:
//
//	rte_eth_rx_burst → descriptors in C memory → RxBurst sets Packet windows
//	TxBurst fills descriptors from Packets → mbufs set up → rte_eth_tx_burst
//
// Go never sees a DPDK structure: shim.h declares the few of our own that are
// shared, and the differences between releases stay in the .c files.
//
// Ownership: a port has one mempool. Each of its mbufs has one nic.Packet, made
// with the pool and bound to it for ever by a reference (pool number and index)
// that is kept in the mbuf and in Packet.Index. So an mbuf that reaches another
// port of the process by reference, as with rings, is still the Packet of its
// own pool and goes home when freed. Packets of other drivers are copied to
// be sent. A pool whose packets are still out when its port is closed is kept
// until they are home.
//
// Threads: one thread per queue, as nic says. A thread that polls gets a DPDK
// core number, and so a cache in the mempools, at its first burst and loses it
// when it ends; lock the goroutine to its thread to profit. Control calls
// (SetLink, Close, Stats) take a lock of the port, never one that a burst
// takes: a burst marks its queue as entered and looks at the port's gate, and
// whoever stops the device closes the gate and waits for the mark to go.
//
// Link state comes by interrupt where the PMD has it, from netlink for ports
// on kernel interfaces (af_packet, af_xdp and pcap never report a link down),
// and else from the device when Link is called. When such an interface is taken away the
// link stays down, of an af_packet port until an interface of that name is up: then a goroutine
// of the port opens another device there, beside the old one, and puts the port on it
// through the same gate. So the port is never without a device, and the pollers see a link that
// was down, and perhaps another MAC.
//
// Building: `pkg-config libdpdk` must work; scripts/setup.sh installs what is
// missing. From DPDK 23.11 on the flags may contain -mrtm, which cgo refuses
// unless CGO_CFLAGS_ALLOW=-mrtm is set; setup.sh checks for it. Spelling the
// flags out here instead would break every installation outside /usr.
package dpdk
