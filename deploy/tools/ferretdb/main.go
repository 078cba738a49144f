// Command ferretdb is the MongoDB peer that quell's own tests run against: FerretDB 1.x on SQLite, in one process, with nothing
// to install. It is never part of a deployment.
//
// It exists because the upstream command refuses to start unless its release tooling has generated version files into the source
// tree, which a plain build of a pinned module does not do. The flags are spelled as upstream spells them, so that an upstream
// binary can take its place; those that have only one value here refuse any other.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "ferretdb:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. Once the port is open it prints one line, "listening on mongodb://HOST:PORT/", to standard output, so
// that a test can ask for port 0 and read which one it was given.
func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("ferretdb", flag.ContinueOnError)
	listen := flags.String("listen-addr", "127.0.0.1:0", "TCP address to listen on; port 0 picks a free one")
	data := flags.String("sqlite-url", "", "directory of the SQLite files, as file:DIR/ with the trailing slash")
	handler := flags.String("handler", "sqlite", "storage engine; only sqlite is built in")
	telemetry := flags.String("telemetry", "disable", "only disable: nothing is ever reported")
	debug := flags.String("debug-addr", "-", "only -: there is no debug listener")
	verbose := flags.Bool("verbose", false, "log everything to standard error instead of warnings only")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *handler != "sqlite" || *telemetry != "disable" || *debug != "-" {
		return errors.New("only --handler=sqlite, --telemetry=disable and --debug-addr=- are supported")
	}
	if !strings.HasPrefix(*data, "file:") || !strings.HasSuffix(*data, "/") {
		return fmt.Errorf("--sqlite-url must be file:DIR/ but is %q", *data)
	}

	level := slog.LevelWarn
	if *verbose {
		level = slog.LevelDebug
	}
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: *listen},
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
		Handler:   *handler,
		SQLiteURL: *data,
	})
	if err != nil {
		return fmt.Errorf("starting: %w", err)
	}

	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	fmt.Println("listening on", server.MongoDBURI())
	return <-done
}
