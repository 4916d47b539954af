package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/term"

	"github.com/trunkline-sctp/trunkline/internal/admin"
	"github.com/trunkline-sctp/trunkline/internal/observe"
)

const (
	lookEvery  = time.Second
	topAssocs  = 200 // associations whose paths top shows, the worst
	topEvents  = 50  // latest events that it keeps
	topHistory = 600 // points of rates that it keeps
)

// Top shows the daemon live until the user has enough or ctx is done. It needs a terminal.
func Top(ctx context.Context, c *admin.Client, in io.Reader, out io.Writer) error {
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return errors.New("top needs a terminal; `trunkline ports`, `paths` and `events` write to anything")
	}
	if _, err := ask(ctx, c, 1); errors.Is(err, admin.ErrAbsent) { // a wrong path: say so and end
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m := newModel(func(points int) (*look, error) { return ask(ctx, c, points) })
	p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out))
	done := make(chan struct{})
	go func() {
		defer close(done)
		followFor(ctx, c, func(e *observe.Event) { p.Send(*e) })
	}()
	_, err := p.Run()
	cancel()
	<-done
	if errors.Is(err, tea.ErrProgramKilled) || errors.Is(err, tea.ErrInterrupted) {
		return nil
	}
	return err
}

// look is what top asks for at once.
type look struct {
	state  *observe.State
	points []observe.Point
}

// ask asks for a look with some points of the history.
func ask(ctx context.Context, c *admin.Client, points int) (*look, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	st, err := c.State(ctx, admin.Query{Parts: []string{"ports", "assocs", "drops", "workers"}, Limit: topAssocs, WorstFirst: true})
	if err != nil {
		return nil, err
	}
	h, err := c.History(ctx, points)
	if err != nil {
		return nil, err
	}
	return &look{st, h.Points}, nil
}

// followFor gives tell the daemon's events, and those of the daemon that comes after it.
func followFor(ctx context.Context, c *admin.Client, tell func(*observe.Event)) {
	for seen := uint64(0); ctx.Err() == nil; {
		_ = c.Events(ctx, seen, true, func(e *observe.Event) error { // top says itself that it is gone
			if e.Seq != 0 {
				seen = e.Seq
			}
			tell(e)
			return nil
		})
		select {
		case <-ctx.Done():
		case <-time.After(lookEvery):
		}
	}
}

// sorting is an order of paths.
type sorting int

const (
	byTrouble sorting = iota // what is not ACTIVE first, then what has errors
	byAssoc
	byRTT
	byFlight
	sortings
)

func (s sorting) String() string {
	return [...]string{"trouble", "association", "round trip", "flight"}[s]
}

// model is what top knows; bubbletea calls its methods in one goroutine.
type model struct {
	ask           func(points int) (*look, error)
	width, height int

	look    *look
	before  *observe.State // of the look before
	points  []observe.Point
	events  []observe.Event
	problem string // why there is no newer look
	news    string // what happened to the daemon

	sort          sorting
	first         int // of the paths that is shown first
	paused, about bool
}

func newModel(ask func(int) (*look, error)) *model { return &model{ask: ask, width: 80, height: 24} }

// Messages of the model to itself.
type (
	tickMsg   struct{}
	lookMsg   struct{ *look }
	failedMsg struct{ error }
)

// Init is tea.Model's.
func (m *model) Init() tea.Cmd { return m.fetch() }

// fetch asks for a look, with all of the history at first.
func (m *model) fetch() tea.Cmd {
	points := 5
	if len(m.points) == 0 {
		points = topHistory
	}
	return func() tea.Msg {
		l, err := m.ask(points)
		if err != nil {
			return failedMsg{err}
		}
		return lookMsg{l}
	}
}

func tick() tea.Cmd { return tea.Tick(lookEvery, func(time.Time) tea.Msg { return tickMsg{} }) }

// Update is tea.Model's.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		return m, m.key(msg.String())
	case tickMsg:
		return m, m.fetch()
	case lookMsg:
		m.take(msg.look)
		return m, tick()
	case failedMsg:
		m.problem = msg.Error()
		return m, tick()
	case observe.Event:
		if m.events = append(m.events, msg); len(m.events) > topEvents {
			m.events = m.events[1:]
		}
	}
	return m, nil
}

// take has a new look, unless the user wants to go on seeing the old one.
func (m *model) take(l *look) {
	if m.look != nil && !l.state.Started.Equal(m.look.state.Started) {
		m.news = "the daemon was started anew at " + l.state.Started.Local().Format("15:04:05")
		m.look, m.points, m.events = nil, nil, newer(m.events, l.state.Started)
	}
	m.problem = ""
	for _, p := range l.points {
		if n := len(m.points); n == 0 || p.Time.After(m.points[n-1].Time) {
			m.points = append(m.points, p)
		}
	}
	m.points = m.points[max(0, len(m.points)-topHistory):]
	if m.paused {
		return
	}
	if m.look != nil {
		m.before = m.look.state
	}
	m.look = l
	if m.news != "" && time.Since(l.state.Started) > time.Minute {
		m.news = ""
	}
}

// newer are the events from a time on.
func newer(all []observe.Event, from time.Time) (out []observe.Event) {
	for _, e := range all {
		if !e.Time.Before(from) {
			out = append(out, e)
		}
	}
	return out
}

// key does what a key asks for.
func (m *model) key(k string) tea.Cmd {
	switch k {
	case "q", "ctrl+c", "esc":
		if m.about && k == "esc" {
			m.about = false
			return nil
		}
		return tea.Quit
	case "p", "space":
		m.paused = !m.paused
	case "?", "h":
		m.about = !m.about
	case "left":
		m.sort, m.first = (m.sort+sortings-1)%sortings, 0
	case "right", "s":
		m.sort, m.first = (m.sort+1)%sortings, 0
	case "up":
		m.first--
	case "down":
		m.first++
	case "pgup":
		m.first -= 10
	case "pgdown":
		m.first += 10
	case "home":
		m.first = 0
	}
	m.first = max(0, m.first)
	return nil
}

// View is tea.Model's.
func (m *model) View() tea.View {
	v := tea.NewView(m.draw())
	v.AltScreen = true
	v.WindowTitle = "trunkline top"
	if m.look != nil {
		v.WindowTitle = fmt.Sprintf("trunkline top: %s", m.look.state.Node)
	}
	return v
}
