package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// watch ties a port to the kernel interface that it sits on.
type watch struct {
	port *Port
	hub  *linkHub
	// The hub's lock guards name and index; 0 is that the interface is gone.
	name  string
	index int
}

// linkHub listens for the link changes of one network namespace. There is one
// per namespace that has ports, started with the first and stopped with the last.
type linkHub struct {
	ns   netns.NsHandle
	key  string
	nl   *netlink.Handle
	stop chan struct{}

	mu      sync.Mutex
	watches map[int][]*watch // by interface index
	refs    int
}

var (
	hubsMu sync.Mutex
	hubs   = map[string]*linkHub{}
)

// watchLink subscribes the port to its interface's changes, if it has one. The
// calling thread is in the interface's namespace.
func (p *Port) watchLink() error {
	name := p.dev.netIface()
	if name == "" || !p.dev.kind.pushed {
		return nil
	}
	hub, err := hubHere()
	if err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	link, err := hub.nl.LinkByName(name)
	if err != nil {
		hub.release()
		return fmt.Errorf("netlink: %s: %w", name, err)
	}
	w := &watch{port: p, name: name, index: link.Attrs().Index, hub: hub}
	p.watch = w
	hub.add(w)
	// Looked up again: what changed in between was told to nobody.
	if link, err = hub.nl.LinkByIndex(link.Attrs().Index); err == nil {
		w.first(link)
	}
	return nil
}

// hubHere is the hub of the calling thread's namespace, with a reference.
func hubHere() (*linkHub, error) {
	hubsMu.Lock()
	defer hubsMu.Unlock()
	ns, err := netns.Get()
	if err != nil {
		return nil, err
	}
	key := ns.UniqueId()
	if h := hubs[key]; h != nil {
		ns.Close()
		h.refs++
		return h, nil
	}
	nl, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		ns.Close()
		return nil, err
	}
	h := &linkHub{ns: ns, key: key, nl: nl, stop: make(chan struct{}), watches: map[int][]*watch{}, refs: 1}
	updates, err := h.subscribe()
	if err != nil {
		nl.Close()
		ns.Close()
		return nil, err
	}
	hubs[key] = h
	go h.run(updates)
	return h, nil
}

func (h *linkHub) release() {
	hubsMu.Lock()
	defer hubsMu.Unlock()
	h.refs--
	if h.refs > 0 {
		return
	}
	delete(hubs, h.key)
	close(h.stop)
	h.nl.Close()
	h.ns.Close()
}

func (h *linkHub) subscribe() (chan netlink.LinkUpdate, error) {
	updates := make(chan netlink.LinkUpdate, 64)
	options := netlink.LinkSubscribeOptions{
		ErrorCallback: func(error) {}, // it closes updates too, and run sees that
	}
	// Entering a namespace takes CAP_SYS_ADMIN, even where one is already.
	if here, err := netns.Get(); err == nil {
		if !here.Equal(h.ns) {
			options.Namespace = &h.ns
		}
		here.Close()
	}
	if err := netlink.LinkSubscribeWithOptions(updates, h.stop, options); err != nil {
		return nil, err
	}
	return updates, nil
}

// resyncInterval is how long a link may be believed wrongly if the kernel's word
// of it was lost.
const resyncInterval = time.Second

// follow hands updates to the ports until the subscription ends; with none, which
// is nil, it looks the links up once.
func (h *linkHub) follow(updates chan netlink.LinkUpdate) {
	again := time.NewTicker(resyncInterval)
	defer again.Stop()
	for {
		select {
		case u, open := <-updates:
			if !open {
				return
			}
			h.update(u)
		case <-again.C:
			hubsMu.Lock() // release closes what is used here
			if h.refs > 0 {
				h.resync()
			}
			hubsMu.Unlock()
			if updates == nil {
				return
			}
		}
	}
}

// run follows the links. The subscription ends by itself when the kernel's queue
// overflows: then it is renewed, as soon as that succeeds, and every link looked up.
func (h *linkHub) run(updates chan netlink.LinkUpdate) {
	for {
		h.follow(updates)
		hubsMu.Lock() // release closes what is used here
		if h.refs == 0 {
			hubsMu.Unlock()
			return
		}
		updates, _ = h.subscribe()
		h.resync()
		hubsMu.Unlock()
	}
}

// resync looks every interface up.
func (h *linkHub) resync() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for index, ws := range maps.Clone(h.watches) {
		for _, w := range slices.Clone(ws) {
			if index == 0 {
				w.port.back.call()
			} else {
				w.state(h.nl.LinkByIndex(index))
			}
		}
	}
}

func (h *linkHub) update(u netlink.LinkUpdate) {
	if u.IfInfomsg.Family != unix.AF_UNSPEC {
		return // a bridge tells of its ports: that one left it is no end of an interface
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var err error
	if u.Header.Type == unix.RTM_DELLINK {
		err = netlink.LinkNotFoundError{}
	}
	for _, w := range slices.Clone(h.watches[u.Attrs().Index]) {
		w.state(u.Link, err)
	}
	for _, w := range h.watches[0] {
		w.port.back.call()
	}
}

// add follows an interface, which the caller looks up afterwards.
func (h *linkHub) add(w *watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watches[w.index] = append(h.watches[w.index], w)
}

// put has a watch follow another interface; 0 is none. The hub's lock is held.
func (h *linkHub) put(w *watch, index int) {
	h.watches[w.index] = slices.DeleteFunc(h.watches[w.index], func(o *watch) bool { return o == w })
	if len(h.watches[w.index]) == 0 {
		delete(h.watches, w.index)
	}
	w.index = index
	h.watches[index] = append(h.watches[index], w)
}

// running is whether frames can pass: up, with carrier, and not dormant.
func running(l netlink.Link) bool {
	const want = unix.IFF_UP | unix.IFF_RUNNING
	return l.Attrs().RawFlags&want == want
}

// state tells the port how its interface is, which was looked up. The hub's lock is held, so
// the port is open.
func (w *watch) state(l netlink.Link, err error) {
	if gone := (netlink.LinkNotFoundError{}); errors.As(err, &gone) || err == nil && !w.port.standsOn(w.index) {
		w.carrier(false)
		w.hub.put(w, 0)
		w.port.lost()
		return
	}
	w.carrier(err == nil && running(l))
}

// carrier tells the port. The hub's lock is held.
func (w *watch) carrier(up bool) { C.tl_link_carrier(w.port.c, C.int(flag(up)), 0) }

// first is the state at opening, which counts as no change.
func (w *watch) first(l netlink.Link) {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.carrier(running(l))
	C.tl_link_first(w.port.c)
}

// at is the index of the interface, 0 if it is gone, and its name. The hub's lock is not held.
func (w *watch) at() (index int, name string) {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	return w.index, w.name
}

// set takes the interface up or down.
func (w *watch) set(up bool) error {
	index, name := w.at()
	if err := w.setIndex(index, up); err != nil {
		return fmt.Errorf("interface %s: %w", name, err)
	}
	return nil
}

func (w *watch) setIndex(index int, up bool) error {
	if index == 0 {
		return errGone
	}
	link, err := w.hub.nl.LinkByIndex(index)
	if err != nil {
		return err
	}
	if up {
		err = w.hub.nl.LinkSetUp(link)
	} else {
		err = w.hub.nl.LinkSetDown(link)
	}
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%w: CAP_NET_ADMIN is needed", err)
	}
	return err
}

// inNamespace calls f on a thread that is in the interface's namespace, as PMDs
// that look interfaces up by name or index expect. A nil watch does not mind.
func (w *watch) inNamespace(f func()) {
	if w == nil {
		f()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if here, err := netns.Get(); err == nil {
		defer here.Close()
		if !here.Equal(w.hub.ns) && netns.Set(w.hub.ns) == nil {
			// Cannot fail: it worked in the other direction.
			defer netns.Set(here)
		}
	}
	f()
}

// unwatch ends the subscription of a port that is closing.
func (p *Port) unwatch() {
	w := p.watch
	if w == nil {
		return
	}
	w.hub.mu.Lock()
	w.hub.watches[w.index] = slices.DeleteFunc(w.hub.watches[w.index], func(o *watch) bool { return o == w })
	w.hub.mu.Unlock()
	w.hub.release()
}
