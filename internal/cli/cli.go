// Package cli is quell's command line: the verbs that start a daemon, those that work on
// files without one, and the operator's verbs, which go through the API as everybody else
// does. Tables are for people, --json is for programs.
package cli

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Deps is what the command line is given by its main.
type Deps struct {
	Version string
	// The runners of the daemon. A nil one leaves its verb out.
	Dev    func(ctx context.Context, o DevOptions) error
	Serve  func(ctx context.Context, o DaemonOptions) error
	Worker func(ctx context.Context, o DaemonOptions) error
	Demo   func(ctx context.Context, o DemoOptions) error
	// FirstToken makes the first admin token of an installation, straight in its store.
	FirstToken func(ctx context.Context, o DaemonOptions) (string, error)

	In  io.Reader
	Out io.Writer
	Err io.Writer
	// Environ looks up an environment variable.
	Environ func(name string) (string, bool)
	Now     func() time.Time
	// Dir is the directory that files named on the command line are relative to, and in
	// which .quell is looked for. Empty: the working directory.
	Dir string
}

// DevOptions are those of quell dev.
type DevOptions struct {
	Dir          string // data directory
	Config       string // configuration file; empty: one in the data directory, made if there is none
	Port         int    // zero: chosen
	TemporalPort int
	UIPort       int
	Templates    []string // further directories of nuclei templates
	Sandbox      bool     // with a Jira and a Slack to try it with
	Out          io.Writer
	Log          *slog.Logger
	Version      string
}

// DaemonOptions are those of quell serve and quell worker.
type DaemonOptions struct {
	Config  string
	Log     *slog.Logger
	Version string
}

// DemoOptions are those of quell demo.
type DemoOptions struct {
	Dir     string // data directory of the demo; empty: a temporary one
	Keep    bool   // leave everything running at the end
	Sandbox bool   // tickets in a Jira and messages in a Slack of the sandbox
	Out     io.Writer
}

// app is one run of the command line.
type app struct {
	Deps
	conn connection
	json bool
	log  logging
}

// New makes the root command.
func New(deps Deps) *cobra.Command {
	a := &app{Deps: deps}
	a.fill()
	root := &cobra.Command{
		Use:   "quell",
		Short: "Continuous threat exposure management: from a scanner's report to a proven fix",
		Long: "quell takes in what scanners report, decides what matters, validates it, finds the owner, keeps the ticket, and closes nothing without proof.\n\n" +
			"Start with `quell dev`, which needs nothing else. The operator's verbs find that daemon by themselves when they are run in the same directory; " +
			"for any other set QUELL_URL and QUELL_TOKEN.",
		Version:       a.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.SetVersionTemplate("quell {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError{cmd: cmd.CommandPath(), err: err} })
	flags := root.PersistentFlags()
	flags.BoolVar(&a.json, "json", false, "answer in JSON: one object a line for lists")
	flags.StringVar(&a.conn.url, "url", "", "`address` of the daemon (default $QUELL_URL, else that of quell dev)")
	flags.StringVar(&a.conn.tokenFile, "token-file", "", "`file` that holds the API token (default $QUELL_TOKEN, else that of quell dev)")
	flags.StringVar(&a.log.level, "log-level", "info", "what the daemon logs: debug, info, warn or error")
	flags.StringVar(&a.log.format, "log-format", "", "how the daemon logs: text or json (default text on a terminal)")
	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run it:"},
		&cobra.Group{ID: groupFiles, Title: "Without a daemon:"},
		&cobra.Group{ID: groupWork, Title: "Work with it:"},
		&cobra.Group{ID: groupKeep, Title: "Keep it running:"},
	)
	root.SetHelpCommandGroupID(groupFiles)
	root.SetCompletionCommandGroupID(groupFiles)
	add := func(group string, cmds ...*cobra.Command) {
		for _, cmd := range cmds {
			if cmd != nil {
				cmd.GroupID = group
				root.AddCommand(cmd)
			}
		}
	}
	add(groupRun, a.devCommand(), a.serveCommand(), a.workerCommand(), a.demoCommand())
	add(groupFiles, a.inspectCommand(), a.configCommand(), a.versionCommand())
	add(groupWork, a.ingestCommand(), a.exposuresCommand(), a.decideCommand(), a.approvalsCommand(), a.findingsCommand(), a.assetsCommand(), a.ticketsCommand(), a.remediationsCommand(), a.runbooksCommand(), a.controlsCommand(), a.trackersCommand(),
		a.inboxCommand(), a.notifiersCommand(), a.messagesCommand(), a.queueCommand(), a.campaignsCommand(), a.statsCommand())
	add(groupKeep, a.sourcesCommand(), a.deliveriesCommand(), a.runsCommand(), a.scopesCommand(), a.gapsCommand(), a.ownersCommand(), a.intelCommand(), a.tokenCommand(), a.doctorCommand(), a.rebuildCommand())
	return root
}

// The groups of the help.
const (
	groupRun   = "run"
	groupFiles = "files"
	groupWork  = "work"
	groupKeep  = "keep"
)

func (a *app) fill() {
	if a.In == nil {
		a.In = os.Stdin
	}
	if a.Out == nil {
		a.Out = os.Stdout
	}
	if a.Err == nil {
		a.Err = os.Stderr
	}
	if a.Environ == nil {
		a.Environ = os.LookupEnv
	}
	if a.Now == nil {
		a.Now = time.Now
	}
	if a.Version == "" {
		a.Version = "dev"
	}
}

// Run runs one command line and gives its exit status. It writes errors, with what to do
// about them, to deps.Err.
func Run(ctx context.Context, deps Deps, args []string) int {
	root := New(deps) //nolint:contextcheck // the commands have theirs from ExecuteContext
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitOK
	}
	var quiet exitError
	if !errors.As(err, &quiet) || quiet.err != nil {
		report(root.ErrOrStderr(), err)
	}
	return exitCode(err)
}

// env gives an environment variable, empty where it isn't set.
func (a *app) env(name string) string {
	value, _ := a.Environ(name)
	return value
}

// terminal reports whether a stream is a terminal, and how wide it is.
func terminal(stream any) (width int, ok bool) {
	f, isFile := stream.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0, true // a terminal of unknown width: nothing is cut
	}
	return width, true
}
