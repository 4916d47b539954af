package demo

import (
	"fmt"
	"io"
)

// maxMissing bounds the gaps that a stream's account remembers, in messages.
// What is missing beyond it and comes later still counts as a duplicate, so a
// run that passes it fails all the same.
const maxMissing = 1 << 16

// Verifier accounts for every message of a run. One goroutine may use it.
type Verifier struct {
	streams []account
	corrupt uint64
	first   error // the first corrupt message's fault
}

// account is one stream's: which numbers have come.
type account struct {
	next       uint64 // every number below was received, or is in missing
	missing    map[uint64]struct{}
	received   uint64 // different messages
	duplicated uint64
	outOfOrder uint64
}

// Tally is the outcome of a run, in messages.
type Tally struct {
	Sent       uint64 `json:"sent"`
	Received   uint64 `json:"received"`
	Lost       uint64 `json:"lost"`
	Duplicated uint64 `json:"duplicated"`
	OutOfOrder uint64 `json:"out_of_order"`
	Corrupt    uint64 `json:"corrupt"`
}

// Clean tells whether every message came once, in order and unharmed.
func (t Tally) Clean() bool {
	return t.Sent > 0 && t.Received == t.Sent && t.Lost == 0 && t.Duplicated == 0 && t.OutOfOrder == 0 && t.Corrupt == 0
}

// faults says what is not clean.
func (t Tally) faults() (all []string) {
	for _, c := range []struct {
		n    uint64
		what string
	}{{t.Lost, "lost"}, {t.Duplicated, "duplicated"}, {t.OutOfOrder, "out of order"}, {t.Corrupt, "corrupt"}} {
		if c.n > 0 {
			all = append(all, fmt.Sprintf("%d messages %s", c.n, c.what))
		}
	}
	if t.Sent == 0 {
		all = append(all, "no message was sent")
	}
	return all
}

// Write writes the tally's lines of a plain result block.
func (t Tally) Write(w io.Writer) {
	fmt.Fprintf(w, "  messages sent      %12d\n", t.Sent)
	fmt.Fprintf(w, "  messages received  %12d\n", t.Received)
	fmt.Fprintf(w, "  lost               %12d\n", t.Lost)
	fmt.Fprintf(w, "  duplicated         %12d\n", t.Duplicated)
	fmt.Fprintf(w, "  out of order       %12d\n", t.OutOfOrder)
	if t.Corrupt > 0 {
		fmt.Fprintf(w, "  corrupt            %12d\n", t.Corrupt)
	}
}

// NewVerifier makes a verifier of streams 0 to streams-1.
func NewVerifier(streams int) *Verifier {
	return &Verifier{streams: make([]account, streams)}
}

// Check takes in one received message and the stream it came on.
func (v *Verifier) Check(stream uint16, msg []byte) {
	number, err := parseMessage(msg, stream)
	if err == nil && int(stream) >= len(v.streams) {
		err = errStream
	}
	if err != nil {
		v.corrupt++
		if v.first == nil {
			v.first = err
		}
		return
	}
	v.streams[stream].add(number)
}

func (a *account) add(number uint64) {
	switch {
	case number == a.next:
		a.next++
	case number > a.next:
		if a.missing == nil {
			a.missing = map[uint64]struct{}{}
		}
		for n := a.next; n < number && len(a.missing) < maxMissing; n++ {
			a.missing[n] = struct{}{}
		}
		a.next = number + 1
	default:
		if _, ok := a.missing[number]; !ok {
			a.duplicated++
			return
		}
		delete(a.missing, number)
		a.outOfOrder++
	}
	a.received++
}

// Tally compares with how many messages were sent on each stream.
func (v *Verifier) Tally(sent []uint64) Tally {
	t := Tally{Corrupt: v.corrupt}
	for i, s := range sent {
		t.Sent += s
		a := account{}
		if i < len(v.streams) {
			a = v.streams[i]
		}
		t.Received += a.received
		t.Duplicated += a.duplicated
		t.OutOfOrder += a.outOfOrder
		if a.received < s {
			t.Lost += s - a.received
		}
	}
	return t
}
