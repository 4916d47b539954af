package sockets

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/dataplane"
)

func getStatus(s *socket, v *assocStatus) error {
	a, err := s.mustAssoc(v.AssocID)
	if err != nil {
		return err
	}
	info, err := a.conn.Info()
	if err != nil {
		return err
	}
	*v = assocStatus{AssocID: a.id, State: int32(info.State) + 1, Window: uint32(info.PeerRwnd),
		Unacked: uint16(min(info.UnackedChunks, 65535)), Pending: uint16(min(info.PendingMessages, 65535)),
		InStreams: uint16(info.InStreams), OutStreams: uint16(info.OutStreams), Fragmentation: uint32(info.FragmentSize)}
	if p, err := a.path(netip.Addr{}); err == nil {
		v.Primary = s.pathInfo(a, p)
	}
	return nil
}

// addresses is the answer of SCTP_GET_PEER_ADDRS and SCTP_GET_LOCAL_ADDRS: struct
// sctp_getaddrs with packed addresses behind it.
func (s *socket) addresses(id int32, ips []netip.Addr, port uint16, size int) ([]byte, error) {
	b := binary.LittleEndian.AppendUint32(nil, uint32(id))
	b = append(b, 0, 0, 0, 0)
	n := uint32(0)
	for _, ip := range ips {
		if s.takes(ip.Unmap()) {
			b = s.family.append(b, ip, port)
			n++
		}
	}
	if len(b) > size {
		return nil, unix.ENOMEM
	}
	binary.LittleEndian.PutUint32(b[4:], n)
	return b, nil
}

func getPeerAddrs(s *socket, in []byte, size int) ([]byte, error) {
	if size < 8 {
		return nil, unix.EINVAL
	}
	id := decode[int32](in)
	a, err := s.mustAssoc(id)
	if err != nil {
		return nil, err
	}
	s.learn(a) // so that what is told here is known to the calls that follow
	remote := a.conn.RemoteAddr().(*dataplane.Addr)
	return s.addresses(id, remote.IPs, remote.Port, size)
}

// getLocalAddrs tells those of an association, or with 0 those that the socket is bound
// to. Unlike Linux it tells the association's, too, of a socket that has just one: what is
// bound to the wildcard would show addresses that the peer does not know.
func getLocalAddrs(s *socket, in []byte, size int) ([]byte, error) {
	if size < 8 {
		return nil, unix.EINVAL
	}
	id := decode[int32](in)
	if id == 0 && (s.single == nil || !s.single.up) {
		return s.addresses(id, s.localAddrs(), s.port(), size)
	}
	a, err := s.mustAssoc(id)
	if err != nil {
		return nil, err
	}
	local := a.conn.LocalAddr().(*dataplane.Addr)
	return s.addresses(id, local.IPs, local.Port, size)
}

func getAssocNumber(s *socket, v *uint32) error {
	*v = uint32(len(s.assocs))
	return nil
}

func getAssocIDs(s *socket, _ []byte, size int) ([]byte, error) {
	if s.style == oneToOne {
		return nil, unix.EOPNOTSUPP
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(s.assocs)))
	for _, a := range s.ordered() {
		b = binary.LittleEndian.AppendUint32(b, uint32(a.id))
	}
	if size < len(b) {
		return nil, unix.EINVAL
	}
	return b, nil
}

func getAssocStats(s *socket, v *assocStats) error {
	a, err := s.mustAssoc(v.AssocID)
	if err != nil {
		return err
	}
	info, err := a.conn.Info()
	if err != nil {
		return err
	}
	*v = assocStats{AssocID: a.id, RTOAddr: s.store(a.primary.Addr(), a.primary.Port()), MaxRTO: uint64(milliseconds(info.MaxRTO)),
		InSACKs: info.RxSACKs, OutSACKs: info.TxSACKs, OutPackets: info.TxPackets, InPackets: info.RxPackets,
		Retransmitted: info.RetransmittedChunks, OutOfSequence: info.OutOfSequenceTSNs, Duplicates: info.DuplicateTSNs,
		GapAcks: info.GapBlocks, OutUnordered: info.TxUnordered, InUnordered: info.RxUnordered,
		OutOrdered: info.TxDataChunks - info.TxUnordered, InOrdered: info.RxDataChunks - info.RxUnordered,
		OutControl: info.TxControlChunks, InControl: info.RxControlChunks}
	return nil
}
