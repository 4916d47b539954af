package ports

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
)

func TestSplitDevices(t *testing.T) {
	for list, want := range map[string][]string{
		"ring": {"ring"},
		"memif:role=server,socket=/a,memif:role=client,socket=/a,id=1": {"memif:role=server,socket=/a", "memif:role=client,socket=/a,id=1"},
		"0000:01:00.0,0000:01:00.1,a=b":                                {"0000:01:00.0", "0000:01:00.1,a=b"},
		"af:00.0,x=1,0000:af:00.1":                                     {"af:00.0,x=1", "0000:af:00.1"},
		"pci:0000:01:00.0,af_packet:eth0,tap:x,vhost:/v":               {"pci:0000:01:00.0", "af_packet:eth0", "tap:x", "vhost:/v"},
	} {
		require.Equal(t, want, SplitDevices(list), list)
	}
}

func TestPCIDevices(t *testing.T) {
	for device, want := range map[string]bool{
		"pci:01:00.0": true, "01:00.0": true, "af:00.0": true, "0000:AF:1f.7,representor=0": true,
		"ring": false, "af_packet:eth0": false, "tap:0": false, "memif:role=server,socket=/1:2.3": false,
	} {
		require.Equal(t, want, isPCI(device), device)
	}
}

func TestRigClosesInReverseAndGoesOnAfterErrors(t *testing.T) {
	r := New(Memory{})
	var order []int
	for i := range 3 {
		r.onClose(func() error {
			order = append(order, i)
			if i == 1 {
				return errors.New("the middle one")
			}
			return nil
		})
	}
	require.EqualError(t, r.Close(), "the middle one")
	require.Equal(t, []int{2, 1, 0}, order)
	require.NoError(t, r.Close())
	require.Len(t, order, 3)
}

func TestMemoryPairIsACable(t *testing.T) {
	r := New(Memory{})
	a, b, err := r.Pair(Cable{Kind: "mem", NameA: "x", NameB: "y"})
	require.NoError(t, err)
	require.Equal(t, "x", a.Info().Name)
	require.Equal(t, "y", b.Info().Name)
	var p [1]*nic.Packet
	require.Equal(t, 1, a.Alloc(p[:]))
	copy(p[0].Append(64), "hello")
	require.Equal(t, 1, a.TxBurst(0, p[:]))
	require.Equal(t, 1, b.RxBurst(0, p[:]))
	require.Equal(t, "hello", string(p[0].Data()[:5]))
	nic.Free(p[:])
	require.NoError(t, r.Close())
}

func TestUnknownKind(t *testing.T) {
	_, _, err := New(Memory{}).Pair(Cable{Kind: "pigeon", NameA: "x", NameB: "y"})
	require.ErrorContains(t, err, `device "pigeon": not a kind of cable`)
}

func TestCPUs(t *testing.T) {
	require.NotEmpty(t, CPUs())
}
