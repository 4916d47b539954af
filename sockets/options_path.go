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

func getPeerAddrParams(s *socket, in []byte, size int) ([]byte, error) {
	if size < peerAddrParamsShort {
		return nil, unix.EINVAL
	}
	v := decode[peerAddrParams](in)
	a, dst, err := s.pathOf(v.AssocID, &v.Addr)
	if err != nil {
		return nil, err
	}
	set, _, err := s.settingsOf(v.AssocID)
	if err != nil {
		return nil, err
	}
	if a != nil {
		set = &a.settings
	}
	pp := set.params.Path
	if a != nil {
		if pp, err = a.conn.PathParams(dst); err != nil {
			return nil, err
		}
	}
	fillPathParams(&v, &set.params, &pp)
	if a != nil {
		if p, err := a.path(dst); err == nil {
			v.PathMTU = uint32(p.MTU)
		}
	}
	b := encode(&v)
	if size < len(b) {
		b = b[:peerAddrParamsShort]
	}
	return b, nil
}

func fillPathParams(v *peerAddrParams, p *sctpcore.Params, pp *sctpcore.PathParams) {
	v.HBInterval = milliseconds(pp.HBInterval)
	if pp.HBInterval == 0 {
		v.HBInterval = milliseconds(p.HBInterval)
	}
	v.MaxRetrans = uint16(pp.MaxRetrans)
	if pp.MaxRetrans == 0 {
		v.MaxRetrans = uint16(p.PathMaxRetrans)
	}
	v.PathMTU, v.SACKDelay = uint32(pp.MTU), milliseconds(p.SACKDelay)
	v.Flags, v.FlowLabel, v.DSCP = sppHBEnable|sppPMTUDEnable|sppSACKDelayOn, 0, 0
	if pp.NoHeartbeat {
		v.Flags ^= sppHBEnable | sppHBDisable
	}
	if pp.MTU != 0 {
		v.Flags ^= sppPMTUDEnable | sppPMTUDDisable
	}
	if p.SACKFrequency == 1 {
		v.Flags ^= sppSACKDelayOn | sppSACKDelayOff
	}
}

// contradicts tells whether both flags of a pair are set.
func contradicts(flags, pair uint32) bool { return flags&pair == pair }

func setPeerAddrParams(s *socket, in []byte) error {
	v := decode[peerAddrParams](in)
	switch {
	case len(in) != peerAddrParamsShort && len(in) != 156,
		v.Flags&(sppIPv6FlowLabel|sppDSCP) != 0, // the core has neither
		contradicts(v.Flags, sppHBEnable|sppHBDisable),
		contradicts(v.Flags, sppPMTUDEnable|sppPMTUDDisable),
		contradicts(v.Flags, sppSACKDelayOn|sppSACKDelayOff),
		v.SACKDelay > 500, v.PathMTU != 0 && v.PathMTU < 512:
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
	if dst.IsValid() {
		pp, err := a.conn.PathParams(dst)
		if err != nil {
			return err
		}
		changePathParams(&pp, &v)
		if err := a.conn.SetPathParams(dst, &pp); err != nil {
			return err
		}
		return s.apply(a, func(set *settings) error { return changeSACKDelay(set, &v) })
	}
	return s.apply(a, func(set *settings) error {
		changePathParams(&set.params.Path, &v)
		if a != nil {
			if err := a.conn.SetPathParams(netip.Addr{}, &set.params.Path); err != nil {
				return err
			}
		}
		return changeSACKDelay(set, &v)
	})
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
			pp.HBInterval = 1
		}
	case v.Flags&sppHBDisable != 0:
		pp.NoHeartbeat = true
	}
	switch {
	case v.Flags&sppPMTUDDisable != 0 && v.PathMTU != 0:
		pp.MTU = int(v.PathMTU)
	case v.Flags&sppPMTUDEnable != 0:
		pp.MTU = 0
	}
	if v.MaxRetrans != 0 {
		pp.MaxRetrans = int(v.MaxRetrans)
	}
}

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

// threshold is both forms of SCTP_PEER_ADDR_THLDS.
func getThresholds(s *socket, v *thresholdsV2) error {
	a, dst, err := s.pathOf(v.AssocID, &v.Addr)
	if err != nil {
		return unix.ENOENT
	}
	set, _, err := s.settingsOf(v.AssocID)
	if err != nil {
		return err
	}
	pp := set.params.Path
	if a != nil {
		set = &a.settings
		if pp, err = a.conn.PathParams(dst); err != nil {
			return err
		}
	}
	v.MaxRetrans, v.PF, v.Switchover = uint16(pp.MaxRetrans), never16(pp.PFMaxRetrans), never16(set.params.PrimarySwitchover)
	if v.MaxRetrans == 0 {
		v.MaxRetrans = uint16(set.params.PathMaxRetrans)
	}
	if pp.PFMaxRetrans == 0 {
		v.PF = never16(set.params.PFMaxRetrans)
	}
	return nil
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
	if dst.IsValid() {
		pp, err := a.conn.PathParams(dst)
		if err != nil {
			return err
		}
		if v.MaxRetrans != 0 {
			pp.MaxRetrans = int(v.MaxRetrans)
		}
		pp.PFMaxRetrans = thresholdOf(v.PF)
		return a.conn.SetPathParams(dst, &pp)
	}
	return s.alter(v.AssocID, func(set *settings) error {
		if v.MaxRetrans != 0 {
			set.params.PathMaxRetrans = int(v.MaxRetrans)
		}
		set.params.PFMaxRetrans = thresholdOf(v.PF)
		if switchover {
			set.params.PrimarySwitchover = thresholdOf(v.Switchover)
		}
		return nil
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
	a, dst, err := s.pathOf(v.AssocID, &v.Addr)
	switch {
	case err != nil:
		return err
	case a == nil:
		return unix.EINVAL
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
	a, dst, err := s.pathOf(v.AssocID, &v.Addr)
	switch {
	case err != nil:
		return err
	case a == nil:
		return unix.EINVAL
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
