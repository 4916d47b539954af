package admin

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/internal/observe"
)

const secret = "0123456789abcdef"

// healthy are the answers of /healthz here: a worker that the machine does not run for a second
// is stuck.
var healthy = []int{http.StatusOK, http.StatusServiceUnavailable}

// overHTTP is a rig that serves TCP, too.
func overHTTP(t *testing.T, token string) *rig {
	return newRig(t, func(o *Options) {
		o.HTTP, o.Token = netip.MustParseAddrPort("127.0.0.1:0"), token
		o.Reload = func(context.Context) ([]string, error) { panic("reloaded over TCP") }
		o.Capture = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("captured over TCP") })
		o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "metrics") })
		o.Page = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "the page") })
	})
}

// ask sends one request as how changes it, and gives the code and the text of the answer.
func (r *rig) ask(t *testing.T, method, path string, how func(*http.Request)) (int, string, http.Header) {
	t.Helper()
	q, err := http.NewRequest(method, "http://"+r.server.Addr().String()+path, nil)
	require.NoError(t, err)
	if how != nil {
		how(q)
	}
	a, err := (&http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(q)
	require.NoError(t, err)
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	require.NoError(t, err)
	return a.StatusCode, string(b), a.Header
}

func TestTCPIsToRead(t *testing.T) {
	r := overHTTP(t, "")
	for _, path := range []string{"/", "/healthz", "/metrics", "/v1/state", "/v1/history", "/v1/events"} {
		code, _, h := r.ask(t, "GET", path, nil)
		if path == "/healthz" {
			require.Contains(t, healthy, code)
		} else {
			require.Equal(t, 200, code, path)
		}
		require.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'")
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT"} {
			code, _, _ := r.ask(t, method, path, nil)
			require.Equal(t, http.StatusMethodNotAllowed, code, "%s %s", method, path)
		}
	}
	for _, path := range []string{"/v1/reload", "/v1/capture", "/v1/../v1/reload", "/v1/x"} {
		code, _, _ := r.ask(t, "GET", path, nil)
		require.Contains(t, []int{404, 301, 307}, code, path)
		code, _, _ = r.ask(t, "POST", path, nil)
		require.Equal(t, http.StatusMethodNotAllowed, code, path)
	}
}

// TestOnlyLoopbackNamesWithoutToken: a page of another site that has its name point here
// sends that name, and gets nothing.
func TestOnlyLoopbackNamesWithoutToken(t *testing.T) {
	r := overHTTP(t, "")
	host := func(h string) func(*http.Request) { return func(q *http.Request) { q.Host = h } }
	for _, h := range []string{"localhost", "LOCALHOST:9464", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:80", "[::ffff:127.0.0.1]:80"} {
		code, _, _ := r.ask(t, "GET", "/v1/state", host(h))
		require.Equal(t, 200, code, h)
	}
	for _, h := range []string{"evil.example", "evil.example:9464", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "0.0.0.0", "[::]", "x"} {
		code, _, _ := r.ask(t, "GET", "/v1/state", host(h))
		require.Equal(t, http.StatusMisdirectedRequest, code, h)
	}
	for _, site := range []string{"cross-site", "same-site"} {
		code, _, _ := r.ask(t, "GET", "/v1/state", func(q *http.Request) { q.Header.Set("Sec-Fetch-Site", site) })
		require.Equal(t, http.StatusForbidden, code)
		code, _, _ = r.ask(t, "GET", "/", func(q *http.Request) {
			q.Header.Set("Sec-Fetch-Site", site)
			q.Header.Set("Sec-Fetch-Mode", "navigate")
		})
		require.Equal(t, 200, code, "a link that one follows is fine")
	}
}

func TestToken(t *testing.T) {
	r := overHTTP(t, secret)
	bearer := func(token string) func(*http.Request) {
		return func(q *http.Request) { q.Host = "any.name"; q.Header.Set("Authorization", "Bearer "+token) }
	}
	for _, wrong := range []string{"", "x", secret[1:], secret + "x", strings.ToUpper(secret), strings.Repeat("a", 4000)} {
		for _, path := range []string{"/", "/metrics", "/v1/state", "/v1/events", "/login"} {
			code, text, h := r.ask(t, "GET", path, bearer(wrong))
			require.Equal(t, 401, code, path)
			require.NotContains(t, text, secret)
			require.Contains(t, h.Get("WWW-Authenticate"), "Bearer")
		}
	}
	code, _, _ := r.ask(t, "GET", "/v1/state", bearer(secret))
	require.Equal(t, 200, code)
	code, _, _ = r.ask(t, "GET", "/v1/state?token="+secret, nil)
	require.Equal(t, 401, code, "what is in a URL is in logs")
	code, _, _ = r.ask(t, "GET", "/v1/state", func(q *http.Request) { q.SetBasicAuth("x", secret) })
	require.Equal(t, 401, code)
	code, _, _ = r.ask(t, "POST", "/v1/state", bearer(secret))
	require.Equal(t, 405, code)
	code, _, _ = r.ask(t, "GET", "/healthz", nil)
	require.Contains(t, healthy, code, "probes need none")
}

func TestLoginGivesACookie(t *testing.T) {
	r := overHTTP(t, secret)
	code, text, _ := r.ask(t, "GET", "/", func(q *http.Request) { q.Header.Set("Accept", "text/html,*/*") })
	require.Equal(t, 401, code)
	require.Contains(t, text, `<form method="post" action="/login">`)
	at := "http://" + r.server.Addr().String()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar, Timeout: patience}
	post := func(token string) (int, string) {
		a, err := browser.PostForm(at+"/login", url.Values{"token": {token}})
		require.NoError(t, err)
		defer a.Body.Close()
		b, _ := io.ReadAll(a.Body)
		return a.StatusCode, string(b)
	}
	code, _ = post("wrong")
	require.Equal(t, 401, code)
	code, _ = post(strings.Repeat("long", 10_000))
	require.Equal(t, http.StatusRequestEntityTooLarge, code)
	code, text = post(secret)
	require.Equal(t, 200, code)
	require.Equal(t, "the page\n", text)
	code, _, h := r.ask(t, "POST", "/login", func(q *http.Request) {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		q.Body = io.NopCloser(strings.NewReader("token=" + secret))
	})
	require.Equal(t, http.StatusSeeOther, code)
	cookie := h.Get("Set-Cookie")
	require.Contains(t, cookie, "HttpOnly")
	require.Contains(t, cookie, "SameSite=Strict")
	require.NotContains(t, cookie, secret)
	code, _, _ = r.ask(t, "GET", "/", func(q *http.Request) {
		name, value, _ := strings.Cut(strings.SplitN(cookie, ";", 2)[0], "=")
		q.AddCookie(&http.Cookie{Name: name, Value: value[1:] + "0"})
	})
	require.Equal(t, 401, code, "another cookie")
}

func TestReadToken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	for content, want := range map[string]string{
		"":                              "must hold 16 to 1024 characters",
		"short\n":                       "must hold 16 to 1024 characters",
		strings.Repeat("x", maxToken+1): "must hold 16 to 1024 characters",
		"0123456789 abcdef":             "one word of printable ASCII",
		"0123456789\x00abcdef":          "one word of printable ASCII",
	} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, err := ReadToken(path)
		require.ErrorContains(t, err, want, "%q", content)
	}
	require.NoError(t, os.WriteFile(path, []byte(" "+secret+"\r\n"), 0o600))
	token, err := ReadToken(path)
	require.NoError(t, err)
	require.Equal(t, secret, token)
	_, err = ReadToken(path + "x")
	require.ErrorIs(t, err, os.ErrNotExist)
	for mode, fine := range map[os.FileMode]bool{0o400: true, 0o640: true, 0o660: true, 0o644: false, 0o602: false, 0o601: false} {
		require.NoError(t, os.Chmod(path, mode))
		_, err = ReadToken(path)
		if fine {
			require.NoError(t, err, "%o", mode)
			continue
		}
		require.EqualError(t, err, fmt.Sprintf("http.token_file: %s is open to every user of this machine (mode %04o); chmod o= %[1]s", path, mode))
	}
	_, err = ReadToken(filepath.Dir(path))
	require.ErrorContains(t, err, "is no file")
	require.NoError(t, unix.Mkfifo(path+"p", 0o600))
	_, err = ReadToken(path + "p")
	require.ErrorContains(t, err, "is no file")
}

// TestAnotherToken counts at once, for requests to come, logins and those who follow.
func TestAnotherToken(t *testing.T) {
	r := overHTTP(t, secret)
	at := netip.MustParseAddrPort("127.0.0.1:0")
	code := func(token string) int {
		code, _, _ := r.ask(t, "GET", "/v1/state", func(q *http.Request) { q.Header.Set("Authorization", "Bearer "+token) })
		return code
	}
	follow := func(token string) *bufio.Reader {
		q, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+r.server.Addr().String()+"/v1/events?follow=1", nil)
		require.NoError(t, err)
		q.Header.Set("Authorization", "Bearer "+token)
		a, err := http.DefaultClient.Do(q)
		require.NoError(t, err)
		t.Cleanup(func() { a.Body.Close() })
		require.Equal(t, 200, a.StatusCode)
		return bufio.NewReader(a.Body)
	}
	old := follow(secret)
	was := r.server.Addr()
	require.NoError(t, r.server.SetHTTP(at, secret)) // nothing new
	require.NoError(t, r.server.SetHTTP(at, secret+"2"))
	require.Equal(t, was, r.server.Addr())
	require.Equal(t, 401, code(secret))
	require.Equal(t, 200, code(secret+"2"))
	_, err := io.Copy(io.Discard, old)
	require.NoError(t, err, "cut off, in order")
	fresh := follow(secret + "2")
	require.NoError(t, r.server.SetHTTP(at, secret+"2"))
	r.observer.Log().Add(observe.Event{Kind: observe.KindDaemon, Why: "still there"})
	for line := ""; !strings.Contains(line, "still there"); {
		line, err = fresh.ReadString('\n')
		require.NoError(t, err)
	}
}

// TestAnotherAddress is bound before the one that was is left.
func TestAnotherAddress(t *testing.T) {
	r := overHTTP(t, "")
	was := r.server.Addr()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	reads := func(at net.Addr) error {
		a, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + at.String() + "/v1/state")
		if err == nil {
			a.Body.Close()
		}
		return err
	}
	err = r.server.SetHTTP(netip.MustParseAddrPort(taken.Addr().String()), "")
	require.ErrorContains(t, err, "address already in use; choose another http.listen")
	require.Equal(t, was, r.server.Addr())
	require.NoError(t, reads(was))
	require.NoError(t, r.server.SetHTTP(netip.MustParseAddrPort("127.0.0.2:0"), ""))
	require.NotEqual(t, was, r.server.Addr())
	require.NoError(t, reads(r.server.Addr()))
	require.Error(t, reads(was))
	require.NoError(t, r.server.SetHTTP(netip.AddrPort{}, ""))
	require.Nil(t, r.server.Addr())
	require.NoError(t, r.server.SetHTTP(netip.MustParseAddrPort("127.0.0.1:0"), ""))
	require.NoError(t, reads(r.server.Addr()))
}

// TestWrongTokensAreLogged, but never a line for each, nor what they were.
func TestWrongTokensAreLogged(t *testing.T) {
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, nil))
	var r refused
	now := time.Now()
	for range 100 {
		r.tell(log, now, "10.0.0.1:1", "form")
	}
	r.tell(log, now.Add(refusedEvery), "10.0.0.2:1", "header")
	require.Regexp(t, `^\S+ level=WARN msg="wrong token" from=10.0.0.1:1 by=form untold_before=0\n\S+ level=WARN msg="wrong token" from=10.0.0.2:1 by=header untold_before=99\n$`, logged.String())

	for by, try := range map[string]func(*http.Request){
		"header": func(q *http.Request) { q.Header.Set("Authorization", "Bearer guessed") },
		"form": func(q *http.Request) {
			q.Method = "POST"
			q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			q.Body = io.NopCloser(strings.NewReader("token=guessed"))
		},
	} {
		var said syncBuffer
		rig := newRig(t, func(o *Options) {
			o.HTTP, o.Token, o.Logger = netip.MustParseAddrPort("127.0.0.1:0"), secret, slog.New(slog.NewTextHandler(&said, nil))
		})
		code, _, _ := rig.ask(t, "GET", "/login", try)
		require.Equal(t, 401, code)
		require.Regexp(t, `msg="wrong token" from=127.0.0.1:\d+ by=`+by, said.String())
		require.NotContains(t, said.String(), "guessed")
		quiet := len(said.String())
		code, _, _ = rig.ask(t, "GET", "/", nil)
		require.Equal(t, 401, code)
		require.Len(t, said.String(), quiet, "who has shown none is not wrong")
	}
}

// syncBuffer is what several goroutines write to.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// raw writes bytes and gives the first line of the answer.
func (r *rig) raw(t *testing.T, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", r.server.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	_, _ = io.WriteString(c, text) // the server may have had enough before the end
	line, _ := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSpace(line)
}

func TestWhatIsNoRequest(t *testing.T) {
	r := overHTTP(t, "")
	require.Contains(t, r.raw(t, "GET / HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("x", 1<<20)), "431")
	require.Contains(t, r.raw(t, "GET /"+strings.Repeat("x", 1<<20)+" HTTP/1.1\r\nHost: localhost\r\n\r\n"), "431")
	require.Contains(t, r.raw(t, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"), "400")
	require.Contains(t, r.raw(t, "GET / HTTP/1.1\r\n\r\n"), "400") // no Host
	require.Contains(t, r.raw(t, "GET / HTTP/1.0\r\n\r\n"), "421") // no Host, and none needed
	for _, path := range []string{"/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "//etc/passwd", "/\\..\\etc"} {
		line := r.raw(t, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		require.NotContains(t, line, " 5", path)
	}
	code, _, _ := r.ask(t, "GET", "/v1/state", nil)
	require.Equal(t, 200, code)
}

// silent opens so many connections that say nothing, until the test's end.
func (r *rig) silent(t *testing.T, n int) (all []net.Conn) {
	for range n {
		c, err := net.Dial("tcp", r.server.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		all = append(all, c)
		_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: loc")
		require.NoError(t, err)
	}
	return all
}

// TestConnectionsAreBounded: no more than a number of them are kept.
func TestConnectionsAreBounded(t *testing.T) {
	r := overHTTP(t, "")
	const get = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
	all := r.silent(t, maxConnections)
	for tries := 1; !strings.Contains(r.raw(t, get), " 503 "); tries++ {
		require.Less(t, tries, 5, "never too many")
		for _, c := range all { // it took as long as they may
			_ = c.Close()
		}
		all = r.silent(t, maxConnections)
	}
	_, err := r.client.State(t.Context(), Query{}) // the control socket has its own
	require.NoError(t, err)
	for _, c := range all {
		_ = c.Close()
	}
	require.Eventually(t, func() bool { return strings.Contains(r.raw(t, get), " 200 ") }, patience, 10*time.Millisecond)
}

// TestSilenceIsBounded: who opens a connection and says nothing loses it.
func TestSilenceIsBounded(t *testing.T) {
	r := newRig(t, func(o *Options) {
		o.HTTP, o.headerTime = netip.MustParseAddrPort("127.0.0.1:0"), time.Millisecond
	})
	for _, c := range r.silent(t, 3) {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
		_, err := io.Copy(io.Discard, c)
		require.False(t, errors.Is(err, os.ErrDeadlineExceeded))
	}
}

// TestFollowersAreBounded: many follow, one more is told so, and all others get answers.
func TestFollowersAreBounded(t *testing.T) {
	r := newRig(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	r.observer.Log().Add(observe.Event{Kind: observe.KindDaemon, Why: "begin"})
	begun, ended := make(chan struct{}, maxFollowers), make(chan struct{}, maxFollowers)
	for range maxFollowers {
		work.Go(func() {
			first := true
			_ = r.client.Events(ctx, 0, true, func(e *observe.Event) error {
				if first {
					begun <- struct{}{}
					first = false
				}
				if e.Why == "end" {
					ended <- struct{}{}
				}
				return nil
			})
		})
	}
	for range maxFollowers {
		receive(t, begun)
	}
	require.ErrorContains(t, r.client.Events(ctx, 0, true, func(*observe.Event) error { return nil }), "too many follow already")
	_, err := r.client.State(ctx, Query{})
	require.NoError(t, err)
	r.observer.Log().Add(observe.Event{Kind: observe.KindDaemon, Why: "end"})
	for range maxFollowers {
		receive(t, ended)
	}
	cancel() // as if they were killed: their places are free again
	require.Eventually(t, func() bool {
		enough := context.Canceled
		return r.client.Events(t.Context(), 0, true, func(*observe.Event) error { return enough }) == enough
	}, patience, 5*time.Millisecond)
}
