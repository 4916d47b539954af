package sctpcore

import (
	"encoding/binary"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// peerOffer is what the peer's INIT or INIT ACK says of extensions. The parameters are
// in the packet's memory, or the cookie's.
type peerOffer struct {
	random, chunks, hmacs wire.Param // nil if they did not come
	asconf                bool       // listed under Supported Extensions
	hasAdaptation         bool
	adaptation            uint32
	primary               wire.Addr // zero if it asked for none
}

// maxPeerHMACs bounds an HMAC-ALGO parameter: four numbers are defined.
const maxPeerHMACs = 16

// note takes in a parameter of an extension. Of a parameter that comes twice the first
// is believed; one that is malformed counts as not sent.
func (p *peerOffer) note(q wire.Param) {
	switch q.Type() {
	case wire.ParamRandom:
		if p.random == nil {
			p.random = q
		}
	case wire.ParamChunkList:
		if _, ok := wire.ParseChunkList(q); ok && p.chunks == nil {
			p.chunks = q
		}
	case wire.ParamRequestedHMAC:
		if list, ok := wire.ParseHMACs(q); ok && len(list) <= 2*maxPeerHMACs && p.hmacs == nil {
			p.hmacs = q
		}
	case wire.ParamSupportedExtensions:
		types, _ := wire.ParseSupportedExtensions(q)
		for _, t := range types {
			p.asconf = p.asconf || wire.ChunkType(t) == wire.ChunkAsconf
		}
	case wire.ParamAdaptationLayer:
		if code, ok := wire.ParseAdaptation(q); ok {
			p.hasAdaptation, p.adaptation = true, code
		}
	case wire.ParamSetPrimary:
		if _, addr, ok := wire.ParseAddressRequest(q); ok && usableAddr(addr) {
			p.primary = addr
		}
	}
}

// hmac is the first hash function on the peer's list that we have, 0 if none or if
// the peer does not authenticate.
func (p *peerOffer) hmac() wire.HMACID {
	if p.random == nil || p.hmacs == nil {
		return 0
	}
	list, _ := wire.ParseHMACs(p.hmacs)
	for i := range len(list) / 2 {
		if h := wire.HMACAt(list, i); h.Len() > 0 {
			return h
		}
	}
	return 0
}

// fault says why the peer's offer cannot be lived with, "" if it can.
func (o *offer) fault(p *peerOffer) string {
	if o == nil || !o.auth {
		return ""
	}
	switch {
	case p.random != nil && len(p.random) != 4+randomLen:
		// RFC 4895, 6.1: "If the Random Number is not 32 bytes, the association MUST
		// be aborted."
		return "RANDOM is not 32 bytes"
	case o.asconf && p.asconf && p.hmac() == 0:
		// RFC 5061, 6: an INIT that indicates ASCONF and not AUTH "MUST" be answered
		// with an ABORT, and such an INIT ACK destroys the TCB.
		return "ASCONF is offered without AUTH"
	case o.required && p.hmac() == 0:
		return "chunks must be authenticated"
	}
	return ""
}

// appendCookie writes what the state cookie keeps: our key vector and the peer's offer.
func (p *peerOffer) appendCookie(dst, local []byte) []byte {
	be := binary.BigEndian
	var flags byte
	if p.asconf {
		flags |= 1
	}
	if p.hasAdaptation {
		flags |= 2
	}
	dst = append(dst, flags)
	dst = be.AppendUint32(dst, p.adaptation)
	dst = append(dst, p.primary[:]...)
	for _, v := range [...][]byte{local, p.random, p.chunks, p.hmacs} {
		dst = be.AppendUint16(dst, uint16(len(v)))
		dst = append(dst, v...)
	}
	return dst
}

// maxOfferLen is the most that appendCookie writes: fixed part, lengths, our vector
// and the peer's.
const maxOfferLen = 1 + 4 + 16 + 4*2 + 2*(4+randomLen+260+4+2*maxPeerHMACs)

// parseCookie undoes appendCookie; false if b is not what it wrote.
func (p *peerOffer) parseCookie(b []byte) (local []byte, ok bool) {
	if len(b) < 21 {
		return nil, false
	}
	p.asconf, p.hasAdaptation = b[0]&1 != 0, b[0]&2 != 0
	p.adaptation = binary.BigEndian.Uint32(b[1:])
	copy(p.primary[:], b[5:])
	b = b[21:]
	var parts [4][]byte
	for i := range parts {
		if len(b) < 2 {
			return nil, false
		}
		n := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; n > len(b) {
			return nil, false
		}
		if n > 0 {
			parts[i] = b[:n:n]
		}
		b = b[n:]
	}
	p.random, p.chunks, p.hmacs = parts[1], parts[2], parts[3]
	return parts[0], len(b) == 0
}
