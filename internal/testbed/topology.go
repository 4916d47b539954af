package testbed

import (
	"fmt"
	"net/netip"
	"strings"
)

// Variant is what nodes a and b are joined by.
type Variant string

// The variants.
const (
	AFPacket   Variant = "af_packet"   // the networks' interfaces
	VirtioUser Variant = "virtio-user" // sockets: b is the vhost side
)

// Variants are all there are.
var Variants = []Variant{AFPacket, VirtioUser}

// networks is how many there are.
const networks = 2

// subnets are from the range for benchmarks (RFC 2544), so that they meet no real network. The
// first two are the networks', the others the pairs of sockets'. An engine that gives interfaces
// addresses of their own takes them from engineRange, since the kernel must have none of ours:
// it would answer our packets.
var subnets = [2 * networks]netip.Prefix{
	netip.MustParsePrefix("198.18.1.0/24"), netip.MustParsePrefix("198.18.2.0/24"),
	netip.MustParsePrefix("198.18.3.0/24"), netip.MustParsePrefix("198.18.4.0/24"),
}

// engineRange is the upper half of a subnet, and gateway the last address in it.
func engineRange(subnet netip.Prefix) (r netip.Prefix, gateway netip.Addr) {
	return netip.PrefixFrom(host(subnet, 128), subnet.Bits()+1), host(subnet, 254)
}

// host is the address with a number in a subnet of 256.
func host(subnet netip.Prefix, number byte) netip.Addr {
	a := subnet.Addr().As4()
	a[3] = number
	return netip.AddrFrom4(a)
}

// Numbers of the nodes in each subnet.
const (
	numberA    = 1
	numberB    = 2
	numberPeer = 3
)

const echoPort = 7

// iface is the name of a node's interface on a network.
func iface(network int) string { return fmt.Sprintf("eth%d", network) }

// node is a program and where it runs.
type node struct {
	name       string
	program    string // "trunkline" or "peer"
	args       []string
	config     string // written to its standard input, which is closed then
	onNetworks bool   // has interfaces on both networks, as iface says
	dpdk       bool   // the interfaces are DPDK's: the kernel has none of the nodes' addresses
	sockets    bool   // uses the folder of sockets
	number     byte   // of its addresses
}

// port is one port of a configuration.
type port struct {
	name, device string
	addr         netip.Prefix
}

// configuration is a node's file.
func configuration(ports []port, service string) string {
	var b strings.Builder
	b.WriteString("memory: {hugepages: off, megabytes: 256}\ntimers: {profile: telecom}\nports:\n")
	for _, p := range ports {
		fmt.Fprintf(&b, "- {name: %s, device: %q, addresses: [%s]}\n", p.name, p.device, p.addr)
	}
	return b.String() + service
}

// onNetworks are a node's ports on the networks' interfaces. They are named by the subnets, since
// docker numbers an interface anew that is taken away and put back.
func onNetworks(number byte) (ports []port) {
	for i := range networks {
		subnet := subnets[i]
		ports = append(ports, port{fmt.Sprintf("p%d", i), "af_packet:" + subnet.String(), netip.PrefixFrom(host(subnet, number), subnet.Bits())})
	}
	return ports
}

// onSockets are a node's ports on the pairs of sockets.
func onSockets(kind, dir string, number byte) (ports []port) {
	for i := range networks {
		subnet := subnets[networks+i]
		ports = append(ports, port{fmt.Sprintf("v%d", i), fmt.Sprintf("%s:%s/v%d.sock", kind, dir, i), netip.PrefixFrom(host(subnet, number), subnet.Bits())})
	}
	return ports
}

// remote is a list of a node's ports' addresses, the first network's first.
func remote(ports []port) string {
	var all []string
	for _, p := range ports {
		all = append(all, p.addr.Addr().String())
	}
	return strings.Join(all, ",")
}

// topology is the nodes of a variant.
type topology struct{ a, b, peer *node }

// newTopology describes the nodes; sockets is the folder of the sockets as they see it. The peer
// sends peerBytes, of which it holds back the second half until it is told to go on.
func newTopology(v Variant, sockets string) topology {
	service := fmt.Sprintf("node: b\ncontrol: {path: %s/control.sock}\nservice: {kind: echo, port: %d}\n", sockets, echoPort)
	b, bPorts := &node{name: "b", program: "trunkline", onNetworks: true, dpdk: true}, onNetworks(numberB)
	a, aPorts := &node{name: "a", program: "trunkline", onNetworks: true, dpdk: true}, onNetworks(numberA)
	meets := bPorts
	all := bPorts
	if v == VirtioUser {
		meets = onSockets("vhost", sockets, numberB)
		all = append(meets[:networks:networks], bPorts...)
		aPorts = onSockets("virtio-user", sockets, numberA)
		a.onNetworks, a.dpdk = false, false
		a.sockets, b.sockets = true, true
	}
	b.args = []string{"run", "-c", "/dev/stdin"}
	b.config = configuration(all, service)
	a.args = []string{"probe", "--json", "-c", "/dev/stdin", "--cut", aPorts[0].name, "--connect", fmt.Sprintf("%s:%d", remote(meets), echoPort)}
	a.config = configuration(aPorts, "")
	peer := &node{name: "peer", program: "peer", onNetworks: true, number: numberPeer}
	peer.args = []string{"client", "--mode", "verify", "--port", fmt.Sprint(echoPort), "--local", remote(onNetworks(numberPeer)), "--remote", remote(bPorts),
		"--seed", "1", "--streams", "8", "--bytes", fmt.Sprint(peerBytes), "--pause", fmt.Sprint(peerBytes / 2)}
	return topology{a, b, peer}
}
