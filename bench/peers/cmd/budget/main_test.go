package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestShare(t *testing.T) {
	s := share(strings.NewReader(`File: ours.test
      flat  flat%   sum%        cum   cum%
     300ms 30.00% 30.00%      300ms 30.00%  /x/sctpcore/wire/crc32c/crc32c_amd64.s
     500ms 50.00% 80.00%      900ms 90.00%  /x/sctpcore/sack.go
     100ms 10.00% 90.00%      100ms 10.00%  /x/sctpcore/sack.go (inline)
     100ms 10.00%   100%      100ms 10.00%  /go/src/runtime/proc.go
         0     0%   100%      900ms 90.00%  /x/sctpcore/wheel.go
`))
	sum := 0.0
	for _, v := range s {
		sum += v
	}
	require.InDelta(t, 1, sum, 1e-9)
	require.InDelta(t, 0.3, s[stageOf("/x/sctpcore/wire/crc32c/y.go")], 1e-9)
	require.InDelta(t, 0.6, s[stageOf("/x/sctpcore/sack.go")], 1e-9)
	require.InDelta(t, 0.1, s[len(s)-1], 1e-9)
}

func TestCost(t *testing.T) {
	ns, packets, err := cost("BenchmarkStages/stream/size=1400-2  11563786  321.8 ns/op  1.250 packets/op  0 B/op  0 allocs/op")
	require.NoError(t, err)
	require.Equal(t, []float64{321.8, 1.25}, []float64{ns, packets})
	for _, bad := range []string{"PASS", "BenchmarkX-2  1  5 ns/op  0 packets/op"} {
		_, _, err = cost(bad)
		require.Error(t, err)
	}
}

func TestCell(t *testing.T) {
	require.Equal(t, " 10.0 (26) |", cell(10, 2600))
	require.Equal(t, " 10.0 |", cell(10, 0))
}
