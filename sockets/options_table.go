package sockets

import (
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// optionTable is every option that sockets have. What it has not, and what has no set
// or no get, is ENOPROTOOPT, as on a kernel without it.
var optionTable map[optionKey]option

func init() { // not in the declaration: getOption, which the table's functions reach, reads it
	optionTable = map[optionKey]option{}
	for name, o := range sctpOptions {
		optionTable[optionKey{solSCTP, name}] = o
	}
	for name, o := range socketOptions {
		optionTable[optionKey{solSocket, name}] = o
	}
	for key, o := range headerOptions {
		optionTable[key] = o
	}
	for level, names := range offOptions {
		for _, name := range names {
			optionTable[optionKey{level, name}] = offOption
		}
	}
	for level, names := range rememberedOptions {
		for name, initial := range names {
			optionTable[optionKey{level, name}] = remembered(optionKey{level, name}, initial)
		}
	}
	optionTable[optionKey{solIPv6, unix.IPV6_V6ONLY}] = v6onlyOption
}

// sctpOptions are those of level IPPROTO_SCTP.
var sctpOptions = map[uint32]option{
	optRTOInfo:               {reader(0, getRTOInfo), writer(setRTOInfo)},
	optAssocInfo:             {reader(0, getAssocInfo), writer(setAssocInfo)},
	optInitMsg:               {reader(0, getInitMsg), writer(setInitMsg)},
	optNoDelay:               noDelayOption,
	optAutoclose:             {ofMany(reader(0, getAutoclose)), setAutoclose},
	optSetPeerPrimaryAddr:    {nil, writer(setPeerPrimary)},
	optPrimaryAddr:           {reader(0, getPrimary), writer(setPrimary)},
	optAdaptationLayer:       {reader(0, getAdaptation), writer(setAdaptation)},
	optDisableFragments:      toggle(func(s *socket) *bool { return &s.noFragments }),
	optPeerAddrParams:        {getPeerAddrParams, setPeerAddrParams},
	optDefaultSendParam:      {reader(0, getSendParam), writer(setSendParam)},
	optEvents:                {getEvents, setEvents},
	optWantMappedV4:          toggle(func(s *socket) *bool { return &s.mapped }),
	optMaxSeg:                maxSegOption,
	optStatus:                {reader(0, getStatus), nil},
	optPeerAddrInfo:          {reader(0, getPathInfo), nil},
	optDelayedSACK:           {getDelayedSACK, setDelayedSACK},
	optContext:               contextOption,
	optFragmentInterleave:    exactly(4, toggle(func(s *socket) *bool { return &s.interleave })),
	optPartialDeliveryPoint:  deliveryPointOption,
	optMaxBurst:              maxBurstOption,
	optAuthChunk:             {notReadable, setAuthChunk},
	optHMACIdent:             {getHMACs, setHMACs},
	optAuthKey:               {notReadable, setAuthKey},
	optAuthActiveKey:         {reader(0, getActiveKey), writer(setActiveKey)},
	optAuthDeleteKey:         {notReadable, writer(deleteKey)},
	optAuthDeactivateKey:     {notReadable, writer(deactivateKey)},
	optPeerAuthChunks:        {getPeerChunks, nil},
	optLocalAuthChunks:       {getLocalChunks, nil},
	optAssocNumber:           {ofMany(reader(0, getAssocNumber)), nil},
	optAssocIDList:           {getAssocIDs, nil},
	optPeerAddrThresholds:    {reader(0, getThresholdsV1), longWriter(setThresholdsV1)},
	optPeerAddrThresholdsV2:  {reader(0, getThresholds), longWriter(setThresholdsV2)},
	optRecvRcvInfo:           cmsgOption(proto.FlagRcvInfo),
	optRecvNxtInfo:           cmsgOption(proto.FlagNxtInfo),
	optDefaultSndInfo:        {reader(0, getSndInfo), writer(setSndInfo)},
	optReusePort:             {flag(func(s *socket) bool { return s.reuse }, nil).get, setReusePort},
	optBindxAdd:              {nil, func(s *socket, in []byte) error { return s.bindx(in, false) }},
	optBindxRemove:           {nil, func(s *socket, in []byte) error { return s.bindx(in, true) }},
	optGetPeerAddrs:          {getPeerAddrs, nil},
	optGetLocalAddrs:         {getLocalAddrs, nil},
	optAssocStats:            {reader(4, getAssocStats), nil},
	optDefaultPRInfo:         {reader(0, getPRInfo), writer(setPRInfo)},
	optEvent:                 {reader(0, getEvent), longWriter(setEvent)},
	optAsconfSupported:       supportOption(func(s *socket) *bool { return &s.asconf }),
	optAuthSupported:         supportOption(func(s *socket) *bool { return &s.auth }),
	optExposePFState:         exposePFOption,
	optAutoAsconf:            autoAsconfOption,
	optPRSupported:           exactly(8, missing),
	optReconfigSupported:     exactly(8, missing),
	optInterleavingSupported: interleaving,
	optECNSupported:          exactly(8, missing),
	optEnableStreamReset:     exactly(8, missing),
	optResetStreams:          {nil, reconfigure(8)},
	optResetAssoc:            exactly(4, option{nil, reconfigure(4)}),
	optAddStreams:            exactly(8, option{nil, reconfigure(8)}),
	optStreamScheduler:       missing,
	optStreamSchedulerValue:  schedulerValue,
	optPRAssocStatus:         {reader(0, getPRStatus), nil},
	optPRStreamStatus:        {reader(0, getPRStatus), nil},
	optRemoteUDPEncapsPort:   encapsulation,
	optPLPMTUDProbeInterval:  probing,
}

// supportOption offers an extension to associations to come.
func supportOption(field func(*socket) *bool) option {
	return option{
		get: reader(0, func(s *socket, v *assocValue) error {
			_, a, err := s.settingsOf(v.AssocID)
			if err != nil {
				return err
			}
			on := *field(s)
			if a != nil {
				info, err := a.conn.Auth()
				if err != nil {
					return err
				}
				on = info.On
				if field(s) == &s.asconf {
					on = info.Asconf
				}
			}
			if v.Value = 0; on {
				v.Value = 1
			}
			return nil
		}),
		set: writer(func(s *socket, v *assocValue) error {
			if _, _, err := s.settingsOf(v.AssocID); err != nil {
				return err
			}
			*field(s) = v.Value != 0
			return s.tell(nil)
		}),
	}
}

func setReusePort(s *socket, in []byte) error {
	switch {
	case s.style != oneToOne:
		return unix.EOPNOTSUPP
	case s.port() != 0:
		return unix.EFAULT // so says Linux
	case len(in) < 4:
		return unix.EINVAL
	}
	s.reuse = decode[int32](in) != 0
	return nil
}

// ofMany makes a get of what one-to-one sockets do not have, whatever the length.
func ofMany(get func(*socket, []byte, int) ([]byte, error)) func(*socket, []byte, int) ([]byte, error) {
	return func(s *socket, in []byte, size int) ([]byte, error) {
		if s.style == oneToOne {
			return nil, unix.EOPNOTSUPP
		}
		return get(s, in, size)
	}
}
