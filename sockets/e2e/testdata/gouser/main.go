// Command ngap is a Go program as people write it on github.com/ishidawataru/sctp, after the manner of the N2 interface
// (3GPP TS 38.412): "server IP,IP PORT" echoes, "client IP PORT COUNT" calls it and checks what comes back.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ishidawataru/sctp"
)

// ngapPPID is NGAP's payload protocol identifier.
const ngapPPID = 60

const patience = 20 * time.Second

var initMsg = sctp.InitMsg{NumOstreams: 4, MaxInstreams: 4, MaxAttempts: 4, MaxInitTimeout: 8000}

func main() {
	log.SetFlags(0)
	at, err := sctp.ResolveSCTPAddr("sctp", strings.ReplaceAll(os.Args[2], ",", "/")+":"+os.Args[3])
	must(err)
	if os.Args[1] == "server" {
		serve(at)
	}
	count, err := strconv.Atoi(os.Args[4])
	must(err)
	call(at, count)
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func serve(at *sctp.SCTPAddr) {
	ln, err := sctp.ListenSCTPExt("sctp", at, initMsg)
	must(err)
	fmt.Println("listening", ln.Addr())
	for {
		conn, err := ln.AcceptSCTP()
		must(err)
		go echo(conn)
	}
}

func echo(conn *sctp.SCTPConn) {
	defer conn.Close()
	must(conn.SubscribeEvents(sctp.SCTP_EVENT_DATA_IO))
	b := make([]byte, 65536)
	for {
		must(conn.SetReadDeadline(time.Now().Add(patience)))
		n, info, err := conn.SCTPRead(b)
		if err == io.EOF {
			return
		}
		must(err)
		if info == nil || info.PPID != ngapPPID {
			log.Fatalf("not NGAP: %+v", info)
		}
		_, err = conn.SCTPWrite(b[:n], &sctp.SndRcvInfo{Stream: info.Stream, PPID: info.PPID})
		must(err)
	}
}

func call(at *sctp.SCTPAddr, count int) {
	var notified atomic.Int64
	config := sctp.SocketConfig{InitMsg: initMsg, NotificationHandler: func([]byte) error {
		notified.Add(1)
		return nil
	}}
	conn, err := config.Dial("sctp", nil, at)
	must(err)
	must(conn.SubscribeEvents(sctp.SCTP_EVENT_DATA_IO | sctp.SCTP_EVENT_ADDRESS))
	fmt.Println("from", conn.LocalAddr(), "to", conn.RemoteAddr())
	for i := range count {
		exchange(conn, i)
	}
	deadline(conn)
	closeWhileReading(conn)
	fmt.Println("echoed", count, "notified", notified.Load())
}

func exchange(conn *sctp.SCTPConn, i int) {
	text := fmt.Sprintf("message %d", i)
	_, err := conn.SCTPWrite([]byte(text), &sctp.SndRcvInfo{Stream: uint16(i % 4), PPID: ngapPPID})
	must(err)
	must(conn.SetReadDeadline(time.Now().Add(patience)))
	b := make([]byte, 65536)
	n, info, err := conn.SCTPRead(b)
	must(err)
	if string(b[:n]) != text || info.PPID != ngapPPID || info.Stream != uint16(i%4) {
		log.Fatalf("sent %q, got %q, %+v", text, b[:n], info)
	}
}

// deadline: a read that nobody answers ends in time.
func deadline(conn net.Conn) {
	must(conn.SetReadDeadline(time.Now().Add(time.Millisecond)))
	_, err := conn.Read(make([]byte, 1))
	var timeout net.Error
	if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
		log.Fatalf("after the deadline: %v", err)
	}
	must(conn.SetReadDeadline(time.Time{}))
}

// closeWhileReading: a read that waits ends.
func closeWhileReading(conn net.Conn) {
	ended := make(chan error)
	go func() {
		_, err := conn.Read(make([]byte, 1))
		ended <- err
	}()
	must(conn.Close())
	if err := <-ended; err == nil {
		log.Fatal("read from a closed connection")
	}
}
