package watch

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/trunkline-sctp/trunkline/internal/admin"
	"github.com/trunkline-sctp/trunkline/internal/observe"
)

// Options of a look at a daemon.
type Options struct {
	JSON bool
	// All shows all associations, not a page of them; of drops those that are 0, too.
	All   bool
	Assoc string        // only the association with this ID, "" for any
	Watch time.Duration // look again after this time, until ctx is done; 0: once

	page int // associations in one answer; 0: as many as the daemon likes
}

// Assocs shows the associations: a table, or a JSON array with an element per line.
func Assocs(ctx context.Context, c *admin.Client, s Screen, o Options) error {
	return assocsView.look(ctx, c, s, o)
}

// Paths shows the paths of associations, as Assocs does.
func Paths(ctx context.Context, c *admin.Client, s Screen, o Options) error {
	return pathsView.look(ctx, c, s, o)
}

// Ports shows the ports, as Assocs does.
func Ports(ctx context.Context, c *admin.Client, s Screen, o Options) error {
	return portsView.look(ctx, c, s, o)
}

// Drops shows what was thrown away and why, as Assocs does.
func Drops(ctx context.Context, c *admin.Client, s Screen, o Options) error {
	return dropsView.look(ctx, c, s, o)
}

// look shows the view, once or again and again.
func (v *view) look(ctx context.Context, c *admin.Client, s Screen, o Options) error {
	for {
		if o.Watch > 0 && s.Width > 0 && !o.JSON {
			fmt.Fprint(s.Out, "\x1b[H\x1b[2J")
		}
		err := v.once(ctx, c, s, o)
		switch {
		case o.Watch > 0 && ctx.Err() != nil:
			return nil
		case o.Watch == 0 || err != nil:
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(o.Watch):
		}
		if !o.JSON && s.Width == 0 {
			fmt.Fprintln(s.Out)
		}
	}
}

// once shows the view, page by page.
func (v *view) once(ctx context.Context, c *admin.Client, s Screen, o Options) error {
	out := bufio.NewWriter(s.Out)
	t := &table{columns: v.columns, width: s.Width, color: s.Color}
	shown, separator := 0, "[\n"
	for q := (admin.Query{Parts: []string{v.part}, Assoc: o.Assoc, Limit: o.page, WorstFirst: v.part == "assocs" && !o.All}); ; {
		st, err := c.State(ctx, q)
		if err != nil {
			return err
		}
		if o.Assoc != "" && len(st.Assocs) == 0 {
			return fmt.Errorf("there is no association %s; `trunkline assocs` shows all", o.Assoc)
		}
		n := 0
		if o.JSON {
			n, err = writeItems(out, v.items(st, o.All), &separator)
		} else {
			n, err = writeRows(out, t, v.rows(st, o.All))
		}
		shown += n
		if err != nil {
			return err
		}
		if st.Hidden.Associations > 0 {
			defer fmt.Fprintf(s.Notes, "%s; --all shows all, in the order of their IDs\n", hidden(st))
		}
		if st.Next == "" {
			break
		}
		q.After = st.Next
	}
	switch {
	case o.JSON && shown == 0:
		fmt.Fprintln(out, "[]")
	case o.JSON:
		fmt.Fprintln(out, "\n]")
	case shown == 0:
		fmt.Fprintln(out, v.note)
	}
	return out.Flush()
}

// hidden says what is not among the associations of a state, because there are too many.
func hidden(st *observe.State) string {
	s := fmt.Sprintf("these are the worst %d of %d associations", len(st.Assocs), len(st.Assocs)+st.Hidden.Associations)
	if n := st.Hidden.Troubled; n > 0 {
		s += fmt.Sprintf("; %d of those that are not shown are in trouble, too", n)
	}
	return s
}

// writeItems goes on with a JSON array.
func writeItems(out *bufio.Writer, items []any, separator *string) (int, error) {
	for _, item := range items {
		b, err := json.Marshal(item)
		if err != nil {
			return 0, err
		}
		out.WriteString(*separator)
		out.Write(b)
		*separator = ",\n"
	}
	return len(items), nil
}

// writeRows goes on with a table.
func writeRows(out *bufio.Writer, t *table, rows [][]cell) (int, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	_, err := out.WriteString(strings.Join(t.lines(rows), "\n") + "\n")
	return len(rows), err
}
