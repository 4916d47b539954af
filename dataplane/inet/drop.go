package inet

// Drop is the reason why a frame was thrown away. Every frame that Parse,
// Reassembler or Neighbours does not use is counted under exactly one of them.
type Drop uint8

// The reasons, from the outside of a frame to its inside.
const (
	DropNone Drop = iota // not dropped; its counter stays 0

	DropRunt          // shorter than its link header
	DropEtherType     // neither IPv4, IPv6 nor ARP, or an 802.3 length
	DropVLAN          // tagged with another VLAN, or tagged or untagged where the port is not
	DropVLANStacked   // more 802.1Q tags than the port is configured for
	DropNotOurMAC     // unicast to another station
	DropSourceMAC     // sent from a multicast or zero MAC
	DropReflected     // sent from our own MAC: a loop, or our own transmission seen again
	DropLinkBroadcast // unicast IP in a broadcast or multicast frame (RFC 1122, 3.3.6)

	DropIPTruncated     // shorter than its IP header
	DropIPVersion       // the version is not the EtherType's
	DropIHL             // IPv4 header length below 20 bytes or beyond the packet
	DropIPLength        // IP length below its header or beyond the frame
	DropIPChecksum      // IPv4 header checksum wrong
	DropSource          // source is multicast, broadcast, loopback, unspecified, reserved or IPv4-mapped
	DropSourceOurs      // source is our own address (land)
	DropDestMulticast   // destination is multicast and not ours to hear
	DropDestBroadcast   // destination is a broadcast address
	DropDestInvalid     // destination is loopback, unspecified, reserved or IPv4-mapped
	DropNotOurAddress   // destination is the unicast address of somebody else
	DropExtensionChain  // IPv6 extension headers too many or not within the packet
	DropExtensionOption // an IPv6 option that demands discarding, or malformed options
	DropRoutingHeader   // IPv6 routing header with segments left: we are no router
	DropUnknownProtocol // neither SCTP nor ICMP; an ICMP error may be due

	DropFragmentOff      // a fragment, and reassembly is not configured
	DropFragmentHeader   // fragment empty, not a multiple of 8 bytes, or beyond 65535
	DropFragmentSize     // datagram larger than the reassembly slot
	DropFragmentOverlap  // fragments overlap or contradict each other (RFC 5722): the datagram is lost
	DropFragmentRepeat   // fragment that is there already, byte for byte: only it is dropped
	DropFragmentEvicted  // datagram given up for a newer one: slots are used up
	DropFragmentTimeout  // datagram not complete in time
	DropFragmentNested   // a fragment header inside a reassembled datagram
	DropFragmentNoMemory // all slots are held by datagrams that were not recycled yet

	DropICMPTruncated   // shorter than its header
	DropICMPChecksum    // ICMP checksum wrong
	DropICMPIgnored     // a type that we have no use for (redirect, router advertisement, echo reply, …)
	DropICMPQuote       // error that quotes a packet we never sent, or too little of it
	DropICMPRateLimited // an answer was due but the limit was used up
	DropICMPNoReply     // an echo request that cannot be answered in place (reassembled)

	DropARPMalformed   // not Ethernet/IPv4, truncated, or impossible addresses
	DropARPSpoof       // sender MAC differs from the frame's, or MAC changed again within the lock time
	DropARPConflict    // somebody else claims our address
	DropARPOffLink     // sender is not on a connected subnet
	DropARPNotOurs     // request for somebody else's address
	DropARPUnsolicited // reply or announcement of an address that we did not ask for
	DropNDMalformed    // RFC 4861, 7.1: truncated, bad code, target or option
	DropNDHopLimit     // hop limit is not 255: it crossed a router
	DropNDFragmented   // neighbour discovery in fragments (RFC 6980)
	DropNDSpoof        // MAC changed again within the lock time, or option differs from the frame's
	DropNDConflict     // somebody else claims our address
	DropNDOffLink      // sender is not on a connected subnet
	DropNDNotOurs      // solicitation for somebody else's address
	DropNDUnsolicited  // advertisement of an address that we did not ask for
	DropNeighbourFull  // a sender was not learnt: the table holds entries of more use
	DropNeighbourRate  // an answer was due but the limit was used up
	DropNeighbourQueue // packet of ours pushed out while its next hop was being resolved
	DropNeighbourDead  // packet of ours whose next hop did not answer

	NumDrops // number of reasons, for arrays
)

var dropNames = [NumDrops]string{
	DropNone: "none",
	DropRunt: "runt", DropEtherType: "ether_type", DropVLAN: "vlan", DropVLANStacked: "vlan_stacked",
	DropNotOurMAC: "not_our_mac", DropSourceMAC: "source_mac", DropReflected: "reflected",
	DropLinkBroadcast: "link_broadcast",
	DropIPTruncated:   "ip_truncated", DropIPVersion: "ip_version", DropIHL: "ihl", DropIPLength: "ip_length",
	DropIPChecksum: "ip_checksum", DropSource: "source", DropSourceOurs: "source_ours",
	DropDestMulticast: "dest_multicast", DropDestBroadcast: "dest_broadcast", DropDestInvalid: "dest_invalid",
	DropNotOurAddress: "not_our_address", DropExtensionChain: "extension_chain",
	DropExtensionOption: "extension_option", DropRoutingHeader: "routing_header",
	DropUnknownProtocol: "unknown_protocol",
	DropFragmentOff:     "fragment_off", DropFragmentHeader: "fragment_header", DropFragmentSize: "fragment_size",
	DropFragmentOverlap: "fragment_overlap", DropFragmentRepeat: "fragment_repeat",
	DropFragmentEvicted: "fragment_evicted", DropFragmentTimeout: "fragment_timeout",
	DropFragmentNested: "fragment_nested", DropFragmentNoMemory: "fragment_no_memory",
	DropICMPTruncated: "icmp_truncated", DropICMPChecksum: "icmp_checksum", DropICMPIgnored: "icmp_ignored",
	DropICMPQuote: "icmp_quote", DropICMPRateLimited: "icmp_rate_limited", DropICMPNoReply: "icmp_no_reply",
	DropARPMalformed: "arp_malformed", DropARPSpoof: "arp_spoof", DropARPConflict: "arp_conflict",
	DropARPOffLink: "arp_off_link", DropARPNotOurs: "arp_not_ours", DropARPUnsolicited: "arp_unsolicited",
	DropNDMalformed: "nd_malformed", DropNDHopLimit: "nd_hop_limit", DropNDFragmented: "nd_fragmented",
	DropNDSpoof: "nd_spoof", DropNDConflict: "nd_conflict", DropNDOffLink: "nd_off_link",
	DropNDNotOurs: "nd_not_ours", DropNDUnsolicited: "nd_unsolicited",
	DropNeighbourFull: "neighbour_full", DropNeighbourRate: "neighbour_rate",
	DropNeighbourQueue: "neighbour_queue", DropNeighbourDead: "neighbour_dead",
}

// String is the reason's name as metrics and the command line show it.
func (d Drop) String() string {
	if d < NumDrops {
		return dropNames[d]
	}
	return "invalid"
}

// Drops counts dropped frames by reason, in frames (in datagrams for
// DropFragmentEvicted and DropFragmentTimeout). It is written by one thread.
type Drops [NumDrops]uint64

// Total is the sum over all reasons.
func (d *Drops) Total() (n uint64) {
	for _, v := range d {
		n += v
	}
	return n
}
