package sockets

import (
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// pathOf finds the path that an address and perhaps an identifier name. An address
// that names nothing gives no association and no error.
func (s *socket) pathOf(id int32, addr *storage) (a *assoc, dst netip.Addr, err error) {
	p := s.parseAny(addr)
	if !p.IsValid() {
		return nil, dst, nil
	}
	if a = s.peers[p]; a == nil && p.Port() == 0 { // some leave the port out
		for q, b := range s.peers {
			if q.Addr() == p.Addr() {
				a = b
			}
		}
	}
	if named := s.assocOf(id); a == nil || named != nil && named != a {
		return nil, dst, unix.EINVAL
	}
	return a, p.Addr(), nil
}

// mustPath is pathOf where an address has to be named.
func (s *socket) mustPath(id int32, addr *storage) (a *assoc, dst netip.Addr, err error) {
	a, dst, err = s.pathOf(id, addr)
	if err == nil && a == nil {
		err = unix.EINVAL
	}
	return a, dst, err
}

// alterPath changes what the path to dst has, or if that is not valid all paths of an
// association and those to come, or of associations to come if a is nil.
func (s *socket) alterPath(a *assoc, dst netip.Addr, change func(*sctpcore.PathParams)) error {
	if dst.IsValid() {
		return a.alterPath(dst, change)
	}
	err := s.apply(a, func(set *settings) error {
		pp := set.params.OfPath()
		change(&pp)
		set.params.SetOfPath(&pp)
		return nil
	})
	if err != nil || a == nil {
		return err
	}
	for _, p := range a.peers { // those that were told something else before
		if err := a.alterPath(p.Addr(), change); err != nil {
			return err
		}
	}
	return nil
}

func (a *assoc) alterPath(dst netip.Addr, change func(*sctpcore.PathParams)) error {
	pp, err := a.conn.PathParams(dst)
	if err != nil {
		return err
	}
	change(&pp)
	return a.conn.SetPathParams(dst, &pp)
}

// pathParams are what the path to dst has, or those that were told nothing of their own;
// set is where that is read.
func pathParams(set *settings, a *assoc, dst netip.Addr) (sctpcore.PathParams, error) {
	if dst.IsValid() {
		return a.conn.PathParams(dst)
	}
	return set.params.OfPath(), nil
}

func getPeerAddrParams(s *socket, in []byte, size int) ([]byte, error) {
	if size < peerAddrParamsShort {
		return nil, unix.EINVAL
	}
	v := decode[peerAddrParams](in)
	on, dst, err := s.pathOf(v.AssocID, &v.Addr)
	if err != nil {
		return nil, err
	}
	set, a, err := s.settingsOf(v.AssocID)
	if err != nil {
		return nil, err
	}
	if on != nil {
		set, a = &on.settings, on
	}
	pp, err := pathParams(set, a, dst)
	if err != nil {
		return nil, err
	}
	fillPathParams(&v, &set.params, &pp)
	if a != nil {
		v.PathMTU = a.pathMTU(dst)
	}
	b := encode(&v)
	if size < len(b) {
		b = b[:peerAddrParamsShort]
	}
	return b, nil
}

// pathMTU is what is in use to dst, or the least of all paths; 0 after the end.
func (a *assoc) pathMTU(dst netip.Addr) uint32 {
	least := 0
	paths, _ := a.conn.Paths()
	for i := range paths {
		if mtu := paths[i].MTU; (!dst.IsValid() || paths[i].Dst.Netip() == dst) && (least == 0 || mtu < least) {
			least = mtu
		}
	}
	return uint32(least)
}

func fillPathParams(v *peerAddrParams, p *sctpcore.Params, pp *sctpcore.PathParams) {
	v.HBInterval, v.MaxRetrans = milliseconds(pp.HBInterval), uint16(pp.MaxRetrans)
	v.PathMTU, v.SACKDelay = uint32(pp.MTU), milliseconds(p.SACKDelay)
	v.Flags = sppHBEnable | sppPMTUDEnable | sppSACKDelayOn
	if pp.Flow.Set {
		v.FlowLabel = pp.Flow.Value
	}
	if pp.Class.Set {
		v.DSCP = uint8(pp.Class.Value)
	}
	for _, f := range []struct {
		is    bool
		flags uint32
	}{{pp.NoHeartbeat, sppHBEnable | sppHBDisable}, {pp.NoDiscovery, sppPMTUDEnable | sppPMTUDDisable}, {p.SACKFrequency == 1, sppSACKDelayOn | sppSACKDelayOff},
		{pp.Flow.Set, sppIPv6FlowLabel}, {pp.Class.Set, sppDSCP}} {
		if f.is {
			v.Flags ^= f.flags
		}
	}
}

// contradicts tells whether both flags of a pair are set.
func contradicts(flags, pair uint32) bool { return flags&pair == pair }

func setPeerAddrParams(s *socket, in []byte) error {
	v := decode[peerAddrParams](in)
	switch {
	case len(in) != peerAddrParamsShort && len(in) != 156,
		len(in) == peerAddrParamsShort && v.Flags&(sppIPv6FlowLabel|sppDSCP) != 0,
		contradicts(v.Flags, sppHBEnable|sppHBDisable),
		contradicts(v.Flags, sppPMTUDEnable|sppPMTUDDisable),
		contradicts(v.Flags, sppSACKDelayOn|sppSACKDelayOff),
		v.SACKDelay > 500, v.PathMTU != 0 && v.PathMTU < sctpcore.MinMTU:
		return unix.EINVAL
	}
	a, dst, err := s.pathOf(v.AssocID, &v.Addr)
	if err != nil {
		return err
	}
	if a == nil {
		if _, a, err = s.settingsOf(v.AssocID); err != nil {
			return err
		}
	}
	if v.Flags&sppHBDemand != 0 {
		if err := demandHeartbeat(a, dst); err != nil {
			return err
		}
	}
	if err := s.alterPath(a, dst, func(pp *sctpcore.PathParams) { changePathParams(pp, &v) }); err != nil {
		return err
	}
	return s.apply(a, func(set *settings) error { return changeSACKDelay(set, &v) })
}

func demandHeartbeat(a *assoc, dst netip.Addr) error {
	switch {
	case a == nil:
		return unix.EINVAL
	case dst.IsValid():
		return a.conn.Heartbeat(dst)
	}
	for _, p := range a.peers {
		if err := a.conn.Heartbeat(p.Addr()); err != nil {
			return err
		}
	}
	return nil
}

func changePathParams(pp *sctpcore.PathParams, v *peerAddrParams) {
	switch {
	case v.Flags&sppHBEnable != 0:
		pp.NoHeartbeat = false
		if v.HBInterval != 0 {
			pp.HBInterval = ms(v.HBInterval)
		}
		if v.Flags&sppHBTimeIsZero != 0 {
			pp.HBInterval = 1 // an association's is above 0
		}
	case v.Flags&sppHBDisable != 0:
		pp.NoHeartbeat = true
	}
	switch {
	case v.Flags&sppPMTUDDisable != 0:
		if pp.NoDiscovery = true; v.PathMTU != 0 {
			pp.MTU = int(v.PathMTU)
		}
	case v.Flags&sppPMTUDEnable != 0:
		pp.NoDiscovery, pp.MTU = false, 0
	}
	if v.MaxRetrans != 0 {
		pp.MaxRetrans = int(v.MaxRetrans)
	}
	if v.Flags&sppIPv6FlowLabel != 0 {
		pp.Flow = sctpcore.Mark{Set: true, Value: v.FlowLabel & 0xfffff}
	}
	if v.Flags&sppDSCP != 0 {
		pp.Class = sctpcore.Mark{Set: true, Value: uint32(v.DSCP) & dscpMask}
	}
}

// dscpMask is the part of a traffic class that programs set; the rest is ECN's.
const dscpMask = 0xfc

// changeSACKDelay is of the association, whatever path was named: SACKs are.
func changeSACKDelay(set *settings, v *peerAddrParams) error {
	switch {
	case v.Flags&sppSACKDelayOn != 0:
		if v.SACKDelay != 0 {
			set.params.SACKDelay = ms(v.SACKDelay)
		}
		if set.params.SACKFrequency == 1 {
			set.params.SACKFrequency = 0
		}
	case v.Flags&sppSACKDelayOff != 0:
		set.params.SACKFrequency = 1
	}
	return nil
}

// getThresholds is both forms of SCTP_PEER_ADDR_THLDS.
func getThresholds(s *socket, v *thresholdsV2) error {
	a, dst, err := s.pathOf(v.AssocID, &v.Addr)
	if err != nil {
		return unix.ENOENT
	}
	var set *settings
	if a == nil {
		if set, a, err = s.settingsOf(v.AssocID); err != nil {
			return err
		}
	}
	pp, err := pathParams(set, a, dst)
	v.MaxRetrans, v.PF, v.Switchover = uint16(pp.MaxRetrans), never16(pp.PFMaxRetrans), never16(pp.PrimarySwitchover)
	return err
}

// never16 is a threshold as Linux has it: what is never passed is 65535.
func never16(n int) uint16 {
	if n < 0 {
		return 65535
	}
	return uint16(min(n, 65535))
}

func thresholdOf(v uint16) int {
	if v == 65535 {
		return -1
	}
	return int(v)
}

func setThresholds(s *socket, v *thresholdsV2, switchover bool) error {
	if switchover && v.PF > v.Switchover {
		return unix.EINVAL
	}
	a, dst, err := s.pathOf(v.AssocID, &v.Addr)
	if err != nil {
		return unix.ENOENT
	}
	if a == nil {
		if _, a, err = s.settingsOf(v.AssocID); err != nil {
			return err
		}
	}
	return s.alterPath(a, dst, func(pp *sctpcore.PathParams) {
		if v.MaxRetrans != 0 {
			pp.MaxRetrans = int(v.MaxRetrans)
		}
		if pp.PFMaxRetrans = thresholdOf(v.PF); switchover {
			pp.PrimarySwitchover = thresholdOf(v.Switchover)
		}
	})
}

func getThresholdsV1(s *socket, v *thresholds) error {
	w := thresholdsV2{AssocID: v.AssocID, Addr: v.Addr}
	err := getThresholds(s, &w)
	v.MaxRetrans, v.PF = w.MaxRetrans, w.PF
	return err
}

func setThresholdsV1(s *socket, v *thresholds) error {
	return setThresholds(s, &thresholdsV2{AssocID: v.AssocID, Addr: v.Addr, MaxRetrans: v.MaxRetrans, PF: v.PF}, false)
}

func setThresholdsV2(s *socket, v *thresholdsV2) error { return setThresholds(s, v, true) }

// path is a snapshot of the path to dst; the invalid address is the primary's.
func (a *assoc) path(dst netip.Addr) (*dataplane.PathInfo, error) {
	paths, err := a.conn.Paths()
	if err != nil {
		return nil, err
	}
	for i := range paths {
		if paths[i].Dst.Netip() == dst || !dst.IsValid() && paths[i].Primary {
			return &paths[i], nil
		}
	}
	return nil, unix.EINVAL
}

func getPrimary(s *socket, v *prim) error {
	a, err := s.mustAssoc(v.AssocID)
	if err != nil {
		return err
	}
	p, err := a.path(netip.Addr{})
	if err == nil {
		v.Addr = s.store(p.Dst.Netip(), a.primary.Port())
	}
	return err
}

func setPrimary(s *socket, v *prim) error {
	a, dst, err := s.mustPath(v.AssocID, &v.Addr)
	if err != nil {
		return err
	}
	if err := a.conn.SetPrimary(dst); err != nil {
		return err
	}
	a.primary = netip.AddrPortFrom(dst, a.primary.Port())
	return nil
}

func setPeerPrimary(s *socket, v *prim) error {
	a, err := s.mustAssoc(v.AssocID)
	if err != nil {
		return err
	}
	ours := s.parseAny(&v.Addr)
	if !ours.IsValid() {
		return unix.EINVAL
	}
	if err = a.conn.SetPeerPrimary(ours.Addr()); errors.Is(err, sctpcore.ErrAddress) {
		return unix.EADDRNOTAVAIL
	}
	return err
}

func getPathInfo(s *socket, v *pathInfo) error {
	a, dst, err := s.mustPath(v.AssocID, &v.Addr)
	if err != nil {
		return err
	}
	p, err := a.path(dst)
	if err != nil {
		return err
	}
	if p.State == sctpcore.PotentiallyFailed && a.settings.pfExpose == 1 {
		return unix.EACCES
	}
	*v = s.pathInfo(a, p)
	return nil
}

func (s *socket) pathInfo(a *assoc, p *dataplane.PathInfo) pathInfo {
	v := pathInfo{AssocID: a.id, Addr: s.store(p.Dst.Netip(), a.primary.Port()), Cwnd: uint32(p.Cwnd),
		SRTT: milliseconds(p.SRTT), RTO: milliseconds(p.RTO), MTU: uint32(p.MTU)}
	switch p.State {
	case sctpcore.Active:
		v.State = spinfoActive
	case sctpcore.PotentiallyFailed:
		v.State = spinfoPF
	case sctpcore.Unconfirmed:
		v.State = spinfoUnconfirmed
	default:
		v.State = spinfoInactive
	}
	return v
}
