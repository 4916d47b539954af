package sockets

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// structures are the C structures that ours stand for.
var structures = []struct {
	c string
	v any
}{
	{"struct sctp_rtoinfo", rtoInfo{}}, {"struct sctp_assocparams", assocParams{}}, {"struct sctp_initmsg", initMsg{}},
	{"struct sctp_prim", prim{}}, {"struct sctp_paddrparams", peerAddrParams{}}, {"struct sctp_sndrcvinfo", sndRcvInfo{}},
	{"struct sctp_sndinfo", sndInfo{}}, {"struct sctp_default_prinfo", defaultPRInfo{}}, {"struct sctp_assoc_value", assocValue{}},
	{"struct sctp_sack_info", sackInfo{}}, {"struct sctp_paddrinfo", pathInfo{}}, {"struct sctp_status", assocStatus{}},
	{"struct sctp_paddrthlds", thresholds{}}, {"struct sctp_paddrthlds_v2", thresholdsV2{}}, {"struct sctp_assoc_stats", assocStats{}},
	{"struct sctp_authkey", authKeyHeader{}}, {"struct sctp_authkeyid", authKeyID{}}, {"struct sctp_authchunks", authChunksHeader{}},
	{"struct sctp_stream_value", streamValue{}}, {"struct sctp_prstatus", prStatus{}}, {"struct sctp_udpencaps", udpEncaps{}},
	{"struct sctp_probeinterval", probeInterval{}},
	{"struct sctp_event", eventChoice{}}, {"struct linger", linger{}},
	{"struct sctp_assoc_change", assocChange{}}, {"struct sctp_paddr_change", peerAddrChange{}}, {"struct sctp_remote_error", remoteError{}},
	{"struct sctp_send_failed", sendFailed{}}, {"struct sctp_send_failed_event", sendFailedEvent{}},
	{"struct sctp_shutdown_event", shutdownEvent{}}, {"struct sctp_adaptation_event", adaptationEvent{}},
	{"struct sctp_pdapi_event", partialEvent{}}, {"struct sctp_authkey_event", authEvent{}}, {"struct sctp_sender_dry_event", senderDryEvent{}},
}

// constants are names of linux/sctp.h and the numbers that we hold them for.
var constants = map[string]int{
	"SCTP_RTOINFO": optRTOInfo, "SCTP_ASSOCINFO": optAssocInfo, "SCTP_INITMSG": optInitMsg, "SCTP_NODELAY": optNoDelay,
	"SCTP_AUTOCLOSE": optAutoclose, "SCTP_SET_PEER_PRIMARY_ADDR": optSetPeerPrimaryAddr, "SCTP_PRIMARY_ADDR": optPrimaryAddr,
	"SCTP_ADAPTATION_LAYER": optAdaptationLayer, "SCTP_DISABLE_FRAGMENTS": optDisableFragments,
	"SCTP_PEER_ADDR_PARAMS": optPeerAddrParams, "SCTP_DEFAULT_SEND_PARAM": optDefaultSendParam, "SCTP_EVENTS": optEvents,
	"SCTP_I_WANT_MAPPED_V4_ADDR": optWantMappedV4, "SCTP_MAXSEG": optMaxSeg, "SCTP_STATUS": optStatus,
	"SCTP_GET_PEER_ADDR_INFO": optPeerAddrInfo, "SCTP_DELAYED_SACK": optDelayedSACK, "SCTP_CONTEXT": optContext,
	"SCTP_FRAGMENT_INTERLEAVE": optFragmentInterleave, "SCTP_PARTIAL_DELIVERY_POINT": optPartialDeliveryPoint,
	"SCTP_MAX_BURST": optMaxBurst, "SCTP_AUTH_CHUNK": optAuthChunk, "SCTP_HMAC_IDENT": optHMACIdent, "SCTP_AUTH_KEY": optAuthKey,
	"SCTP_AUTH_ACTIVE_KEY": optAuthActiveKey, "SCTP_AUTH_DELETE_KEY": optAuthDeleteKey,
	"SCTP_PEER_AUTH_CHUNKS": optPeerAuthChunks, "SCTP_LOCAL_AUTH_CHUNKS": optLocalAuthChunks,
	"SCTP_GET_ASSOC_NUMBER": optAssocNumber, "SCTP_GET_ASSOC_ID_LIST": optAssocIDList, "SCTP_AUTO_ASCONF": optAutoAsconf,
	"SCTP_PEER_ADDR_THLDS": optPeerAddrThresholds, "SCTP_RECVRCVINFO": optRecvRcvInfo, "SCTP_RECVNXTINFO": optRecvNxtInfo,
	"SCTP_DEFAULT_SNDINFO": optDefaultSndInfo, "SCTP_AUTH_DEACTIVATE_KEY": optAuthDeactivateKey, "SCTP_REUSE_PORT": optReusePort,
	"SCTP_PEER_ADDR_THLDS_V2": optPeerAddrThresholdsV2, "SCTP_SOCKOPT_BINDX_ADD": optBindxAdd, "SCTP_SOCKOPT_BINDX_REM": optBindxRemove,
	"SCTP_GET_PEER_ADDRS": optGetPeerAddrs, "SCTP_GET_LOCAL_ADDRS": optGetLocalAddrs, "SCTP_GET_ASSOC_STATS": optAssocStats,
	"SCTP_PR_SUPPORTED": optPRSupported, "SCTP_DEFAULT_PRINFO": optDefaultPRInfo, "SCTP_RECONFIG_SUPPORTED": optReconfigSupported,
	"SCTP_STREAM_SCHEDULER": optStreamScheduler, "SCTP_INTERLEAVING_SUPPORTED": optInterleavingSupported, "SCTP_EVENT": optEvent,
	"SCTP_ASCONF_SUPPORTED": optAsconfSupported, "SCTP_AUTH_SUPPORTED": optAuthSupported, "SCTP_ECN_SUPPORTED": optECNSupported,
	"SCTP_PR_ASSOC_STATUS": optPRAssocStatus, "SCTP_PR_STREAM_STATUS": optPRStreamStatus, "SCTP_ENABLE_STREAM_RESET": optEnableStreamReset,
	"SCTP_RESET_STREAMS": optResetStreams, "SCTP_RESET_ASSOC": optResetAssoc, "SCTP_ADD_STREAMS": optAddStreams,
	"SCTP_STREAM_SCHEDULER_VALUE": optStreamSchedulerValue, "SCTP_REMOTE_UDP_ENCAPS_PORT": optRemoteUDPEncapsPort,
	"SCTP_PLPMTUD_PROBE_INTERVAL":          optPLPMTUDProbeInterval,
	"SCTP_EXPOSE_POTENTIALLY_FAILED_STATE": optExposePFState,
	"SCTP_FUTURE_ASSOC":                    futureAssoc, "SCTP_CURRENT_ASSOC": currentAssoc, "SCTP_ALL_ASSOC": allAssoc,
	"SCTP_UNORDERED": sndUnordered, "SCTP_ADDR_OVER": sndAddrOver, "SCTP_ABORT": sndAbort, "SCTP_SACK_IMMEDIATELY": sndSackNow,
	"SCTP_PR_SCTP_MASK": sndPRMask, "SCTP_SENDALL": sndAll, "SCTP_EOF": sndEOF, "MSG_NOTIFICATION": msgNotification,
	"SCTP_DATA_IO_EVENT": snDataIO, "SCTP_ASSOC_CHANGE": snAssocChange, "SCTP_PEER_ADDR_CHANGE": snPeerAddrChange,
	"SCTP_SEND_FAILED": snSendFailed, "SCTP_REMOTE_ERROR": snRemoteError, "SCTP_SHUTDOWN_EVENT": snShutdownEvent,
	"SCTP_PARTIAL_DELIVERY_EVENT": snPartialDelivery, "SCTP_ADAPTATION_INDICATION": snAdaptation,
	"SCTP_AUTHENTICATION_EVENT": snAuthentication, "SCTP_SENDER_DRY_EVENT": snSenderDry, "SCTP_STREAM_RESET_EVENT": snStreamReset,
	"SCTP_ASSOC_RESET_EVENT": snAssocReset, "SCTP_STREAM_CHANGE_EVENT": snStreamChange, "SCTP_SEND_FAILED_EVENT": snSendFailedEvent,
	"SCTP_COMM_UP": sacCommUp, "SCTP_COMM_LOST": sacCommLost, "SCTP_RESTART": sacRestart, "SCTP_SHUTDOWN_COMP": sacShutdownComp,
	"SCTP_CANT_STR_ASSOC": sacCantStart, "SCTP_ADDR_AVAILABLE": spcAvailable, "SCTP_ADDR_UNREACHABLE": spcUnreachable,
	"SCTP_ADDR_REMOVED": spcRemoved, "SCTP_ADDR_ADDED": spcAdded, "SCTP_ADDR_MADE_PRIM": spcMadePrimary,
	"SCTP_ADDR_CONFIRMED": spcConfirmed, "SCTP_ADDR_PF": spcPotentiallyFailed, "SCTP_FAILED_THRESHOLD": snErrFailedThreshold,
	"SCTP_RECEIVED_SACK": snErrReceivedSACK, "SCTP_HEARTBEAT_SUCCESS": snErrHeartbeatSuccess,
	"SCTP_AUTH_NEW_KEY": authNewKey, "SCTP_AUTH_FREE_KEY": authFreeKey, "SCTP_AUTH_NO_AUTH": authNoAuth,
	"SCTP_INACTIVE": spinfoInactive, "SCTP_PF": spinfoPF, "SCTP_ACTIVE": spinfoActive, "SCTP_UNCONFIRMED": spinfoUnconfirmed,
	"SPP_HB_ENABLE": sppHBEnable, "SPP_HB_DISABLE": sppHBDisable, "SPP_HB_DEMAND": sppHBDemand, "SPP_PMTUD_ENABLE": sppPMTUDEnable,
	"SPP_PMTUD_DISABLE": sppPMTUDDisable, "SPP_SACKDELAY_ENABLE": sppSACKDelayOn, "SPP_SACKDELAY_DISABLE": sppSACKDelayOff,
	"SPP_HB_TIME_IS_ZERO": sppHBTimeIsZero, "SPP_IPV6_FLOWLABEL": sppIPv6FlowLabel, "SPP_DSCP": sppDSCP,
	"SOL_SOCKET": solSocket, "IPPROTO_IP": solIP, "IPPROTO_IPV6": solIPv6, "IPPROTO_SCTP": solSCTP,
}

// TestStructsAreTheCompilers holds sizes, offsets and constants to what a C
// program sees.
func TestStructsAreTheCompilers(t *testing.T) {
	skip := t.Skipf
	if os.Getenv("CI") == "true" {
		skip = t.Fatalf
	}
	cc, err := exec.LookPath("cc")
	if err != nil {
		skip("there is no C compiler: apt-get install gcc libc6-dev")
	}
	if _, err := os.Stat("/usr/include/netinet/sctp.h"); err != nil {
		skip("there is no netinet/sctp.h: apt-get install libsctp-dev")
	}
	var src, want strings.Builder
	src.WriteString("#include <netinet/in.h>\n#include <netinet/sctp.h>\n#include <stddef.h>\n#include <stdio.h>\nint main(void) {\n")
	for _, h := range structures {
		typ := reflect.TypeOf(h.v)
		fmt.Fprintf(&src, "printf(\"%s %%zu\\n\", sizeof(%s));\n", h.c, h.c)
		fmt.Fprintf(&want, "%s %d\n", h.c, binary.Size(h.v))
		at := 0
		for i := range typ.NumField() {
			f := typ.Field(i)
			if c := f.Tag.Get("c"); c != "" {
				fmt.Fprintf(&src, "printf(\"%s.%s %%zu\\n\", offsetof(%s, %s));\n", h.c, c, h.c, c)
				fmt.Fprintf(&want, "%s.%s %d\n", h.c, c, at)
			}
			at += binary.Size(reflect.Zero(f.Type).Interface())
		}
	}
	for name, value := range constants {
		fmt.Fprintf(&src, "printf(\"%s %%d\\n\", (int)%s);\n", name, name)
		fmt.Fprintf(&want, "%s %d\n", name, value)
	}
	src.WriteString("return 0; }\n")
	dir := t.TempDir()
	file, program := filepath.Join(dir, "offsets.c"), filepath.Join(dir, "offsets")
	require.NoError(t, os.WriteFile(file, []byte(src.String()), 0o600))
	out, err := exec.Command(cc, "-o", program, file).CombinedOutput()
	require.NoError(t, err, "%s", out)
	got, err := exec.Command(program).Output()
	require.NoError(t, err)
	require.Equal(t, want.String(), string(got))
}
