// Command whole lives through whole lifecycles with the real binaries while their processes
// are killed, and counts: the second half of make chaos.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/quellsec/quell/internal/chaos/whole"
)

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatalln("chaos:", err)
	}
}

// run makes the experiment and writes the counts.
func run(out io.Writer) error {
	o := whole.Options{Out: out}
	seed := flag.String("seed", os.Getenv("SEED"), "of the experiment; empty: a new one")
	flag.StringVar(&o.Binary, "quell", "bin/quell", "path of quell")
	flag.StringVar(&o.Templates, "templates", "internal/demo/templates", "folder of the demo's templates")
	flag.IntVar(&o.Teams, "teams", 15, "teams")
	flag.IntVar(&o.Sites, "sites", 10, "weak sites of each team; each site has two weaknesses")
	flag.DurationVar(&o.Kill, "kill", 8*time.Second, "between two kills, on average")
	flag.DurationVar(&o.Deed, "deed", 250*time.Millisecond, "between two deeds of people")
	flag.DurationVar(&o.Patience, "patience", 25*time.Minute, "for all of it")
	flag.Parse()
	o.Seed = rand.Uint64() >> 1 //nolint:gosec // an experiment is to be repeated, not to be unforeseeable
	if *seed != "" {
		given, err := strconv.ParseUint(*seed, 10, 64)
		if err != nil {
			return fmt.Errorf("reading the seed: %w", err)
		}
		o.Seed = given
	}
	fmt.Fprintf(out, "chaos seed %d\n", o.Seed)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	counts, err := whole.Run(ctx, o)
	for _, c := range counts {
		fmt.Fprintf(out, "chaos %s %d of %d\n", c.Name, c.Count, c.Of)
		if !c.Good() {
			err = errors.Join(err, fmt.Errorf("%s is %d, and must be %d", c.Name, c.Count, c.Want))
		}
	}
	return err
}
