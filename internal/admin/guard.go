package admin

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A token's length in bytes: what cannot be guessed, and what is surely the wrong file.
const (
	minToken = 16
	maxToken = 1024
)

// ReadToken reads the secret that a file holds, without the blanks around it. The file must be
// closed to all but its owner and group.
func ReadToken(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // a pipe would keep us waiting
	if err != nil {
		return "", fmt.Errorf("http.token_file: %w", err)
	}
	defer f.Close()
	switch st, err := f.Stat(); {
	case err != nil:
		return "", fmt.Errorf("http.token_file: %w", err)
	case !st.Mode().IsRegular():
		return "", fmt.Errorf("http.token_file: %s is no file; give the path of one", path)
	case st.Mode()&0o007 != 0:
		return "", fmt.Errorf("http.token_file: %s is open to every user of this machine (mode %04o); chmod o= %[1]s", path, st.Mode().Perm())
	}
	b, err := io.ReadAll(io.LimitReader(f, maxToken+1))
	if err != nil {
		return "", fmt.Errorf("http.token_file: %w", err)
	}
	token := strings.TrimSpace(string(b))
	if len(token) < minToken || len(b) > maxToken {
		return "", fmt.Errorf("http.token_file: %s must hold %d to %d characters; make one with `openssl rand -hex 32`", path, minToken, maxToken)
	}
	if strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", fmt.Errorf("http.token_file: %s must hold one word of printable ASCII; make one with `openssl rand -hex 32`", path)
	}
	return token, nil
}

// policy is of answers that are no page; the page has its own.
const policy = "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// headers sets what browsers are to keep to.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// guard admits to TCP those who have a token, or reach the loopback if there is none.
type guard struct {
	*web
	token string
	next  http.Handler
	end   context.CancelFunc // of who follows by this token
	log   *slog.Logger
}

// ServeHTTP is http.Handler's.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	login := r.URL.Path == loginPath && g.token != ""
	switch {
	case g.token == "" && !loopbackName(r.Host):
		http.Error(w, "this is served to the loopback by its names only, 127.0.0.1, [::1] and localhost; configure http.token_file for others", http.StatusMisdirectedRequest)
	case foreign(r):
		http.Error(w, "another site's page asks; only ours may", http.StatusForbidden)
	case login && r.Method == http.MethodPost:
		g.login(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "read only; what changes something goes by the control socket", http.StatusMethodNotAllowed)
	case r.URL.Path == "/healthz" || g.admits(r):
		g.next.ServeHTTP(w, r)
	default:
		g.ask(w, r, "")
	}
}

// loopbackName tells whether a Host header names this machine's loopback.
func loopbackName(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	if strings.EqualFold(name, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(name)
	return err == nil && a.Unmap().IsLoopback()
}

// foreign tells whether a page of another site asks in the background, as browsers say.
func foreign(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return (site == "cross-site" || site == "same-site") && r.Header.Get("Sec-Fetch-Mode") != "navigate"
}

// admits tells whether a request has the token, or the cookie that stands for it.
func (g *guard) admits(r *http.Request) bool {
	if g.token == "" {
		return true
	}
	if t, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		right := same(t, g.token)
		if !right {
			g.refused.tell(g.log, time.Now(), r.RemoteAddr, "header")
		}
		return right
	}
	c, err := r.Cookie(g.cookieName())
	return err == nil && same(c.Value, g.cookie())
}

// same compares in a time that tells nothing of where the two differ, nor of their lengths.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

const loginPath = "/login"

// cookieName has the port in it: browsers give a host's cookies to all its ports.
func (g *guard) cookieName() string {
	_, port, _ := net.SplitHostPort(g.addr.String())
	return "trunkline_" + port
}

// cookie stands for the token, which it does not tell.
func (g *guard) cookie() string {
	h := hmac.New(sha256.New, []byte(g.token))
	_, _ = io.WriteString(h, "cookie of "+g.cookieName())
	return hex.EncodeToString(h.Sum(nil))
}

// form is what a browser without the cookie gets; %s is what was wrong before.
const form = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Trunkline</title>
<form method="post" action="/login">
<p>%s</p>
<label>Token <input name="token" type="password" autocomplete="current-password" autofocus required></label>
<button>Open</button>
</form></html>
`

// ask asks for the token; a browser gets a form.
func (g *guard) ask(w http.ResponseWriter, r *http.Request, wrong string) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="trunkline"`)
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Error(w, "give the token: `Authorization: Bearer TOKEN`", http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusUnauthorized)
	fmt.Fprintf(w, form, wrong)
}

// login takes the form and gives the cookie.
func (g *guard) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 2*maxToken)
	if err := r.ParseForm(); err != nil {
		code := http.StatusBadRequest
		if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
			code = http.StatusRequestEntityTooLarge
		}
		http.Error(w, "this is not the form", code)
		return
	}
	if !same(strings.TrimSpace(r.PostForm.Get("token")), g.token) {
		g.refused.tell(g.log, time.Now(), r.RemoteAddr, "form")
		g.ask(w, r, "That is not the token.")
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: g.cookieName(), Value: g.cookie(), Path: "/", MaxAge: int((30 * 24 * time.Hour).Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
