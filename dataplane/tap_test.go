package dataplane

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/fault"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/nic/tape"
	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

func newTap(t testing.TB, d *Dataplane, o TapOptions) *Tap {
	t.Helper()
	tap, err := d.Tap(o)
	require.NoError(t, err)
	t.Cleanup(tap.Close)
	return tap
}

// taken is what a Tap has, with copies of the data.
func taken(tap *Tap) (frames []Frame) {
	for f, ok := tap.Next(); ok; f, ok = tap.Next() {
		f.Data = slices.Clone(f.Data)
		frames = append(frames, f)
	}
	return frames
}

// notCopied is a Tap's count over all ports.
func notCopied(tap *Tap) (sum TapCount) {
	for i := range tap.ports {
		c := tap.Count(i)
		sum.Filtered += c.Filtered
		sum.Missed += c.Missed
	}
	return sum
}

// told is what a Tap says of frames, a line for each.
func told(d *Dataplane, frames []Frame) (lines []string) {
	for i := range frames {
		f := &frames[i]
		line := d.TapPorts()[f.Port].Name + " rx"
		if f.Tx {
			line = d.TapPorts()[f.Port].Name + " tx"
		}
		for _, c := range f.Drops.All() {
			line += " " + c.String()
		}
		lines = append(lines, line)
	}
	return lines
}

func (r *rawPeer) packet(tag uint32, chunks ...byte) []byte {
	return r.frame(r.ip(layers.IPProtocolSCTP), &layers.SCTP{SrcPort: 5000, DstPort: 7, VerificationTag: tag}, gopacket.Payload(chunks))
}

// an INIT from port 5000 with tag 99.
var initChunk = []byte{1, 0, 0, 20, 0, 0, 0, 99, 0, 1, 0, 0, 0, 10, 0, 10, 0, 0, 0, 1}

// TestTapTellsWhatBecameOfEachFrame: every layer's reasons, each at its frame, in a burst.
func TestTapTellsWhatBecameOfEachFrame(t *testing.T) {
	for _, workers := range []int{1, 2} {
		t.Run(fmt.Sprintf("workers=%d", workers), func(t *testing.T) {
			r := newRawPeer(t, workers)
			tap := newTap(t, r.d, TapOptions{})
			elsewhere := r.frame(r.ip(layers.IPProtocolSCTP), gopacket.Payload("x"))
			elsewhere[5] ^= 1
			broken := r.packet(1, 11, 0, 0, 4)
			broken[14+20+8] ^= 1
			short := r.frame(r.ip(layers.IPProtocolSCTP), gopacket.Payload(make([]byte, 8)))
			quote := r.frame(r.ip(layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, 2)},
				gopacket.Payload([]byte{0x45, 0, 0, 28, 0, 0, 0, 0, 64, 132, 0, 0, 10, 0, 1, 1, 10, 0, 1, 2, 0, 7, 0x13, 0x88, 0, 0, 0, 1}))
			binary.BigEndian.PutUint16(quote[14+20+8+10:], ipChecksum(quote[14+20+8:14+20+8+20]))
			binary.BigEndian.PutUint16(quote[14+20+2:], 0)
			binary.BigEndian.PutUint16(quote[14+20+2:], ipChecksum(quote[14+20:]))
			echo := r.frame(r.ip(layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0)}, gopacket.Payload("ping"))
			sent := [][]byte{
				r.arp(layers.ARPRequest), elsewhere, broken, echo, short, quote,
				r.packet(0, initChunk...), r.packet(0, 11, 0, 0, 4), r.packet(5, 6, 0, 0, 4),
				r.frame(r.ip(layers.IPProtocolUDP), gopacket.Payload("?")),
			}
			want := []string{
				"rx", "rx inet_not_our_mac", "rx dataplane_sctp_checksum", "rx", "rx dataplane_sctp_checksum", "rx sctp_bad_icmp",
				"rx", "rx sctp_zero_tag", "rx sctp_out_of_blue",
				"rx inet_unknown_protocol",
			}
			r.exchange(sent...)
			frames := taken(tap)
			seen := make(map[string][]string)
			for i, line := range told(r.d, frames) {
				if !frames[i].Tx {
					require.Equal(t, len(frames[i].Data), frames[i].Length)
					seen[string(frames[i].Data)] = append(seen[string(frames[i].Data)], line)
				}
			}
			for i, f := range sent {
				require.Equal(t, []string{r.ours.Info().Name + " " + want[i]}, seen[string(f)], "frame %d, as it came in", i)
			}
			for _, name := range []string{"inet_not_our_mac", "sctp_bad_icmp", "sctp_zero_tag", "sctp_out_of_blue", "inet_unknown_protocol"} {
				require.EqualValues(t, 1, dropCount(t, r.d, name), name)
			}
			var types []layers.ICMPv4TypeCode
			for _, f := range frames {
				if l := gopacket.NewPacket(f.Data, layers.LayerTypeEthernet, gopacket.Default).Layer(layers.LayerTypeICMPv4); f.Tx && l != nil {
					types = append(types, l.(*layers.ICMPv4).TypeCode)
				}
			}
			require.ElementsMatch(t, []layers.ICMPv4TypeCode{layers.CreateICMPv4TypeCode(0, 0), layers.CreateICMPv4TypeCode(3, 2)}, types)
		})
	}
}

func ipChecksum(b []byte) uint16 {
	sum := uint32(0)
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// TestTapTellsWhatIsDroppedOnTheWayOut: packets without a route, for neighbours that do not
// answer, and beyond a tx queue.
func TestTapTellsWhatIsDroppedOnTheWayOut(t *testing.T) {
	r := newRawPeer(t, 1)
	tap := newTap(t, r.d, TapOptions{Match: func(f *Frame) bool { return f.Tx && f.Drops.Any() }})
	far := r.ip(layers.IPProtocolSCTP)
	far.SrcIP = net.IP{192, 0, 2, 1}
	r.exchange(r.frame(far, &layers.SCTP{SrcPort: 5000, DstPort: 7}, gopacket.Payload(initChunk)))
	frames := taken(tap)
	require.Equal(t, []string{"none tx dataplane_no_route"}, told(r.d, frames))
	p := gopacket.NewPacket(frames[0].Data, layers.LayerTypeIPv4, gopacket.Default)
	require.Nil(t, p.ErrorLayer())
	require.Equal(t, "192.0.2.1", p.Layer(layers.LayerTypeIPv4).(*layers.IPv4).DstIP.String())
	require.EqualValues(t, 99, p.Layer(layers.LayerTypeSCTP).(*layers.SCTP).VerificationTag)
	require.True(t, wire.VerifyChecksum(frames[0].Data[20:]))

	for range 20 { // its ABORTs wait for ARP, which never answers
		r.exchange(r.packet(0, initChunk...))
	}
	for dropCount(t, r.d, "inet_neighbour_dead") == 0 {
		r.now += 1e8
		r.exchange()
	}
	reasons := map[string]uint64{}
	for _, line := range told(r.d, taken(tap)) {
		reasons[line]++
	}
	name := r.ours.Info().Name
	require.Equal(t, map[string]uint64{
		name + " tx inet_neighbour_queue": dropCount(t, r.d, "inet_neighbour_queue"),
		name + " tx inet_neighbour_dead":  dropCount(t, r.d, "inet_neighbour_dead"),
	}, reasons)
	require.Positive(t, tap.Count(0).Filtered)

	// The next one does not wait, since nobody is there.
	dead := dropCount(t, r.d, "inet_neighbour_dead")
	r.exchange(r.packet(0, initChunk...))
	require.Equal(t, []string{name + " tx inet_neighbour_dead"}, told(r.d, taken(tap)))
	require.Equal(t, dead+1, dropCount(t, r.d, "inet_neighbour_dead"))
}

// TestTapTellsWhatHasNoRoom: packets that no headers can be put before, no addresses suit, or
// that are cut when there is no buffer for the pieces.
func TestTapTellsWhatHasNoRoom(t *testing.T) {
	r := newRawPeer(t, 1)
	r.exchange(r.arp(layers.ARPRequest))
	tap := newTap(t, r.d, TapOptions{})
	w := r.d.workers[0]
	p := &w.ports[0]
	sctp := make([]byte, 1000)
	wire.PutHeader(sctp, 7, 5000, 99)
	us, them := wire.AddrFrom(addrOf(0, 0, false).Addr()), wire.AddrFrom(addrOf(1, 0, false).Addr())
	six := wire.AddrFrom(addrOf(0, 0, true).Addr())
	send := func(headroom int, o sctpcore.Outbound) {
		pkt := p.copyOf(sctp)
		require.NotNil(t, pkt)
		pkt.Prepend(pkt.Headroom() - headroom)
		o.N = len(sctp)
		w.forward(&o, pkt)
	}
	tells := func(line string) []byte {
		t.Helper()
		got := taken(tap)
		require.Equal(t, []string{line}, told(r.d, got))
		return got[0].Data
	}
	send(10, sctpcore.Outbound{Src: us, Dst: them})
	ip := gopacket.NewPacket(tells("none tx dataplane_no_headroom"), layers.LayerTypeIPv4, gopacket.Default).NetworkLayer().(*layers.IPv4)
	require.Equal(t, []string{"10.0.1.1", "10.0.1.2"}, []string{ip.SrcIP.String(), ip.DstIP.String()})
	send(100, sctpcore.Outbound{Src: six, Dst: them})
	tells("none tx dataplane_no_source")

	e := w.answerTo(&sctpcore.Outbound{Src: us, Dst: them}, nil)
	pkt := p.copyOf(sctp)
	held := make([]*nic.Packet, mem.DefaultBuffers)
	n := p.nic.Alloc(held)
	w.sendCut(e, pkt, 596)
	nic.Free(held[:n])
	require.Len(t, tells(p.info.Name+" tx dataplane_no_buffer"), 14+596, "the first piece")
	for _, name := range []string{"dataplane_no_headroom", "dataplane_no_source", "dataplane_no_buffer"} {
		require.EqualValues(t, 1, dropCount(t, r.d, name), name)
	}
}

// TestTapTellsOfAFullTxQueue: what a port does not take in time.
func TestTapTellsOfAFullTxQueue(t *testing.T) {
	r := newRawPeer(t, 1)
	tap := newTap(t, r.d, TapOptions{Match: func(f *Frame) bool { return f.Drops.Any() }})
	p := &r.d.workers[0].ports[0]
	p.port.nic = jammed{p.nic}
	r.exchange(r.arp(layers.ARPRequest))
	got := taken(tap)
	require.Equal(t, []string{p.info.Name + " tx dataplane_tx_ring_full"}, told(r.d, got))
	require.EqualValues(t, 1, dropCount(t, r.d, "dataplane_tx_ring_full"))
	arp := gopacket.NewPacket(got[0].Data, layers.LayerTypeEthernet, gopacket.Default).Layer(layers.LayerTypeARP)
	require.EqualValues(t, layers.ARPReply, arp.(*layers.ARP).Operation)

	// Beyond what is kept for it within a turn.
	w := r.d.workers[0]
	for range outCapacity + 3 {
		w.sendFrame(p, r.arp(layers.ARPRequest))
	}
	require.Equal(t, slices.Repeat([]string{p.info.Name + " tx dataplane_tx_ring_full"}, 3), told(r.d, taken(tap)))
	r.exchange()
	require.Len(t, taken(tap), outCapacity)
	require.EqualValues(t, 1+outCapacity+3, dropCount(t, r.d, "dataplane_tx_ring_full"))
}

// TestTapTellsWhatCannotBeHandedOnOrCopied: frames for a tx queue of another worker that does
// not keep up, and frames for which there is no buffer.
func TestTapTellsWhatCannotBeHandedOnOrCopied(t *testing.T) {
	r := newRawPeer(t, 2)
	tap := newTap(t, r.d, TapOptions{BufferBytes: 1 << 20})
	w := r.d.workers[1]
	p, frame := &w.ports[0], r.arp(layers.ARPRequest)
	require.NotNil(t, p.txVia)
	const more = 10
	for range handOverRing + more {
		w.sendFrame(p, frame)
		w.flush()
	}
	held := make([]*nic.Packet, mem.DefaultBuffers)
	n := p.nic.Alloc(held)
	w.sendFrame(p, frame)
	nic.Free(held[:n])
	want := slices.Repeat([]string{p.info.Name + " tx dataplane_tx_hand_over_full"}, more)
	frames := taken(tap)
	require.Equal(t, append(want, p.info.Name+" tx dataplane_no_buffer"), told(r.d, frames))
	require.Equal(t, frame, frames[more].Data)
	for range handOverRing/nic.MaxBurst + 1 {
		r.now += 1e6
		r.d.Step()
	}
	require.Len(t, taken(tap), handOverRing, "the others were sent by their worker")
}

// jammed is a port that takes nothing.
type jammed struct{ nic.Port }

func (jammed) TxBurst(int, []*nic.Packet) int { return 0 }

// TestTapTellsWhatFindsAFullRing: packets for another worker that does not keep up.
func TestTapTellsWhatFindsAFullRing(t *testing.T) {
	r := newRawPeer(t, 2)
	tap := newTap(t, r.d, TapOptions{})
	var burst [][]byte
	for range 2 * handOverRing / 32 {
		burst = burst[:0]
		for range 32 { // tags of worker 1; the queue is worker 0's
			burst = append(burst, r.packet(1<<31|5, 11, 0, 0, 4))
		}
		for _, f := range burst {
			var one [1]*nic.Packet
			require.Equal(t, 1, r.port.Alloc(one[:]))
			copy(one[0].Append(len(f)), f)
			require.Equal(t, 1, r.port.TxBurst(0, one[:]))
		}
		r.d.StepWorker(0)
	}
	got := told(r.d, taken(tap))
	require.EqualValues(t, handOverRing, dropCount(t, r.d, "dataplane_hand_over_full"))
	require.Len(t, got, handOverRing, "the others are told of by their worker")
	require.Equal(t, r.ours.Info().Name+" rx dataplane_hand_over_full", got[0])
	for range handOverRing/nic.MaxBurst + 1 {
		r.now += 1e6
		r.d.Step()
	}
	rx := 0
	for _, f := range taken(tap) {
		if !f.Tx {
			require.Equal(t, "sctp_out_of_blue", f.Drops.All()[0].String())
			rx++
		}
	}
	require.Equal(t, handOverRing, rx)
}

// TestTapChangesNothing: a run with loss, corruption, reordering and failures is the same
// whether somebody looks or not, and what is told adds up.
func TestTapChangesNothing(t *testing.T) {
	for _, workers := range []int{1, 2} {
		t.Run(fmt.Sprintf("workers=%d", workers), func(t *testing.T) {
			run := func(look bool) string {
				s := newSimulation(t, workers, fault.Impairment{Loss: 0.02, Duplicate: 0.01, Reorder: 0.02, Corrupt: 0.01})
				var tap *Tap
				if look {
					tap = newTap(t, s.b, TapOptions{BufferBytes: 64 << 20, SnapLen: 60})
				}
				trace := s.run(t, 1000)
				if look {
					addsUp(t, s.b, taken(tap))
					require.Zero(t, notCopied(tap).Missed)
				}
				require.NoError(t, s.a.Close())
				require.NoError(t, s.b.Close())
				return trace
			}
			require.Equal(t, run(false), run(true))
		})
	}
}

// addsUp holds what a Tap told from the beginning to the ports' and the drops' counts.
func addsUp(t *testing.T, d *Dataplane, frames []Frame) {
	t.Helper()
	rx, tx := make([]uint64, len(d.ports)), make([]uint64, len(d.ports))
	reasons := make(map[string]uint64)
	for i := range frames {
		f := &frames[i]
		require.LessOrEqual(t, len(f.Data), 60)
		if i > 0 {
			require.False(t, f.Time.Before(frames[i-1].Time), "in the order of time")
		}
		switch {
		case !f.Tx:
			rx[f.Port]++
		case !f.Drops.Any():
			tx[f.Port]++
		}
		for _, c := range f.Drops.All() {
			reasons[c.String()]++
		}
	}
	for i, p := range d.ports {
		require.Equal(t, p.nic.Stats().RxPackets, rx[i], "received by %s", p.info.Name)
		// what the wrapper swallowed was sent as far as the dataplane knows
		require.GreaterOrEqual(t, tx[i], p.nic.Stats().TxPackets*9/10, "sent by %s", p.info.Name)
	}
	for _, c := range d.Drops() {
		switch {
		case c.Count == 0:
			require.Zero(t, reasons[c.Name], c.Name)
		case c.Name == "dataplane_sctp_checksum" || c.Name == "inet_not_our_mac" || c.Name == "inet_not_our_address":
			require.Equal(t, c.Count, reasons[c.Name], c.Name)
		default: // several chunks of one packet
			require.LessOrEqual(t, reasons[c.Name], c.Count, c.Name)
		}
	}
	require.NotEmpty(t, reasons)
}

// TestTapShowsWhatIsOnTheWire: checksums that ports insert are there, the loopback's too.
func TestTapShowsWhatIsOnTheWire(t *testing.T) {
	caps := nic.Capabilities{RxSCTPChecksum: true, TxSCTPChecksum: true, RxIPChecksum: true, TxIPChecksum: true}
	now := int64(1)
	l := newLab(t, labOptions{mem: mem.Options{A: mem.Side{Caps: caps}, B: mem.Side{Caps: caps}}, tune: func(_ int, c *Config) {
		c.Manual, c.Clock, c.Loopback = true, func() int64 { return now }, true
	}})
	at, bt := newTap(t, l.a, TapOptions{}), newTap(t, l.b, TapOptions{})
	lb := newTap(t, l.b, TapOptions{Match: func(f *Frame) bool { return f.Port == 1 }})
	ln, err := l.b.Listen(&Addr{Port: 7}, nil)
	require.NoError(t, err)
	_, err = l.a.Begin(nil, &Addr{IPs: []netip.Addr{addrOf(1, 0, false).Addr()}, Port: 7}, nil)
	require.NoError(t, err)
	_, err = l.b.Begin(nil, &Addr{IPs: []netip.Addr{netip.MustParseAddr("::1")}, Port: 7}, nil)
	require.NoError(t, err)
	_, err = l.b.Begin(nil, &Addr{IPs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, Port: 7}, nil)
	require.NoError(t, err)
	for range 50 {
		now += 1e6
		l.a.Step()
		l.b.Step()
	}
	for range 3 {
		require.NotNil(t, ln.TryAccept())
	}
	var out, in [][]byte
	for _, f := range taken(at) {
		if f.Tx {
			out = append(out, f.Data)
		}
	}
	for _, f := range taken(bt) {
		if !f.Tx && f.Port == 0 {
			in = append(in, f.Data)
		}
	}
	require.Equal(t, in, out)
	var sent, received [][]byte
	for _, f := range taken(lb) {
		p := gopacket.NewPacket(f.Data, layers.LayerTypeEthernet, gopacket.Default)
		require.NotNil(t, p.Layer(layers.LayerTypeSCTP))
		require.True(t, wire.VerifyChecksum(p.NetworkLayer().LayerPayload()))
		if f.Tx {
			sent = append(sent, f.Data)
		} else {
			received = append(received, f.Data)
		}
	}
	require.Equal(t, sent, received)
	require.Greater(t, len(sent), 8)
}

// TestTapsComeAndGo while workers on threads carry traffic.
func TestTapsComeAndGo(t *testing.T) {
	l := newLab(t, labOptions{mem: mem.Options{Queues: 2}, tune: func(_ int, c *Config) { c.CPUs = []int{-1, -1} }})
	c, s := l.connect(nil)
	traffic := func() <-chan struct{} {
		over := make(chan struct{})
		go func() {
			defer close(over)
			pump(t, c, s, 500, 3000)
		}()
		return over
	}
	over, copied := traffic(), 0
	for rounds := 1; ; {
		select {
		case <-over:
			if copied > 0 {
				return
			}
			require.Less(t, rounds, 1000, "the taps see nothing")
			over = traffic() // it was over before a tap was there
			rounds++
		default:
		}
		first, second := newTap(t, l.a, TapOptions{}), newTap(t, l.a, TapOptions{SnapLen: 20, Match: func(f *Frame) bool { return f.Tx }})
		for range 10 {
			copied += len(taken(first))
			for _, f := range taken(second) {
				require.True(t, f.Tx)
			}
		}
		first.Close()
		second.Close()
		copied += len(taken(first))
	}
}

func TestTapOptionsAndBounds(t *testing.T) {
	l, _, _, run := quietPair(t, 1)
	for _, o := range []TapOptions{{SnapLen: -1}, {BufferBytes: -1}, {BufferBytes: tape.MaxBuffer + 1}} {
		_, err := l.a.Tap(o)
		require.Error(t, err)
	}
	var taps []*Tap
	for range MaxTaps {
		taps = append(taps, newTap(t, l.a, TapOptions{}))
	}
	_, err := l.a.Tap(TapOptions{})
	require.ErrorIs(t, err, ErrTooManyTaps)
	taps[1].Close()
	taps[1].Close()
	newTap(t, l.a, TapOptions{})
	_, err = l.a.Tap(TapOptions{})
	require.ErrorIs(t, err, ErrTooManyTaps)

	require.NoError(t, l.a.Close())
	select {
	case <-taps[0].Done():
	default:
		t.Fatal("Done is not closed")
	}
	run()
	taps[0].Close()
	_, err = l.a.Tap(TapOptions{})
	require.ErrorIs(t, err, net.ErrClosed)
	for range MaxTaps {
		_, err = l.a.Tap(TapOptions{})
		require.ErrorIs(t, err, net.ErrClosed)
	}
}

// TestTapMissesAndCounts: what finds the buffer full is counted and costs no traffic.
func TestTapMissesAndCounts(t *testing.T) {
	l, c, s, run := quietPair(t, 1)
	all := newTap(t, l.b, TapOptions{BufferBytes: 64 << 20})
	small := newTap(t, l.b, TapOptions{BufferBytes: 1})
	out, in := []Message{{Data: make([]byte, 1300)}}, []Message{{Data: make([]byte, 2000)}}
	for range 1000 {
		n, err := c.TrySendBatch(out)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		run()
		n, err = s.TryRecvBatch(in)
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
	missed := notCopied(small).Missed
	require.Positive(t, missed)
	require.Zero(t, notCopied(all).Missed)
	require.EqualValues(t, len(taken(all)), uint64(len(taken(small)))+missed)
	require.Zero(t, notCopied(small).Filtered)
	run()
	small.Close()
	require.Equal(t, missed, notCopied(small).Missed)
}

func TestDropCodes(t *testing.T) {
	l, _, _, _ := quietPair(t, 1)
	drops := l.a.Drops()
	require.Less(t, len(drops), 256, "codes are bytes")
	for i, d := range drops {
		code := DropCodeOf(d.Name)
		require.EqualValues(t, i+1, code)
		require.Equal(t, d.Name, code.String())
		require.NotEmpty(t, d.Help)
	}
	require.Zero(t, DropCodeOf("sctp_"))
	require.Equal(t, "none", DropCode(0).String())
	require.Equal(t, "none", DropCode(255).String())
	codes := DropCodes{3, 7}
	require.True(t, codes.Any() && codes.Has(7) && !codes.Has(0) && !codes.Has(4))
	require.Equal(t, []DropCode{3, 7}, codes.All())
}

// tappedTurns is turns of messages on a path that somebody looks at, and a reader.
func tappedTurns(t testing.TB, o ...TapOptions) (turn func()) {
	l, c, s, run := quietPair(t, 1)
	var taps []*Tap
	for _, o := range o {
		taps = append(taps, newTap(t, l.a, o))
	}
	out, in := make([]Message, 16), make([]Message, 64)
	for i := range out {
		out[i].Data = make([]byte, 1400)
	}
	for i := range in {
		in[i].Data = make([]byte, 2000)
	}
	return func() {
		_, _ = c.TrySendBatch(out)
		run()
		for n, _ := s.TryRecvBatch(in); n > 0; n, _ = s.TryRecvBatch(in) {
			continue
		}
		for _, tap := range taps {
			for _, ok := tap.Next(); ok; _, ok = tap.Next() {
				continue
			}
		}
	}
}

func TestNoAllocationWhileTapped(t *testing.T) {
	turn := tappedTurns(t, TapOptions{}, TapOptions{Match: func(f *Frame) bool { return f.Tx && f.Length > 100 }})
	for range 3000 {
		turn()
	}
	require.Zero(t, testing.AllocsPerRun(500, turn))

	r := newRawPeer(t, 1)
	newTap(t, r.d, TapOptions{})
	w, frame := r.d.workers[0], r.packet(0, 11, 0, 0, 4)
	p := &w.ports[0]
	pkt := p.copyOf(frame)
	defer nic.Free([]*nic.Packet{pkt})
	drop := func() {
		require.True(t, w.tapped())
		w.tellReceived(p, pkt, w.sort(p, pkt))
	}
	require.Zero(t, testing.AllocsPerRun(500, drop), "dropped frames")
	require.EqualValues(t, 501, dropCount(t, r.d, "sctp_zero_tag"))
}

// BenchmarkTap is 16 messages of 1400 bytes from one dataplane to another, the sender
// tapped or not, with the reading of the tap; an operation is a message.
func BenchmarkTap(b *testing.B) {
	none := func(*Frame) bool { return false }
	for _, k := range []struct {
		name string
		o    []TapOptions
	}{
		{"off", nil},
		{"filtered", []TapOptions{{Match: none}}},
		{"snap=96", []TapOptions{{SnapLen: 96}}},
		{"whole", []TapOptions{{}}},
	} {
		b.Run(k.name, func(b *testing.B) {
			turn := tappedTurns(b, k.o...)
			for range 1000 {
				turn()
			}
			b.ReportAllocs()
			b.ResetTimer()
			before := time.Now()
			for n := 0; n < b.N; n += 16 {
				turn()
			}
			b.ReportMetric(float64(time.Since(before).Nanoseconds())/float64(b.N), "ns/msg")
		})
	}
}
