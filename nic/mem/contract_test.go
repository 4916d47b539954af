package mem

import (
	"testing"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/nictest"
)

func TestContract(t *testing.T) {
	for name, opts := range map[string]Options{
		"defaults":     {},
		"jumbo":        {MTU: 9000, Buffers: 512},
		"queues":       {Queues: 3, Depth: 100},
		"backpressure": {Backpressure: true, Depth: 64},
		"small pool":   {Buffers: 100},
		"clocked":      {BitsPerSecond: 10e9, Latency: 1000},
		"offloads": {
			A: Side{Caps: nic.Capabilities{TxSCTPChecksum: true, TxIPChecksum: true}},
			B: Side{Caps: nic.Capabilities{RxSCTPChecksum: true, RxIPChecksum: true}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			nictest.Run(t, func(*testing.T) (a, b nic.Port) { return NewPair(opts) })
		})
	}
}
