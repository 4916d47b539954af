package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/trunkline-sctp/trunkline/internal/watch"
)

func newEvents() *cobra.Command {
	var which whichDaemon
	var opt watch.EventOptions
	var since string
	c := &cobra.Command{
		Use:   "events",
		Short: "What happened in a running trunkline: associations, paths, failovers, links",
		Long: `What happened in a running trunkline: associations, paths, failovers, links.

The daemon keeps the latest 4096 events. With --follow those to come are shown as they
happen, after the last ten.`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if opt.Since, err = moment(since, time.Now()); err != nil {
				return usage(err)
			}
			client, err := which.client()
			if err != nil {
				return err
			}
			defer client.Close()
			return watch.Events(c.Context(), client, watch.NewScreen(c.OutOrStdout(), c.ErrOrStderr()), opt)
		},
	}
	which.flags(c)
	c.Flags().BoolVar(&opt.JSON, "json", false, "a JSON object per line")
	c.Flags().BoolVarP(&opt.Follow, "follow", "f", false, "go on as events happen")
	c.Flags().StringVar(&since, "since", "", "only events from then on: 5m (ago), 15:04:05 (today), 2006-01-02T15:04:05Z")
	return c
}

// moment reads when something was; "" is any time.
func moment(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	if t, err := time.ParseInLocation(time.TimeOnly, s, now.Location()); err == nil {
		y, m, d := now.Date()
		return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, now.Location()), nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("--since: %q is no time; write 5m, 15:04:05 or 2006-01-02T15:04:05Z", s)
}
