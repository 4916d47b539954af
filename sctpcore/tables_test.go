package sctpcore

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The tag table against a map, with tags that collide in their low bits.
func TestTagTableModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := newTagTable()
		model := map[uint32]*assoc{}
		tag := rapid.Custom(func(t *rapid.T) uint32 {
			return rapid.Uint32Range(0, 40).Draw(t, "high")<<26 | rapid.SampledFrom([]uint32{1, 2, 62, 63}).Draw(t, "low")
		})
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			k := tag.Draw(t, "tag")
			if _, there := model[k]; !there && rapid.IntRange(0, 2).Draw(t, "op") > 0 {
				model[k] = new(assoc)
				table.put(k, model[k])
			} else {
				table.del(k)
				delete(model, k)
			}
			require.Equal(t, len(model), table.count)
			require.LessOrEqual(t, 2*table.count, len(table.entries))
		}
		for k, a := range model {
			require.Same(t, a, table.get(k))
		}
		for range 20 {
			k := tag.Draw(t, "absent")
			require.Equal(t, model[k] == nil, table.get(k) == nil)
		}
	})
}

// The queue against a slice.
func TestFifoModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f fifo[int]
		var model []int
		popped := uint64(0)
		for i := range rapid.IntRange(1, 200).Draw(t, "steps") {
			switch rapid.IntRange(0, 6).Draw(t, "op") {
			case 0, 1, 2:
				f.push(i)
				model = append(model, i)
			case 3:
				*f.add() = i
				model = append(model, i)
			case 4, 5:
				v, ok := f.pop()
				require.Equal(t, len(model) > 0, ok)
				if ok {
					require.Equal(t, model[0], v)
					model = model[1:]
					popped++
				}
			case 6:
				if rapid.IntRange(0, 9).Draw(t, "clear") == 0 {
					popped += uint64(len(model))
					f.clear()
					model = nil
				}
			}
			require.Equal(t, len(model), f.len())
			require.Equal(t, popped, f.head, "head counts what was taken out, also across clear")
			for i, v := range model {
				require.Equal(t, v, *f.at(uint64(i)))
			}
			require.Zero(t, len(f.ring)&(len(f.ring)-1))
		}
	})
}

// The store: what is put is there until it is released, blocks do not overlap, and no
// more than the limit is ever taken.
func TestStoreModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := store{limit: rapid.IntRange(0, 6).Draw(t, "slabs") * slabSize}
		type kept struct {
			b    block
			data []byte
		}
		var model []kept
		for i := range rapid.IntRange(1, 150).Draw(t, "steps") {
			if len(model) > 0 && rapid.IntRange(0, 2).Draw(t, "op") == 0 {
				k := rapid.IntRange(0, len(model)-1).Draw(t, "which")
				s.release(model[k].b)
				model[k] = model[len(model)-1]
				model = model[:len(model)-1]
			} else {
				size := rapid.SampledFrom([]int{1, 127, 128, 129, 512, 513, 1452, 1536, 1537, 9216, 9217, 65535}).Draw(t, "size")
				data := message(i, size)
				c := blockClass(size)
				if !s.has(c) {
					require.Equal(t, s.limit, s.taken, "it refuses only when its memory is used up")
					continue
				}
				require.GreaterOrEqual(t, blockSizes[c], size)
				model = append(model, kept{s.put(c, data), data})
			}
			require.LessOrEqual(t, s.taken, s.limit)
		}
		owners := map[block]AssocID{}
		for _, k := range model {
			require.Equal(t, k.data, s.data(k.b, len(k.data)))
			owners[k.b] = 1
		}
		require.NoError(t, s.check(owners))
	})
}

// What one size of chunk used and gave back is there for the others.
func TestStoreSizesShareMemory(t *testing.T) {
	for _, sizes := range [][2]int{{1400, 10}, {10, 1400}, {1400, 9000}, {60000, 100}} {
		s := store{limit: 2 * slabSize}
		var blocks []block
		for c := blockClass(sizes[0]); s.has(c); {
			blocks = append(blocks, s.put(c, make([]byte, sizes[0])))
		}
		for _, b := range blocks {
			s.release(b)
		}
		require.True(t, s.has(blockClass(sizes[1])), "chunks of %d bytes keep those of %d out for ever", sizes[0], sizes[1])
	}
}

// Tags carry the owner's number in their upper bits and are never 0 or in use.
func TestTagsCarryTheOwner(t *testing.T) {
	for bits := range uint8(9) {
		owner := uint8(1)<<bits - 1
		c := Config{Timers: RFC9260Timers(), Limits: DefaultLimits(), OwnerBits: bits, Owner: owner}
		e, err := New(c)
		require.NoError(t, err)
		for range 1000 {
			tag := e.newTag()
			require.NotZero(t, tag)
			require.Equal(t, owner, OwnerOf(tag, bits))
		}
		c.Owner++
		if bits < 8 {
			_, err = New(c)
			require.Error(t, err, "owner %d in %d bits", c.Owner, bits)
		}
	}
}

// An association's id is not given again while anyone may remember it, and slots are
// used again only at the limit.
func TestIdsAreNotReused(t *testing.T) {
	r := newRawPeer(t, func(c *Config) { c.Limits.Associations = 3 })
	seen := map[AssocID]bool{}
	for i := range 3000 {
		id, err := r.e.Associate(r.now, &AssociateParams{LocalPort: 1, PeerPort: 2, Locals: addrsOf(2, 1), Peers: addrsOf(1, 1)})
		require.NoError(t, err)
		require.NotZero(t, id)
		require.False(t, seen[id], "id %d again after %d others", id, i)
		seen[id] = true
		require.NoError(t, r.e.Abort(r.now, id, nil))
		r.poll()
		r.e.Forget(id)
	}
	require.LessOrEqual(t, len(r.e.slots), 3)
	require.Empty(t, r.e.peers)
	require.Zero(t, r.e.tags.count)
}

// A configuration that cannot work is refused with a sentence that names the value.
func TestConfigIsChecked(t *testing.T) {
	for name, mod := range map[string]func(c *Config){
		"owner":   func(c *Config) { c.OwnerBits = 9 },
		"RTO.Min": func(c *Config) { c.Timers.RTOMin = 0 },
		"RTO.Max": func(c *Config) { c.Timers.RTOMax = 1 },
		"SACK":    func(c *Config) { c.Timers.SACKDelay = 501 * Millisecond },
		"HB":      func(c *Config) { c.Timers.HBInterval = 0 },
		"limits":  func(c *Config) { c.Timers.AssocMaxRetrans = -1 },
		"assocs":  func(c *Config) { c.Limits.Associations = 0 },
		"paths":   func(c *Config) { c.Limits.PathsPerAssoc = 33 },
		"streams": func(c *Config) { c.Limits.InStreams = 65536 },
		"buffers": func(c *Config) { c.Limits.ReceiveBuffer = 100 },
		"store":   func(c *Config) { c.Limits.StoreMemory = c.Limits.ReceiveBuffer - 1 },
		"message": func(c *Config) { c.Limits.MaxMessage = c.Limits.SendBuffer + 1 },
		"answers": func(c *Config) { c.Limits.AnswersPerSecond = 0 },
		"MTU":     func(c *Config) { c.MTU = 575 },
	} {
		c := Config{Timers: RFC9260Timers(), Limits: DefaultLimits()}
		require.NoError(t, c.validate())
		mod(&c)
		_, err := New(c)
		require.Error(t, err, name)
	}
}

// TestDefaultsChange: what begins afterwards has the new timers, the bound of all counts at
// once, and nothing is changed by an error.
func TestDefaultsChange(t *testing.T) {
	r := newRawPeer(t, func(c *Config) { c.Limits.Associations = 3 })
	begin := func(peer byte) (AssocID, error) {
		return r.e.Associate(r.now, &AssociateParams{LocalPort: 1, PeerPort: 2, Locals: addrsOf(2, 1), Peers: addrsOf(peer, 1)})
	}
	old, err := begin(3)
	require.NoError(t, err)
	_, err = begin(4)
	require.NoError(t, err)
	was, _ := r.e.Params(old)

	timers, limits := TelecomTimers(), r.e.cfg.Limits
	limits.Associations = 1
	require.NoError(t, r.e.SetDefaults(timers, limits))
	_, err = begin(5)
	require.ErrorIs(t, err, ErrLimit)
	require.NoError(t, r.e.Abort(r.now, old, nil))
	r.poll()
	r.e.Forget(old)
	_, err = begin(5)
	require.ErrorIs(t, err, ErrLimit, "there is one, which was begun when two were allowed")

	limits.Associations = 3
	require.NoError(t, r.e.SetDefaults(timers, limits))
	id, err := begin(5)
	require.NoError(t, err)
	now, _ := r.e.Params(id)
	require.Equal(t, timers, now.Timers)
	require.NotEqual(t, was.Timers, now.Timers)

	before := r.e.cfg
	bad := limits
	bad.SendBuffer++
	require.ErrorIs(t, r.e.SetDefaults(timers, bad), ErrInvalid)
	bad = limits
	bad.InStreams = 0
	require.Error(t, r.e.SetDefaults(RFC9260Timers(), bad))
	require.Equal(t, before, r.e.cfg)
}
