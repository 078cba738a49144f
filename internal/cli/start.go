package cli

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"
)

// logging is how the daemon logs.
type logging struct {
	level  string
	format string
}

// logger makes the daemon's logger, on standard error.
func (a *app) logger(cmd *cobra.Command) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.log.level)); err != nil {
		return nil, usage(cmd.CommandPath(), "--log-level is debug, info, warn or error")
	}
	options := &slog.HandlerOptions{Level: level}
	format := a.log.format
	if format == "" {
		format = "json"
		if _, ok := terminal(a.Err); ok {
			format = "text"
		}
	}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(a.Err, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(a.Err, options)), nil
	}
	return nil, usage(cmd.CommandPath(), "--log-format is text or json")
}

func (a *app) devCommand() *cobra.Command {
	if a.Dev == nil {
		return nil
	}
	o := DevOptions{Out: a.Out, Version: a.Version}
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Start everything on this machine: API, worker, probe, Temporal with its Web UI",
		Long: "Start everything on this machine, in one data directory: an SQLite store, a Temporal dev server with its Web UI, the API, the worker and one probe. " +
			"Tickets and messages go to the built-in tracker and inbox. Ports that are taken are replaced by free ones, unless they are named here.\n\n" +
			"The data directory keeps everything: a second start goes on where the first one ended.",
		Example: "  quell dev\n  quell dev --dir /tmp/try --config quell.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := a.logger(cmd)
			if err != nil {
				return err
			}
			o.Log, o.Dir, o.Config = log, a.path(o.Dir), a.named(o.Config)
			for i, templates := range o.Templates {
				o.Templates[i] = a.path(templates)
			}
			return a.Dev(cmd.Context(), o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Dir, "dir", devDir, "data `directory`")
	flags.StringVar(&o.Config, "config", "", "configuration `file` (default quell.yaml in the data directory, made if there is none)")
	flags.IntVar(&o.Port, "port", 0, "`port` of the API (default 8088, or a free one)")
	flags.IntVar(&o.TemporalPort, "temporal-port", 0, "`port` of Temporal (default 7233, or a free one)")
	flags.StringArrayVar(&o.Templates, "templates", nil, "further `directory` of nuclei templates, beside that of the data directory")
	flags.BoolVar(&o.Sandbox, "sandbox", false, "start a Jira and a Slack to click on, which forget everything when they stop, and use them in place of those configured")
	flags.IntVar(&o.UIPort, "ui-port", 0, "`port` of Temporal's Web UI (default 8233, or a free one)")
	return cmd
}

func (a *app) serveCommand() *cobra.Command {
	return a.daemonCommand(a.Serve, "serve", "Run the API and a worker, against Temporal and a store that are given",
		"Run the API and a worker. Temporal and the store are those of the configuration; any number of `quell serve` and `quell worker` share them.")
}

func (a *app) workerCommand() *cobra.Command {
	return a.daemonCommand(a.Worker, "worker", "Run a worker alone, to scale out",
		"Run a worker without the API, beside the ones that `quell serve` runs. It needs a store that many processes can share, so it refuses SQLite.")
}

func (a *app) daemonCommand(run func(context.Context, DaemonOptions) error, name, short, long string) *cobra.Command {
	if run == nil {
		return nil
	}
	o := DaemonOptions{Version: a.Version}
	cmd := &cobra.Command{
		Use: name, Short: short, Long: long, Example: "  quell " + name + " --config /etc/quell/quell.yaml", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := a.logger(cmd)
			if err != nil {
				return err
			}
			o.Log, o.Config = log, a.path(o.Config)
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.Config, "config", defaultConfig, "configuration `file`")
	return cmd
}

func (a *app) demoCommand() *cobra.Command {
	if a.Demo == nil {
		return nil
	}
	o := DemoOptions{Out: a.Out}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Live through the whole loop, from a scanner's report to a proven fix",
		Long: "Start a deliberately weak web application and a quell of its own, send it real reports, and tell what happens: a false positive refuted, a ticket opened, " +
			"closed too early and reopened by the re-test, the fix and its proof, an unowned weakness escalating, and a risk acceptance that ends early.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Dir = a.named(o.Dir)
			return a.Demo(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.Dir, "dir", "", "data `directory` (default a temporary one, removed at the end)")
	cmd.Flags().BoolVar(&o.Sandbox, "sandbox", false, "with tickets in a Jira and messages in a Slack of the sandbox, whose pages can be clicked on")
	cmd.Flags().BoolVar(&o.Keep, "keep", false, "leave everything running at the end, until Ctrl-C")
	return cmd
}

// named is path for a name that may be empty.
func (a *app) named(name string) string {
	if name == "" {
		return ""
	}
	return a.path(name)
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return a.line(raw(`{"version":` + quote(a.Version) + `}`))
			}
			a.sayf("quell %s", a.Version)
			return nil
		},
	}
}
