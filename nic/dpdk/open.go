package dpdk

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"runtime"
	"strconv"
	"unsafe"

	"github.com/trunkline-sctp/trunkline/nic"
)

// Bounds and defaults of PortSpec.
const (
	defaultDesc    = 1024 // 10 ms at 100,000 packets a second: a pause of the poller
	defaultBuffers = 8192 // per rx queue
	minBuffers     = 64
	maxBuffers     = 1 << 22
	xdpKeeps       = 4096 // packets that af_xdp takes into each queue's fill ring, on top of Buffers
	minMTU         = 576  // RFC 791: what every host must take
	maxMTU         = 9600 // beyond what jumbo NICs do
	minRoom        = 2048 + nic.DefaultHeadroom
	// frameExtra is what a frame has besides the MTU: Ethernet header, two VLAN
	// tags, FCS.
	frameExtra = 14 + 8 + 4
)

// PortSpec is what Open makes a port of. 0 is the default throughout.
type PortSpec struct {
	Name string // nic.Info.Name, unique in the process; "" is Device's name
	// Device is a PCI address ("0000:01:00.0"), or a DPDK virtual device with its
	// arguments ("net_memif0,role=server,socket=/run/x.sock"); without a number it
	// gets one. ParseDevice makes it of simpler forms.
	Device             string
	RxQueues, TxQueues int // 1 to 32; 0 is 1
	RxDesc, TxDesc     int // descriptors per queue; 0 is 1024; the device may round
	// MTU is in bytes of IP packet. 0 is the device's, or the interface's.
	MTU int
	// Logger is told when a kernel interface goes and comes back; nil is nobody.
	Logger *slog.Logger
	// Buffers is the number of packets of the port's pool: what the rx queues
	// hold, what is under way, and what waits to be sent. 0 is 8192 per rx queue.
	Buffers     int
	Promiscuous bool
}

func (s *PortSpec) check() error {
	var errs []error
	in := func(what string, v, lo, hi int) {
		if v != 0 && (v < lo || v > hi) {
			errs = append(errs, fmt.Errorf("%s %d: want %d to %d, or 0 for the default", what, v, lo, hi))
		}
	}
	in("RxQueues", s.RxQueues, 1, C.TL_MAX_QUEUES)
	in("TxQueues", s.TxQueues, 1, C.TL_MAX_QUEUES)
	in("RxDesc", s.RxDesc, 32, 32768)
	in("TxDesc", s.TxDesc, 32, 32768)
	in("MTU", s.MTU, minMTU, maxMTU)
	in("Buffers", s.Buffers, minBuffers, maxBuffers)
	if len(s.Name) > 64 {
		errs = append(errs, errors.New("the name is longer than 64 bytes"))
	}
	return errors.Join(errs...)
}

// fill puts the defaults in.
func (s *PortSpec) fill() {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&s.RxQueues, 1)
	def(&s.TxQueues, 1)
	def(&s.RxDesc, defaultDesc)
	def(&s.TxDesc, defaultDesc)
	def(&s.Buffers, defaultBuffers*s.RxQueues)
}

// Open makes a port and starts it. Devices on kernel interfaces are opened in
// the network namespace of the calling thread and remember it.
func (e *EAL) Open(spec PortSpec) (*Port, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	fail := func(err error) (*Port, error) {
		return nil, fmt.Errorf("dpdk: port %s (%s): %w", spec.Name, spec.Device, err)
	}
	if err := spec.check(); err != nil {
		return fail(err)
	}
	spec.fill()
	dev, err := parseDevargs(spec.Device)
	if err != nil {
		return nil, err
	}
	if dev.kind == kindRing {
		return fail(errors.New("a ring has two ends: use OpenRingPair"))
	}
	if dev.kind == kindPCI && !e.opt.PCI {
		return fail(errors.New("DPDK was started without PCI: set Options.PCI"))
	}
	if dev.unnamed() {
		dev.name = e.freeName(dev.kind)
	}
	if err := e.claim(&spec, dev); err != nil {
		return fail(err)
	}
	if err := prepare(dev, &spec); err != nil {
		return fail(err)
	}
	id, err := probe(dev)
	if err != nil {
		return fail(err)
	}
	p, err := e.finish(dev, spec, id, nil)
	if err != nil {
		return fail(err)
	}
	return p, nil
}

// claim settles the port's name, and sees that the device is not in use.
func (e *EAL) claim(spec *PortSpec, dev *device) error {
	if spec.Name == "" {
		spec.Name = dev.name
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return errors.New("DPDK is closed")
	}
	for _, p := range e.ports {
		if p.spec.Name == spec.Name {
			return errors.New("the name is taken by another port")
		}
		if p.dev.kind != kindRing && p.dev.name == dev.name {
			return fmt.Errorf("the device is open already as port %s", p.spec.Name)
		}
		// The PMD has one record per socket, made by the first port of the
		// process that names it, and listens only if that is a server.
		if isMemifServer(dev) && p.dev.kind == kindMemif && !isMemifServer(p.dev) && p.dev.args.get("socket") == dev.args.get("socket") {
			return fmt.Errorf("port %s is a client on the same socket: in one process, open the server first, and close it last", p.spec.Name)
		}
	}
	return nil
}

func probe(dev *device) (C.uint16_t, error) {
	args := C.CString(dev.devargs())
	name := C.CString(dev.name)
	defer C.free(unsafe.Pointer(args))
	defer C.free(unsafe.Pointer(name))
	var ids [1]C.uint16_t
	var ce C.struct_tl_error
	logClear()
	if C.tl_probe(args, name, &ids[0], 1, &ce) < 0 {
		return 0, wrap(&ce, probeHint(dev))
	}
	return ids[0], nil
}

// finish configures and starts what was probed. If it fails, the device is gone.
func (e *EAL) finish(dev *device, spec PortSpec, id C.uint16_t, w *wire) (*Port, error) {
	c := C.tl_port_new(id)
	if c == nil {
		return nil, errors.New("out of memory")
	}
	p := &Port{eal: e, dev: dev, spec: spec, c: c, wire: w}
	p.h = C.uintptr_t(uintptr(unsafe.Pointer(c)))
	p.link = (*uint64)(unsafe.Pointer(&c.link))
	runtime.AddCleanup(p, func(c *C.struct_tl_port) { C.tl_port_delete(c) }, c)
	if err := p.configure(); err != nil {
		var ce C.struct_tl_error
		p.closed.Store(true)
		C.tl_port_close(c, &ce)
		if p.pool != nil {
			e.forget(p)
		}
		return nil, err
	}
	p.back = startComeback(p)
	if err := p.watchLink(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	var fds []int
	if p.watch != nil {
		index, _ := p.watch.at()
		fds = p.findKernelSockets(index)
	}
	e.mu.Lock()
	e.ports, p.sockets.fds = append(e.ports, p), fds
	e.mu.Unlock()
	p.startTending()
	return p, nil
}

func (p *Port) configure() error {
	s := &p.spec
	var ce C.struct_tl_error
	var lo, hi C.uint16_t
	logClear()
	if C.tl_port_describe(p.c, &lo, &hi, &ce) != 0 {
		return wrap(&ce, "")
	}
	iface := p.dev.netIface() != ""
	if s.MTU != 0 && !iface && (s.MTU < int(lo) || s.MTU > int(hi)) {
		return fmt.Errorf("MTU %d: the device does %d to %d", s.MTU, lo, hi)
	}
	mtu := s.MTU
	if mtu == 0 {
		mtu = int(p.c.mtu)
	}
	if err := p.makePool(mtu); err != nil {
		return err
	}
	conf := p.conf()
	if isMemifServer(p.dev) {
		conf.listens = C.CString(p.dev.args.get("socket"))
		defer C.free(unsafe.Pointer(conf.listens))
	}
	if C.tl_port_open(p.c, &conf, &ce) != 0 {
		return wrap(&ce, configureHint(p))
	}
	p.adopt()
	if p.dev.kind == kindAFXDP {
		p.pool.lost = p.pool.out()
		p.pool.doubtful = xdpKeeps / 2 * s.TxQueues
	}
	return nil
}

// conf is what the device is asked to be.
func (p *Port) conf() C.struct_tl_conf {
	s, kind := &p.spec, p.dev.kind
	iface := p.dev.netIface() != ""
	conf := C.struct_tl_conf{
		nrx: C.uint16_t(s.RxQueues), ntx: C.uint16_t(s.TxQueues),
		rx_desc: C.uint16_t(s.RxDesc), tx_desc: C.uint16_t(s.TxDesc),
		mtu: C.uint16_t(s.MTU),
	}
	conf.promiscuous = flag(s.Promiscuous)
	conf.fixed_mtu = flag(iface)
	conf.reap = flag(kind == kindAFXDP)
	conf.interrupts = flag(kind.interrupts)
	switch kind {
	case kindMemif:
		conf.serial = C.TL_SERIAL
		conf.may_wait = flag(!isMemifServer(p.dev))
	case kindVirtio:
		conf.serial = C.TL_SERIAL_STOP
	}
	conf.kick = flag(kind == kindAFPacket)
	conf.carrier_pushed = flag(iface && kind.pushed)
	return conf
}

func (p *Port) makePool(mtu int) (err error) {
	buffers := p.spec.Buffers
	if p.dev.kind == kindAFXDP {
		buffers += xdpKeeps * p.spec.RxQueues
	}
	size := (mtu + frameExtra + 63) &^ 63
	if p.dev.kind == kindAFPacket {
		// The PMD wants room for as much as a frame of its ring may hold.
		if n, err := strconv.Atoi(p.dev.args.get("framesz")); err == nil && n < math.MaxUint16-nic.DefaultHeadroom {
			size = max(size, n)
		}
	}
	// af_xdp receives nothing into packets of a stack (DPDK 22.11).
	stack := p.dev.kind != kindAFXDP
	p.pool, err = newPool(buffers, max(minRoom, size+nic.DefaultHeadroom), int(p.c.socket), stack)
	if err == nil {
		p.c.pool = p.pool.c
	}
	return err
}

func flag(b bool) C.uint8_t {
	if b {
		return 1
	}
	return 0
}

// adopt copies what the C side knows.
func (p *Port) adopt() {
	caps := uint32(p.c.caps)
	p.maxFrame = int(p.c.max_frame)
	p.polled = p.wire == nil && p.c.carrier_pushed == 0 // the link of a ring changes by SetLink alone
	info := nic.Info{
		Name:     p.spec.Name,
		Driver:   C.GoString(&p.c.driver[0]),
		MTU:      int(p.c.mtu),
		RxQueues: p.spec.RxQueues,
		TxQueues: p.spec.TxQueues,
		Socket:   int(p.c.socket),
		Caps: nic.Capabilities{
			RxSCTPChecksum: caps&C.TL_CAP_RX_SCTP != 0,
			TxSCTPChecksum: caps&C.TL_CAP_TX_SCTP != 0,
			RxIPChecksum:   caps&C.TL_CAP_RX_IP != 0,
			TxIPChecksum:   caps&C.TL_CAP_TX_IP != 0,
			RSSSCTP:        caps&C.TL_CAP_RSS_SCTP != 0,
			// tap's PMD has the interrupt and passes nothing on.
			LinkInterrupt: !p.polled || caps&C.TL_CAP_LSC != 0 && p.dev.kind != kindTap,
		},
	}
	if info.MAC = p.deviceMAC(); info.MAC == [6]byte{} {
		info.MAC = randomMAC()
	}
	p.info.Store(&info)
	p.rx = makeQueues(unsafe.Slice(p.c.rx, p.spec.RxQueues))
	p.tx = makeQueues(unsafe.Slice(p.c.tx, p.spec.TxQueues))
}

func (p *Port) deviceMAC() (mac [6]byte) {
	for i, b := range p.c.mac {
		mac[i] = byte(b)
	}
	return mac
}

func makeQueues(c []C.struct_tl_queue) []queue {
	q := make([]queue, len(c))
	for i := range c {
		q[i].h = C.uintptr_t(uintptr(unsafe.Pointer(&c[i])))
		q[i].d = &c[i].desc
	}
	return q
}

// randomMAC is a locally administered unicast address, for devices without one.
func randomMAC() (m [6]byte) {
	r := rand.Uint64()
	for i := range m {
		m[i] = byte(r >> (8 * i))
	}
	m[0] = m[0]&^1 | 2
	return m
}

// OpenRingPair makes two ports joined by rings in memory, as by a cable: what
// one sends the other receives, by reference; when one goes down or is closed
// the other's link goes down too. Both get spec, whose Name and Device are
// ignored; RxQueues and TxQueues must be equal, queue n leads to queue n.
func (e *EAL) OpenRingPair(nameA, nameB string, spec PortSpec) (a, b *Port, err error) {
	fail := func(err error) (*Port, *Port, error) {
		return nil, nil, fmt.Errorf("dpdk: ring pair %s, %s: %w", nameA, nameB, err)
	}
	if err := spec.check(); err != nil {
		return fail(err)
	}
	spec.fill()
	if spec.RxQueues != spec.TxQueues {
		return fail(errors.New("RxQueues and TxQueues must be equal"))
	}
	if nameA == nameB || nameA == "" || nameB == "" {
		return fail(errors.New("two different names are needed"))
	}
	specs := [2]PortSpec{spec, spec}
	specs[0].Name, specs[1].Name = nameA, nameB
	for i := range specs {
		if err := e.claim(&specs[i], &device{kind: kindRing}); err != nil {
			return fail(err)
		}
	}
	w, ids, err := e.makeWire(&spec)
	if err != nil {
		return fail(err)
	}
	for i := range specs {
		dev := &device{kind: kindRing, name: "net_ring"}
		if w.ports[i], err = e.finish(dev, specs[i], ids[i], w); err != nil {
			w.abandon(ids, i)
			return fail(err)
		}
		w.open++
	}
	C.tl_ring_join(w.ports[0].c, w.ports[1].c)
	return w.ports[0], w.ports[1], nil
}
