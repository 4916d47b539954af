package page

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds what must happen; it is no measure of anything.
const patience = 60 * time.Second

// browser is a headless Chromium with one page, driven over the pipe of its DevTools
// protocol.
type browser struct {
	t       *testing.T
	session string
	to      *os.File
	mu      sync.Mutex
	waiting map[int]chan reply
	next    int
	gone    chan struct{} // closed when the pipe has ended

	// What the page said and asked for, by mu.
	console  []string
	requests []string
}

type reply struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

// startBrowser starts one with a profile of its own, ended with the test.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	require.NoError(t, err, "scripts/setup.sh system installs it")
	read, theirWrite, err := os.Pipe()
	require.NoError(t, err)
	theirRead, write, err := os.Pipe()
	require.NoError(t, err)
	cmd := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
		"--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{theirRead, theirWrite}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var said bytes.Buffer
	cmd.Stderr = &said
	require.NoError(t, cmd.Start())
	b := &browser{t: t, to: write, waiting: map[int]chan reply{}, gone: make(chan struct{})}
	t.Cleanup(func() {
		group := -cmd.Process.Pid
		_ = syscall.Kill(group, syscall.SIGKILL)
		_ = cmd.Wait()
		<-b.gone
		// Its children write to the profile, which is removed next, until they are gone, too; where nobody
		// buries them they cannot be told from that.
		for end := time.Now().Add(2 * time.Second); syscall.Kill(group, 0) == nil && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		read.Close()
		write.Close()
		if t.Failed() {
			t.Logf("chromium: %s", said.String())
		}
	})
	theirRead.Close()
	theirWrite.Close()
	go b.listen(read)
	b.attach()
	return b
}

func (b *browser) attach() {
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var session struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session)
	b.session = session.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(domain+".enable", nil, nil)
	}
}

func (b *browser) listen(from *os.File) {
	defer close(b.gone)
	in := bufio.NewReader(from)
	for {
		line, err := in.ReadBytes(0)
		if err != nil {
			return
		}
		var m struct {
			ID     int
			Method string
			Params struct {
				Args             []struct{ Value any }
				ExceptionDetails json.RawMessage
				Entry            struct{ Level, Text string }
				Request          struct{ URL string }
			}
			reply
		}
		if json.Unmarshal(bytes.TrimSuffix(line, []byte{0}), &m) != nil {
			continue
		}
		b.mu.Lock()
		switch {
		case m.ID != 0:
			b.waiting[m.ID] <- m.reply
			delete(b.waiting, m.ID)
		case m.Method == "Runtime.consoleAPICalled":
			b.console = append(b.console, fmt.Sprint(m.Params.Args))
		case m.Method == "Runtime.exceptionThrown":
			b.console = append(b.console, string(m.Params.ExceptionDetails))
		case m.Method == "Log.entryAdded" && m.Params.Entry.Level != "verbose":
			b.console = append(b.console, m.Params.Entry.Level+": "+m.Params.Entry.Text)
		case m.Method == "Network.requestWillBeSent":
			b.requests = append(b.requests, m.Params.Request.URL)
		}
		b.mu.Unlock()
	}
}

// call asks the browser for something and puts the answer into result.
func (b *browser) call(method string, params map[string]any, result any) {
	b.t.Helper()
	b.mu.Lock()
	b.next++
	id, answered := b.next, make(chan reply, 1)
	b.waiting[id] = answered
	b.mu.Unlock()
	m := map[string]any{"id": id, "method": method, "params": params}
	if params == nil {
		m["params"] = map[string]any{}
	}
	if b.session != "" {
		m["sessionId"] = b.session
	}
	line, err := json.Marshal(m)
	require.NoError(b.t, err)
	_, err = b.to.Write(append(line, 0))
	require.NoError(b.t, err, method)
	select {
	case r := <-answered:
		require.Nil(b.t, r.Error, "%s: %+v", method, r.Error)
		if result != nil {
			require.NoError(b.t, json.Unmarshal(r.Result, result))
		}
	case <-b.gone:
		require.Fail(b.t, "chromium ended", method)
	case <-time.After(patience):
		require.Fail(b.t, "chromium does not answer", method)
	}
}

// open shows a page in a window of some size, light or dark.
func (b *browser) open(url string, width, height int, scheme string) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]any{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.call("Page.navigate", map[string]any{"url": url}, nil)
}

// eval is the value of an expression of JavaScript, or of the promise that it gives.
func (b *browser) eval(expression string) any {
	b.t.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails json.RawMessage
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &r)
	require.Empty(b.t, string(r.ExceptionDetails), expression)
	return r.Result.Value
}

// await waits until an expression is true; one that throws is not yet.
func (b *browser) await(expression string) {
	b.t.Helper()
	for end := time.Now().Add(patience); b.eval("(() => { try { return "+expression+" } catch { return false } })()") != true; {
		if time.Now().After(end) {
			require.Fail(b.t, "it never became true: "+expression, "the page says:\n%v\nits console:\n%s", b.eval("document.body.innerText"), strings.Join(b.console, "\n"))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// picture is the top of the page as PNG.
func (b *browser) picture(width, height int) []byte {
	b.t.Helper()
	var shot struct{ Data string }
	clip := map[string]any{"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
	b.call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true, "clip": clip}, &shot)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	require.NoError(b.t, err)
	return png
}

// clean says that the page had nothing to complain of and asked nobody else.
func (b *browser) clean(url string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(b.t, b.console)
	for _, r := range b.requests {
		require.True(b.t, strings.HasPrefix(r, url+"/") || r == "about:blank", r)
	}
}
