package dataplane

import (
	"net"
	"net/netip"

	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// listenKey is where a worker listens: of one listener it has an entry for each address.
type listenKey struct {
	port uint16
	addr wire.Addr
}

// listening is what a worker knows of a listener.
type listening struct {
	l   *Listener
	opt *AssocOptions
}

func (o *AssocOptions) listenParams(locals []wire.Addr) *sctpcore.ListenParams {
	return &sctpcore.ListenParams{Locals: locals, InStreams: o.InStreams, OutStreams: o.OutStreams,
		ReceiveBuffer: o.ReceiveBuffer, Timers: o.Timers, Params: o.Params, Extensions: o.Extensions}
}

// listen registers a listener with the worker's endpoint.
func (w *worker) listen(l *Listener, ips []netip.Addr, opt *AssocOptions) error {
	if w.draining {
		return net.ErrClosed
	}
	locals := wireAddrs(ips)
	if err := w.core.Listen(l.b.port, opt.listenParams(locals)); err != nil {
		return err
	}
	for _, addr := range locals {
		w.listeners[listenKey{l.b.port, addr}] = listening{l, opt}
	}
	return nil
}

// listenAs changes what associations get that a listener accepts.
func (w *worker) listenAs(l *Listener, at wire.Addr, opt *AssocOptions) error {
	if err := w.core.SetListener(l.b.port, at, opt.listenParams(nil)); err != nil {
		return err
	}
	for k, here := range w.listeners {
		if here.l == l {
			w.listeners[k] = listening{l, opt}
		}
	}
	return nil
}

// listenAlso adds addresses to a listener that is known by the address at.
func (w *worker) listenAlso(l *Listener, at wire.Addr, ips []netip.Addr) error {
	for _, addr := range wireAddrs(ips) {
		if err := w.core.AddLocal(l.b.port, at, addr); err != nil {
			return err
		}
		w.listeners[listenKey{l.b.port, addr}] = w.listeners[listenKey{l.b.port, at}]
	}
	return nil
}

// listenLess takes addresses, not all of them, from the listener on a port.
func (w *worker) listenLess(port uint16, ips []netip.Addr) error {
	for _, addr := range wireAddrs(ips) {
		if err := w.core.RemoveLocal(port, addr); err != nil {
			return err
		}
		delete(w.listeners, listenKey{port, addr})
	}
	return nil
}

func (w *worker) unlisten(l *Listener) {
	for k, here := range w.listeners {
		if here.l == l {
			w.core.Unlisten(k.port, k.addr)
			delete(w.listeners, k)
		}
	}
}
