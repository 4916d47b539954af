package dataplane

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// An Abort is never taken for a graceful end, whatever the worker does meanwhile.
func TestAbortIsNeverGraceful(t *testing.T) {
	l := newLab(t, labOptions{})
	for range 200 {
		c, s := l.connect(nil)
		require.NoError(t, c.Send([]byte("something to attend to"), nil))
		require.NoError(t, c.Abort("enough"))
		<-c.Done()
		<-s.Done()
		var ae *AssocError
		require.ErrorAs(t, c.Err(), &ae)
		require.Equal(t, sctpcore.ReasonLocalAbort, ae.Reason)
	}
}

// The worker may come to send between the mark of a close and its reason: that
// alone ends nothing.
func TestCloseIsSeenByAttendOnly(t *testing.T) {
	_, c, _, run := quietPair(t, 1)
	run()
	<-c.Up()
	c.closed.Store(true)
	c.w.send(c.assoc)
	require.False(t, c.assoc.shutdown)
	c.w.attend(c)
	require.True(t, c.assoc.shutdown)
}
