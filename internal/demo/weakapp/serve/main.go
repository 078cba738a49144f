// Command serve runs the weak app alone on its fixed addresses until it is interrupted,
// for taking scanner reports of it. The demo itself starts the app as a package.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/quellsec/quell/internal/demo/weakapp"
)

func main() {
	off := flag.String("off", "", "weaknesses to leave out, separated by commas")
	flag.Parse()
	if err := run(*off); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

func run(off string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	opts := weakapp.Fixed()
	var err error
	if opts.Off, err = weakapp.Parse(off); err != nil {
		return err
	}
	app, err := weakapp.Start(ctx, opts)
	if err != nil {
		return err
	}
	fmt.Println("portal ", app.PortalURL())
	fmt.Println("gateway", app.PortalTLSURL())
	fmt.Println("files  ", app.FilesURL())
	fmt.Println("console", app.ConsoleAddr())
	<-ctx.Done()
	return app.Close()
}
