package main

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
)

// goAPI is goroutines that use the dataplane as Go programs do.
type goAPI struct{ d *dataplane.Dataplane }

func (g goAPI) run(kind string, size int, d time.Duration) (result, error) {
	if kind == "iperf3" {
		return result{}, errNotItsKind
	}
	local := &dataplane.Addr{IPs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
	l, err := g.d.Listen(local, nil)
	if err != nil {
		return result{}, err
	}
	defer l.Close()
	before := ownCPU()
	client, err := g.d.Dial(context.Background(), local, l.Addr().(*dataplane.Addr), nil)
	if err != nil {
		return result{}, err
	}
	server, err := l.Accept()
	if err != nil {
		return result{}, err
	}
	done := make(chan error, 1)
	var r result
	if kind == "pingpong" {
		go func() { done <- echo(server.(*dataplane.Conn)) }()
		err = pingPong(client, size, d, &r)
		err = errors.Join(err, client.Close(), <-done)
	} else {
		go func() { done <- stream(client, size, d) }()
		err = receive(server.(*dataplane.Conn), &r)
		err = errors.Join(err, <-done)
	}
	_ = server.Close()
	<-client.Done()
	<-server.(*dataplane.Conn).Done()
	r.cpu = ownCPU() - before
	return r, err
}

func stream(c *dataplane.Conn, size int, d time.Duration) error {
	b := make([]byte, size)
	end := time.Now().Add(d)
	for i := 0; i%64 != 0 || time.Now().Before(end); i++ {
		if err := c.Send(b, &dataplane.Message{}); err != nil {
			return err
		}
	}
	return c.Close()
}

func receive(c *dataplane.Conn, r *result) error {
	b := make([]byte, 65536)
	var begin time.Time
	for {
		if _, err := c.Recv(b, &dataplane.Message{}); err == io.EOF {
			r.elapsed = time.Since(begin)
			return nil
		} else if err != nil {
			return err
		}
		if r.count == 0 {
			begin = time.Now()
		}
		r.count++
	}
}

func pingPong(c *dataplane.Conn, size int, d time.Duration, r *result) error {
	b := make([]byte, size)
	begin := time.Now()
	for ; r.count%64 != 0 || time.Since(begin) < d; r.count++ {
		if err := c.Send(b, &dataplane.Message{}); err != nil {
			return err
		}
		if _, err := c.Recv(b, &dataplane.Message{}); err != nil {
			return err
		}
	}
	r.elapsed = time.Since(begin)
	return nil
}

func echo(c *dataplane.Conn) error {
	b := make([]byte, 65536)
	for {
		n, err := c.Recv(b, &dataplane.Message{})
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = c.Send(b[:n], &dataplane.Message{})
		}
		if err != nil {
			return err
		}
	}
}
