package sctp

import (
	"net"
	"os"
	"syscall"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// SocketConfig is how sockets are made. The zero value will do.
type SocketConfig struct {
	// Control, if set, is called with the socket before it is bound or connected. See the
	// package's documentation for what can be done with it.
	Control func(network, address string, c syscall.RawConn) error
	// NotificationHandler is given the notifications of the connections.
	NotificationHandler NotificationHandler
	// InitMsg is what INIT offers.
	InitMsg InitMsg
}

// DialSCTP makes an association from laddr (nil: any addresses and port) to raddr, whose
// addresses are tried in turn.
func DialSCTP(network string, laddr, raddr *SCTPAddr) (*SCTPConn, error) {
	return (&SocketConfig{}).Dial(network, laddr, raddr)
}

// DialSCTPExt is DialSCTP with an InitMsg.
func DialSCTPExt(network string, laddr, raddr *SCTPAddr, options InitMsg) (*SCTPConn, error) {
	return (&SocketConfig{InitMsg: options}).Dial(network, laddr, raddr)
}

// Dial is DialSCTP with this configuration.
func (cfg *SocketConfig) Dial(network string, laddr, raddr *SCTPAddr) (*SCTPConn, error) {
	if raddr == nil || len(raddr.IPAddrs) == 0 {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.EDESTADDRREQ}
	}
	af, only6 := family(network, laddr, raddr)
	k, err := cfg.open(network, af, only6, laddr)
	if err == nil {
		if _, err = k.connect(raddr); err != nil {
			_ = k.close()
		}
	}
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: raddr, Err: err}
	}
	return &SCTPConn{k: k, handler: cfg.NotificationHandler}, nil
}

// open makes a socket, prepares it and binds it.
func (cfg *SocketConfig) open(network string, af int, only6 bool, laddr *SCTPAddr) (*socket, error) {
	k, err := newSocket(af)
	if err != nil {
		return nil, err
	}
	for _, step := range []func() error{
		func() error {
			if af != syscall.AF_INET6 {
				return nil
			}
			return k.setOption(syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, int32s(bit(only6)))
		},
		func() error {
			if cfg.Control == nil {
				return nil
			}
			text := ""
			if laddr != nil {
				text = laddr.String()
			}
			return cfg.Control(network, text, k.raw)
		},
		func() error { return k.setOption(SOL_SCTP, SCTP_INITMSG, raw(&cfg.InitMsg)) },
		func() error {
			if laddr == nil {
				return nil
			}
			return k.bind(laddr, SCTP_BINDX_ADD_ADDR)
		},
	} {
		if err := step(); err != nil {
			_ = k.close()
			return nil, err
		}
	}
	return k, nil
}

func bit(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// bind is sctp_bindx; without addresses it is the wildcard of the socket's family.
func (k *socket) bind(a *SCTPAddr, flags int) error {
	ips := a.IPAddrs
	if len(ips) == 0 {
		ips = []net.IPAddr{{IP: net.IPv6unspecified}}
		if k.domain == syscall.AF_INET {
			ips = []net.IPAddr{{IP: net.IPv4zero}}
		}
	}
	name := SCTP_SOCKOPT_BINDX_ADD
	switch flags {
	case SCTP_BINDX_ADD_ADDR:
	case SCTP_BINDX_REM_ADDR:
		name = SCTP_SOCKOPT_BINDX_REM
	default:
		return os.NewSyscallError("bindx", syscall.EINVAL)
	}
	return k.setOption(SOL_SCTP, name, (&SCTPAddr{IPAddrs: ips, Port: a.Port}).ToRawSockAddrBuf())
}

// SCTPBind adds addresses to a descriptor of this package (SCTP_BINDX_ADD_ADDR), or takes
// them away (SCTP_BINDX_REM_ADDR).
func SCTPBind(fd int, addr *SCTPAddr, flags int) error {
	k, err := ofDescriptor(fd)
	if err != nil {
		return err
	}
	defer k.close()
	return k.bind(addr, flags)
}

// SCTPConnect begins an association on a descriptor of this package, waits until it is up, and
// returns its identifier.
func SCTPConnect(fd int, addr *SCTPAddr) (int, error) {
	k, err := ofDescriptor(fd)
	if err != nil {
		return 0, err
	}
	defer k.close()
	return k.connect(addr)
}

// SCTPListener accepts associations. It is a net.Listener.
type SCTPListener struct {
	k       *socket
	handler NotificationHandler
}

var _ net.Listener = (*SCTPListener)(nil)

// backlog is how many associations may wait for AcceptSCTP; the server has a
// limit of its own.
const backlog = 4096

// ListenSCTP listens at laddr; nil or no addresses: at all; port 0: an ephemeral one.
func ListenSCTP(network string, laddr *SCTPAddr) (*SCTPListener, error) {
	return (&SocketConfig{}).Listen(network, laddr)
}

// ListenSCTPExt is ListenSCTP with an InitMsg.
func ListenSCTPExt(network string, laddr *SCTPAddr, options InitMsg) (*SCTPListener, error) {
	return (&SocketConfig{InitMsg: options}).Listen(network, laddr)
}

// Listen is ListenSCTP with this configuration.
func (cfg *SocketConfig) Listen(network string, laddr *SCTPAddr) (*SCTPListener, error) {
	af, only6 := family(network, laddr)
	k, err := cfg.open(network, af, only6, laddr)
	if err == nil {
		if _, err = k.call(proto.Request{Op: proto.OpListen, Level: backlog}, nil); err != nil {
			_ = k.close()
			err = os.NewSyscallError("listen", err)
		}
	}
	if err != nil {
		e := &net.OpError{Op: "listen", Net: network, Err: err}
		if laddr != nil {
			e.Addr = laddr
		}
		return nil, e
	}
	return &SCTPListener{k: k, handler: cfg.NotificationHandler}, nil
}

// FileListener makes a listener of a listening descriptor; file stays the caller's.
func FileListener(file *os.File) (*SCTPListener, error) {
	var k *socket
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	if e := raw.Control(func(fd uintptr) { k, err = ofDescriptor(int(fd)) }); e != nil {
		return nil, e
	}
	if err != nil {
		return nil, err
	}
	return &SCTPListener{k: k}, nil
}

// AcceptSCTP waits for the next association. After Close the error is EBADF.
func (ln *SCTPListener) AcceptSCTP() (*SCTPConn, error) {
	for {
		var in [proto.FrameSize + proto.StatusSize]byte
		var f proto.Frame
		var s proto.Status
		oob := make([]byte, syscall.CmsgSpace(4))
		n, oobn, _, _, err := ln.k.data.ReadMsgUnix(in[:], oob)
		if err != nil || n == 0 {
			if err = ln.k.gone(err); err == nil {
				err = syscall.ECONNRESET
			}
			return nil, err
		}
		file := descriptor(oob[:oobn])
		payload, err := f.Decode(in[:n])
		if err == nil && f.Kind != proto.FrameAccept {
			continue // a listening socket gets nothing else
		}
		if err == nil {
			err = s.Decode(payload)
		}
		if err != nil {
			if file >= 0 {
				_ = syscall.Close(file)
			}
			return nil, err
		}
		k, err := adopt(file, &s)
		if err != nil {
			return nil, err
		}
		return &SCTPConn{k: k, handler: ln.handler}, nil
	}
}

// Accept is AcceptSCTP.
func (ln *SCTPListener) Accept() (net.Conn, error) {
	c, err := ln.AcceptSCTP()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Close ends listening; accepted associations live on.
func (ln *SCTPListener) Close() error { return ln.k.close() }

// Addr is where the listener listens; nil if it is closed.
func (ln *SCTPListener) Addr() net.Addr {
	return addrOrNil(ln.k.addresses(SCTP_GET_LOCAL_ADDRS, 0))
}

// SyscallConn gives access to the descriptor, for polling.
func (ln *SCTPListener) SyscallConn() (syscall.RawConn, error) { return ln.k.raw, nil }
