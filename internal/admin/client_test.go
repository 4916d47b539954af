package admin

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/internal/observe"
)

func TestClientSeesTheState(t *testing.T) {
	r := newRig(t, nil)
	ctx := t.Context()
	st, err := r.client.State(ctx, Query{})
	require.NoError(t, err)
	require.Equal(t, "near", st.Node)
	require.Len(t, st.Ports, 1)
	require.NotEmpty(t, st.Drops)
	require.NotEmpty(t, st.Counters)
	require.NotEmpty(t, st.Workers)
	require.Nil(t, st.Assocs)
	st, err = r.client.State(ctx, Query{Parts: []string{"assocs"}, Limit: 10})
	require.NoError(t, err)
	require.Nil(t, st.Ports)
	require.Len(t, st.Assocs, 1)
	require.Equal(t, "ESTABLISHED", st.Assocs[0].State)
	id := st.Assocs[0].ID
	st, err = r.client.State(ctx, Query{Parts: []string{"assocs"}, Assoc: id})
	require.NoError(t, err)
	require.Len(t, st.Assocs, 1)
	st, err = r.client.State(ctx, Query{Parts: []string{"assocs"}, WorstFirst: true})
	require.NoError(t, err)
	require.Equal(t, id, st.Assocs[0].ID)
	require.Zero(t, st.Hidden)
	st, err = r.client.State(ctx, Query{Parts: []string{"assocs"}, After: id})
	require.NoError(t, err)
	require.Empty(t, st.Assocs)
	h, err := r.client.History(ctx, 3)
	require.NoError(t, err)
	require.NotNil(t, h.Points)
	require.LessOrEqual(t, len(h.Points), 3)
}

func TestClientIsToldWhatIsWrong(t *testing.T) {
	r := newRig(t, nil)
	for want, q := range map[string]Query{
		`parts: there is no "porst"; there are ports, assocs, drops, counters, workers`: {Parts: []string{"porst"}},
		`limit: "10001" is not a whole number from 1 to 10000`:                          {Limit: 10001},
		`limit: "-1" is not a whole number from 1 to 10000`:                             {Limit: -1},
		"observe: ":                              {Parts: []string{"assocs"}, After: "no id"},
		"with the worst first there is no after": {Parts: []string{"assocs"}, After: "0.1", WorstFirst: true},
	} {
		_, err := r.client.State(t.Context(), q)
		require.ErrorContains(t, err, want)
	}
	_, err := r.client.Reload(t.Context())
	require.ErrorContains(t, err, "the daemon has no /v1/reload; is it of another version?")
}

func TestReloadSaysWhat(t *testing.T) {
	var answer []string
	var problem error
	r := newRig(t, func(o *Options) {
		o.Reload = func(context.Context) ([]string, error) { return answer, problem }
	})
	changed, err := r.client.Reload(t.Context())
	require.NoError(t, err)
	require.Empty(t, changed)
	answer = []string{"limits", "log"}
	changed, err = r.client.Reload(t.Context())
	require.NoError(t, err)
	require.Equal(t, answer, changed)
	problem = errors.New("f.yaml:1:2: wrong; mend it\nf.yaml:2:2: wrong, too")
	_, err = r.client.Reload(t.Context())
	require.EqualError(t, err, problem.Error())
}

func TestEventsAreFollowed(t *testing.T) {
	r := newRig(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var kept []observe.Event
	enough := errors.New("enough")
	require.NoError(t, r.client.Events(ctx, 0, false, func(e *observe.Event) error { kept = append(kept, *e); return nil }))
	since, last := r.observer.Log().Last(), ""
	r.observer.Log().Add(observe.Event{Kind: observe.KindDaemon, Why: "first"})
	err := r.client.Events(ctx, since, true, func(e *observe.Event) error {
		if e.Kind != observe.KindDaemon {
			return nil // the association that the rig has comes up
		}
		if last = e.Why; last == "first" {
			r.observer.Log().Add(observe.Event{Kind: observe.KindDaemon, Why: "second"})
			return nil
		}
		return enough
	})
	require.ErrorIs(t, err, enough)
	require.Equal(t, "second", last)
	// The end of the daemon is the end of its followers.
	ended, begun := make(chan error, 1), make(chan struct{}, 100)
	go func() {
		ended <- r.client.Events(ctx, 0, true, func(*observe.Event) error { begun <- struct{}{}; return nil })
	}()
	receive(t, begun)
	require.NoError(t, r.server.Close())
	require.ErrorIs(t, receive(t, ended), ErrStopped)
}

// TestSlowFollowerIsTold: a follower that does not read costs no memory, and hears how
// much it has missed.
func TestSlowFollowerIsTold(t *testing.T) {
	r := newRig(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	seen, missed := uint64(0), uint64(0)
	const all = 50_000
	enough := errors.New("enough")
	start := r.observer.Log().Last()
	r.observer.Log().Add(observe.Event{Kind: observe.KindDaemon, Why: "go"})
	err := r.client.Events(ctx, start, true, func(e *observe.Event) error {
		switch {
		case e.Why == "go":
			for range all { // more than the log keeps and the socket takes, while nobody reads
				r.observer.Log().Add(observe.Event{Kind: observe.KindAddress, Why: "as long as a line of this kind is"})
			}
		case e.Kind == observe.KindMissed:
			missed += e.Count
		default:
			seen++
		}
		if seen+missed >= all {
			return enough
		}
		return nil
	})
	require.ErrorIs(t, err, enough)
	require.NotZero(t, missed)
}

func TestErrorsSayWhatToDo(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "c")
	ask := func(path string) error {
		c := NewClient(path)
		defer c.Close()
		_, err := c.State(t.Context(), Query{})
		require.Error(t, err)
		return err
	}
	err := ask(path)
	require.EqualError(t, err, "no daemon serves "+path+"; start one with `trunkline run -c FILE`, or name its socket with --control PATH or its configuration with -c FILE")
	require.ErrorIs(t, err, ErrAbsent)

	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	l.SetUnlinkOnClose(false)
	require.NoError(t, l.Close())
	err = ask(path)
	require.EqualError(t, err, "no daemon serves "+path+" any more, though its socket is there; start one with `trunkline run -c FILE`")
	require.ErrorIs(t, err, ErrAbsent)

	require.Contains(t, (&dialError{path: path, err: os.ErrPermission}).Error(), "it is of user ")
	require.Contains(t, (&dialError{path: path, err: os.ErrPermission}).Error(), "control.mode")

	require.NoError(t, os.Remove(path))
	l, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	defer l.Close()
	go func() { // takes a connection, and ends it without a word
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			_ = c.Close()
		}
	}()
	require.ErrorIs(t, ask(path), ErrStopped)
}

func TestDefaultPath(t *testing.T) {
	own := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", own)
	require.Equal(t, []string{"/run/trunkline/control.sock", own + "/trunkline/control.sock"}, DefaultPaths())
	t.Setenv("XDG_RUNTIME_DIR", "")
	require.Equal(t, []string{"/run/trunkline/control.sock"}, DefaultPaths())
	// What does not listen is passed over for what does.
	r := newRig(t, nil)
	c := NewClient("")
	defer c.Close()
	c.paths = []string{filepath.Join(own, "none"), r.path}
	_, err := c.State(t.Context(), Query{})
	require.NoError(t, err)
}

func TestTwoDaemonsAtOnePath(t *testing.T) {
	r := newRig(t, nil)
	_, err := Listen(r.server.opt)
	require.ErrorIs(t, err, ErrControl)
	require.ErrorContains(t, err, "serves there; stop it or choose another path")
	_, err = r.client.State(t.Context(), Query{})
	require.NoError(t, err)
}
