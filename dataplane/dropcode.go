package dataplane

import (
	"reflect"
	"slices"

	"github.com/trunkline-sctp/trunkline/dataplane/inet"
	"github.com/trunkline-sctp/trunkline/nic/tape"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// DropCode is a reason of Dataplane.Drops: its place there, counted from 1. 0 is none.
type DropCode uint8

// DropCodes are reasons for which one frame was dropped, then zeros.
type DropCodes [tape.MaxReasons]uint8

// DropCodeOf is the code of a reason by its name in Dataplane.Drops, 0 if there is none.
func DropCodeOf(name string) DropCode {
	return DropCode(1 + slices.IndexFunc(dropReasons(), func(c DropCount) bool { return c.Name == name }))
}

// String is the reason's name in Dataplane.Drops.
func (c DropCode) String() string {
	if all := dropReasons(); c != 0 && int(c) <= len(all) {
		return all[c-1].Name
	}
	return "none"
}

// Any tells whether there is a reason.
func (c DropCodes) Any() bool { return c[0] != 0 }

// Has tells whether a reason is among them.
func (c DropCodes) Has(code DropCode) bool { return code != 0 && slices.Contains(c[:], uint8(code)) }

// All is the reasons there are.
func (c DropCodes) All() (codes []DropCode) {
	for _, x := range c {
		if x != 0 {
			codes = append(codes, DropCode(x))
		}
	}
	return codes
}

// Where the codes of each layer begin.
const (
	firstOwn  = DropCode(1)
	firstInet = firstOwn + DropCode(numDrops)
	firstCore = firstInet + DropCode(inet.NumDrops) - 1 // DropNone is none
)

func codeOf(d Drop) DropCode          { return firstOwn + DropCode(d) }
func inetCodeOf(d inet.Drop) DropCode { return firstInet + DropCode(d) - 1 }

// moved is the reasons for which a received frame was dropped, given the counts after
// it. What is counted beside a frame that is not its fault is left out: datagrams
// given up for its sake, and frames of ours, which are told of where they are dropped.
func (m *dropMarks) moved(own, ip []uint64, core *sctpcore.Drops) (codes DropCodes) {
	n := 0
	add := func(code DropCode) {
		if n < len(codes) {
			codes[n] = uint8(code)
			n++
		}
	}
	for _, d := range [...]Drop{DropChecksum, DropNoBuffer} {
		if own[d] != m.own[d] {
			add(codeOf(d))
		}
	}
	for i := range ip {
		switch d := inet.Drop(i); d {
		case inet.DropFragmentEvicted, inet.DropFragmentTimeout, inet.DropNeighbourQueue, inet.DropNeighbourDead:
		default:
			if ip[i] != m.inet[i] {
				add(inetCodeOf(d))
			}
		}
	}
	if *core != m.core {
		before, after := reflect.ValueOf(&m.core).Elem(), reflect.ValueOf(core).Elem()
		for i := range after.NumField() {
			if before.Field(i).Uint() != after.Field(i).Uint() {
				add(firstCore + DropCode(i))
			}
		}
	}
	return codes
}
