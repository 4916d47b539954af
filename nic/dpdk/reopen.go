package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"net"
	"slices"
	"strconv"

	"github.com/vishvananda/netns"
)

// What becomes of a port whose kernel interface is taken away: its link goes down, and its
// device, whose packet sockets are on no interface for ever, rests. When an interface that
// the port's device names is there again and up, another device is opened on it and put in the place of
// the old one. The port keeps its queues, packets and counters; its MAC may be another.

// errGone: there is no interface, or it is not up: who makes one gives it its MAC and MTU first.
var errGone = errors.New("it is gone; the port is opened again when it is up")

// errMoved: the interface that was found is not the one that was opened.
var errMoved = errors.New("its packet sockets are not to be found: it changed meanwhile, or /proc cannot be read")

// comeback is the goroutine that opens an af_packet port again. nil is none.
type comeback struct {
	calls, stop, done chan struct{}
}

func startComeback(p *Port) *comeback {
	if p.dev.kind != kindAFPacket {
		return nil
	}
	b := &comeback{calls: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	go p.comeBack(b)
	return b
}

// call has the port opened again, soon.
func (b *comeback) call() {
	if b == nil {
		return
	}
	select {
	case b.calls <- struct{}{}:
	default: // it is called already
	}
}

// end waits for what is under way, and has nothing follow.
func (b *comeback) end() {
	if b != nil {
		close(b.stop)
		<-b.done
	}
}

// comeBack looks for the interface whenever it is called, which is at every change of an
// interface and once a second, and opens the port again. Of failures that are alike only the first
// is told.
func (p *Port) comeBack(b *comeback) {
	defer close(b.done)
	told := ""
	for {
		select {
		case <-b.stop:
			return
		case <-b.calls:
		}
		switch err := p.reopen(); {
		case errors.Is(err, errGone):
		case err == nil:
			told = ""
		case err.Error() != told && p.spec.Logger != nil:
			told = err.Error()
			p.spec.Logger.Warn("interface is back, but the port cannot be opened on it; trying every second", "port", p.spec.Name, "error", err)
		}
	}
}

// lost tells that the interface is gone.
func (p *Port) lost() {
	if p.spec.Logger == nil {
		return
	}
	then := "its port stays down until the process starts again"
	if p.back != nil {
		then = "its port is down until it is back"
	}
	p.spec.Logger.Warn("interface is gone", "port", p.spec.Name, "interface", p.watch.name, "then", then)
}

// reopen puts the port on the interface that its device names now, unless it is on one.
func (p *Port) reopen() error {
	w := p.watch
	if index, _ := w.at(); index != 0 {
		return nil
	}
	var on *net.Interface
	var err error
	w.inNamespace(func() {
		if on, err = p.findAgain(); err == nil {
			err = p.replaceDevice(on)
		}
	})
	if err != nil {
		return err
	}
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.name = on.Name
	w.hub.put(w, on.Index)
	if p.spec.Logger != nil {
		p.spec.Logger.Info("interface is back, port opened again", "port", p.spec.Name, "interface", on.Name, "mac", on.HardwareAddr.String())
	}
	// Looked up again: what changed in between was told to nobody.
	w.state(w.hub.nl.LinkByIndex(on.Index))
	return nil
}

// findAgain is the interface that the port's device names now, which fits the port. The thread is
// to be in the interface's namespace.
func (p *Port) findAgain() (*net.Interface, error) {
	here, err := netns.Get()
	if err != nil {
		return nil, err
	}
	defer here.Close()
	if !here.Equal(p.watch.hub.ns) {
		return nil, errors.New("its network namespace cannot be entered; CAP_SYS_ADMIN is needed")
	}
	dev, spec := *p.dev, p.spec
	if dev.findInterface() != nil {
		return nil, errGone
	}
	i, err := net.InterfaceByName(dev.netIface())
	if err != nil || i.Flags&net.FlagUp == 0 {
		return nil, errGone
	}
	return i, checkInterface(&dev, &spec)
}

// replaceDevice opens another device on an interface and closes the one that the port was on.
// The thread is to be in the interface's namespace.
func (p *Port) replaceDevice(on *net.Interface) error {
	dev := *p.dev
	dev.name = p.eal.freeName(dev.kind)
	dev.args.put(dev.kind.iface, on.Name)
	id, err := probe(&dev)
	if err != nil {
		return err
	}
	conf := p.conf()
	var ce C.struct_tl_error
	logClear()
	if C.tl_spare_open(p.c, id, &conf, &ce) != 0 {
		return errors.Join(wrap(&ce, configureHint(p)), unplug(id))
	}
	fds := p.findKernelSockets(on.Index)
	if strconv.Itoa(len(fds)) != dev.args.get("qpairs") {
		return errors.Join(errMoved, unplug(id))
	}
	if err := unplug(p.moveTo(id, &dev, fds)); err != nil && p.spec.Logger != nil {
		p.spec.Logger.Warn("the device of the interface that is gone was not closed", "port", p.spec.Name, "error", err)
	}
	return nil
}

// moveTo puts the port on a device that runs, and returns the one that is over: a port that
// is being closed stays where it is.
func (p *Port) moveTo(id C.uint16_t, dev *device, fds []int) C.uint16_t {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		return id
	}
	var d C.struct_tl_stats
	C.tl_port_stats(p.c, &d)
	p.past.imissed += d.imissed
	p.past.ierrors += d.ierrors
	p.past.oerrors += d.oerrors
	p.past.rx_nombuf += d.rx_nombuf
	p.sockets.missed()
	old := C.tl_port_move(p.c, id)
	info := p.Info()
	if mac := p.deviceMAC(); mac != [6]byte{} {
		info.MAC = mac
	}
	p.info.Store(&info)
	p.eal.mu.Lock()
	defer p.eal.mu.Unlock()
	p.sockets.fds, p.dev.name, p.dev.args = fds, dev.name, dev.args
	return old
}

func unplug(id C.uint16_t) error {
	var ce C.struct_tl_error
	logClear()
	if C.tl_unplug(id, &ce) != 0 {
		return wrap(&ce, "the device may need a restart of the process")
	}
	return nil
}

// freeName is a device name of a kind that no port has.
func (e *EAL) freeName(k *kind) string {
	for {
		name := k.drivers[0] + strconv.Itoa(e.nextSerial()+100)
		e.mu.Lock()
		taken := slices.ContainsFunc(e.ports, func(p *Port) bool { return p.dev.name == name })
		e.mu.Unlock()
		if !taken {
			return name
		}
	}
}
