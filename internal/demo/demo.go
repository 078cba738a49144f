// Package demo lives through the whole loop with real reports and a deliberately weak
// application: reported, decided, validated, owned, ticketed, claimed, re-tested, proven.
// It drives the real binaries over HTTP, prints the story as it happens, and is the
// end-to-end test as well: each step fails if it doesn't come about.
package demo

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/quellsec/quell/internal/daemon"
	"github.com/quellsec/quell/internal/demo/weakapp"
	"github.com/quellsec/quell/internal/fault"
)

//go:embed templates testdata
var files embed.FS

// Options are what the demo is started with.
type Options struct {
	Binary  string    // path of quell
	Dir     string    // data directory; empty: a temporary one, removed at the end
	Keep    bool      // leave everything running at the end, until ctx ends
	Sandbox bool      // tickets in a Jira, messages in a Slack, both of the sandbox
	Out     io.Writer // where the story is told
}

// Run tells the story. An error is the step that did not come about.
func Run(ctx context.Context, o Options) (err error) {
	dir := o.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "quell-demo-"); err != nil {
			return fault.New(fault.Internal, "making the demo's folder: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return fault.New(fault.Invalid, "finding the demo's folder: %w", err)
	}
	if err := prepare(dir); err != nil {
		return err
	}
	// The false positive was one already when the scanner looked: the page that fooled it
	// answers differently now.
	options := weakapp.Fixed()
	options.Off = []weakapp.Weakness{weakapp.EchoedPath}
	app, err := weakapp.Start(ctx, options)
	if err != nil {
		return fault.New(fault.Unavailable, "starting the weak application: %w", err)
	}
	defer func() { err = errors.Join(err, app.Close()) }()
	log, err := os.Create(filepath.Join(dir, "demo.log"))
	if err != nil {
		return fault.New(fault.Internal, "opening the demo's log: %w", err)
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	life := daemon.Options{Binary: o.Binary, Dir: dir, Config: filepath.Join(dir, "demo.yaml"), Log: log, Agent: "quell-demo"}
	if o.Sandbox {
		life.Args = []string{"--sandbox"}
	}
	d, err := daemon.Start(ctx, life)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Stop()) }()
	s := &story{Daemon: d, app: app, out: o.Out, began: time.Now(), desk: builtin{d.Client}}
	if o.Sandbox {
		s.desk = sandboxed{d.Jira, d.Slack}
		fmt.Fprintf(o.Out, "Jira  %s\nSlack %s\n", d.Jira, d.Slack)
	}
	if err := s.tell(ctx); err != nil {
		return err
	}
	if o.Keep {
		fmt.Fprintf(o.Out, "\nEverything keeps running until Ctrl-C. Token: %s\n", d.Token)
		<-ctx.Done()
	}
	return nil
}
