// Command quell is the daemon and its command line.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // windows of the rules of engagement name time zones

	"github.com/quellsec/quell/internal/app"
	"github.com/quellsec/quell/internal/cli"
	"github.com/quellsec/quell/internal/demo"
)

// version is set by the build.
var version = "dev"

func main() {
	// The first signal asks everything to end well; the second ends the process, as it
	// would have without us.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(cli.Run(ctx, cli.Deps{Version: version, Dev: dev, Serve: serve, Worker: worker, Demo: tell, FirstToken: firstToken}, os.Args[1:]))
}

func dev(ctx context.Context, o cli.DevOptions) error {
	return app.Dev(ctx, app.DevOptions{Dir: o.Dir, Config: o.Config, Port: o.Port, TemporalPort: o.TemporalPort, UIPort: o.UIPort,
		Templates: o.Templates, Sandbox: o.Sandbox, Version: o.Version, Out: o.Out, Log: o.Log})
}

func serve(ctx context.Context, o cli.DaemonOptions) error {
	return app.Serve(ctx, app.ServeOptions{Config: o.Config, Version: o.Version, Log: o.Log})
}

func worker(ctx context.Context, o cli.DaemonOptions) error {
	return app.Worker(ctx, app.ServeOptions{Config: o.Config, Version: o.Version, Log: o.Log})
}

func firstToken(ctx context.Context, o cli.DaemonOptions) (string, error) {
	token, err := app.FirstToken(ctx, app.ServeOptions{Config: o.Config, Version: o.Version, Log: o.Log})
	return token.Reveal(), err
}

// tell runs the demo against this very binary.
func tell(ctx context.Context, o cli.DemoOptions) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return demo.Run(ctx, demo.Options{Binary: self, Dir: o.Dir, Keep: o.Keep, Sandbox: o.Sandbox, Out: o.Out})
}
