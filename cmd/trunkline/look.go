package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/trunkline-sctp/trunkline/internal/admin"
	"github.com/trunkline-sctp/trunkline/internal/watch"
)

// whichDaemon are the flags that name the daemon to ask.
type whichDaemon struct{ control, file string }

func (w *whichDaemon) flags(c *cobra.Command) {
	c.Flags().StringVar(&w.control, "control", "", "the daemon's control socket (default where a daemon serves without being told)")
	c.Flags().StringVarP(&w.file, "config", "c", "", "the daemon's configuration file, in place of --control")
}

// client is of the daemon that the flags name.
func (w *whichDaemon) client() (*admin.Client, error) {
	switch {
	case w.control != "" && w.file != "":
		return nil, usage(errors.New("give --control or --config, not both"))
	case w.file == "":
		return admin.NewClient(w.control), nil
	}
	f, err := load(w.file)
	if err != nil {
		return nil, err
	}
	if f.Control.Off {
		return nil, errors.New(w.file + ": control is off; the daemon cannot be asked")
	}
	return admin.NewClient(f.Control.Path), nil
}

// newLook is a command that shows a table.
func newLook(name, short string, look func(context.Context, *admin.Client, watch.Screen, watch.Options) error) *cobra.Command {
	var which whichDaemon
	var opt watch.Options
	ofAssocs := name == "assocs" || name == "paths"
	c := &cobra.Command{
		Use:   name,
		Short: short,
		Args:  arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				opt.Assoc = args[0]
			}
			if c.Flags().Changed("watch") && opt.Watch < 100*time.Millisecond {
				return usage(errors.New("--watch: look every 100ms or less often"))
			}
			client, err := which.client()
			if err != nil {
				return err
			}
			defer client.Close()
			return look(c.Context(), client, watch.NewScreen(c.OutOrStdout(), c.ErrOrStderr()), opt)
		},
	}
	which.flags(c)
	c.Flags().BoolVar(&opt.JSON, "json", false, "a JSON array, an element per line")
	c.Flags().DurationVar(&opt.Watch, "watch", 0, "look again and again, every second or as often as said")
	c.Flags().Lookup("watch").NoOptDefVal = "1s"
	switch {
	case ofAssocs:
		c.Use += " [ASSOC]"
		c.Args = arguments(cobra.MaximumNArgs(1))
		c.Flags().BoolVar(&opt.All, "all", false, "all associations in the order of their IDs, not only the 1000 worst")
	case name == "drops":
		c.Flags().BoolVar(&opt.All, "all", false, "reasons that did not occur, too")
	}
	return c
}
