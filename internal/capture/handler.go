package capture

import (
	"errors"
	"net/http"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
)

// readTime is how long a client may leave what is written to it unread.
const readTime = time.Minute

// Handler serves captures of a dataplane as pcapng streams; the query's parameters are port
// (again and again), filter, count, seconds, bytes and snap. What is wrong with them is
// answered with 400 in words, too many captures and a dataplane that has stopped with 503.
func Handler(d *dataplane.Dataplane) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, err := parseRequest(r.URL.Query())
		var filter *Filter
		if err == nil {
			filter, err = parse(request.Filter, d.TapPorts(), request.Ports)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		tap, err := d.Tap(dataplane.TapOptions{Match: filter.Match, SnapLen: request.Snap})
		switch {
		case errors.Is(err, dataplane.ErrTooManyTaps):
			http.Error(w, "too many captures are running already; end one of them", http.StatusServiceUnavailable)
			return
		case err != nil:
			http.Error(w, "the dataplane has stopped", http.StatusServiceUnavailable)
			return
		}
		defer tap.Close()
		w.Header().Set("Content-Type", "application/x-pcapng")
		out := &client{w: w, control: http.NewResponseController(w)}
		if s, err := newStream(tap, d.TapPorts(), request, out); err == nil {
			_ = s.run(r.Context()) // an error is that the client is gone
		}
	})
}

// client is what a stream is written to.
type client struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// Write is io.Writer's: all of it is on its way then.
func (c *client) Write(b []byte) (int, error) {
	_ = c.control.SetWriteDeadline(time.Now().Add(readTime)) // not of a test's recorder
	n, err := c.w.Write(b)
	if err == nil {
		err = c.control.Flush()
	}
	return n, err
}
