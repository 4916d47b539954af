package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/trunkline-sctp/trunkline/internal/observe"
)

// Patience with the daemon.
const (
	dialTime = 2 * time.Second
	askTime  = 10 * time.Second // for an answer, and for its head of a stream
	deafTime = 3 * quietTime    // without a line, when events are followed
)

// Bounds of what is taken from it.
const (
	maxAnswer  = 256 << 20 // bytes: 10000 associations with 32 paths each have some 100 MiB
	maxProblem = 64 << 10  // bytes of an error's text
	maxLine    = 1 << 20   // bytes of an event
)

// Client asks a daemon by its control socket. Any goroutine may call any method.
type Client struct {
	paths []string
	http  *http.Client
}

// NewClient is of the daemon at a path, or if that is "" at the first of DefaultPaths where
// one answers. Nothing is asked before the first call.
func NewClient(path string) *Client {
	c := &Client{paths: []string{path}}
	if path == "" {
		c.paths = DefaultPaths()
	}
	c.http = &http.Client{Transport: &http.Transport{
		DialContext:           c.dial,
		ResponseHeaderTimeout: askTime,
		MaxIdleConns:          1,
		DisableCompression:    true,
	}}
	return c
}

// Close gives idle connections up.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// dial connects to the first path where somebody listens.
func (c *Client) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	var first error
	for _, p := range c.paths {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", p)
		if err == nil {
			return conn, nil
		}
		if first == nil || missing(first) {
			first = &dialError{paths: c.paths, path: p, err: err}
		}
	}
	return nil, first
}

// State asks for a part of the state.
func (c *Client) State(ctx context.Context, q Query) (*observe.State, error) {
	var st observe.State
	return &st, c.ask(ctx, http.MethodGet, "/v1/state", q.values(), &st)
}

// History asks for the latest points, 0 for all.
func (c *Client) History(ctx context.Context, points int) (*observe.History, error) {
	v := url.Values{}
	if points > 0 {
		v.Set("points", strconv.Itoa(points))
	}
	var h observe.History
	return &h, c.ask(ctx, http.MethodGet, "/v1/history", v, &h)
}

// Reload has the daemon read its configuration again, and says what changed.
func (c *Client) Reload(ctx context.Context) ([]string, error) {
	var done reloaded
	return done.Changed, c.ask(ctx, http.MethodPost, "/v1/reload", nil, &done)
}

// Events gives each the events after the one with a number, and if it follows those to
// come, until ctx is done, each returns an error, or the daemon ends.
func (c *Client) Events(ctx context.Context, since uint64, follows bool, each func(*observe.Event) error) error {
	v := url.Values{"since": {strconv.FormatUint(since, 10)}}
	if follows {
		v.Set("follow", "1")
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	body, err := c.Stream(inner, "/v1/events", v)
	if err != nil {
		return err
	}
	defer body.Close()
	deaf := time.AfterFunc(deafTime, cancel)
	defer deaf.Stop()
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		deaf.Reset(deafTime)
		if len(lines.Bytes()) == 0 {
			continue
		}
		var e observe.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return fmt.Errorf("the daemon wrote no event: %w", err)
		}
		if err := each(&e); err != nil {
			return err
		}
	}
	switch err := lines.Err(); {
	case ctx.Err() != nil:
		return ctx.Err()
	case inner.Err() != nil:
		return fmt.Errorf("%w: nothing came for %v; it hangs or is stopped", ErrStopped, deafTime)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrStopped, err)
	case follows:
		return ErrStopped
	}
	return nil
}

// Stream asks for an answer that goes on; the caller reads it as it comes, and closes it.
func (c *Client) Stream(ctx context.Context, path string, v url.Values) (io.ReadCloser, error) {
	answer, err := c.do(ctx, http.MethodGet, path, v)
	if err != nil {
		return nil, err
	}
	return answer.Body, nil
}

// ask reads one JSON answer into out.
func (c *Client) ask(ctx context.Context, method, path string, v url.Values, out any) error {
	ctx, cancel := context.WithTimeout(ctx, askTime+answerTime)
	defer cancel()
	answer, err := c.do(ctx, method, path, v)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(out); err != nil {
		return fmt.Errorf("%w: %w", ErrStopped, err)
	}
	return nil
}

// do asks; what the daemon refuses is an error with its words.
func (c *Client) do(ctx context.Context, method, path string, v url.Values) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://trunkline"+path+"?"+v.Encode(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, explain(ctx, err)
	}
	if answer.StatusCode == http.StatusOK {
		return answer, nil
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxProblem))
	problem := strings.TrimSpace(string(text))
	if answer.StatusCode == http.StatusNotFound {
		problem = "the daemon has no " + path + "; is it of another version?"
	}
	return nil, errors.New(problem)
}
