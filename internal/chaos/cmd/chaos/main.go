// Command chaos makes an experiment with many remediations while everything goes wrong, and
// counts: make chaos.
package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"

	"github.com/quellsec/quell/internal/chaos"
)

func main() {
	if err := run(os.Stdout, os.Stderr); err != nil {
		log.Fatalln("chaos:", err)
	}
}

// roomy lets garbage wait: there is memory enough, and time is what counts.
const roomy = 400

// run makes the experiment: out gets the counts, progress how far it came.
func run(out, progress io.Writer) error {
	debug.SetGCPercent(roomy)
	o := chaos.Options{Out: out, Tell: func(done, of int) { fmt.Fprintf(progress, "\r%d of %d remediations", done, of) }}
	seed := flag.String("seed", os.Getenv("SEED"), "of the experiment; empty: a new one")
	flag.IntVar(&o.Size, "size", 100_000, "remediations")
	flag.IntVar(&o.Cohort, "cohort", 0, "remediations in one quell")
	flag.IntVar(&o.Parallel, "parallel", 0, "quells at a time")
	flag.StringVar(&o.Desk, "tracker", "", "the one connector to use; empty: all in turn")
	flag.Parse()
	var err error
	if o.Seed, err = seedOf(*seed); err != nil {
		return err
	}
	fmt.Fprintf(out, "chaos seed %d\n", o.Seed)
	if o.Dir, err = os.MkdirTemp("", "quell-chaos-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(o.Dir) }()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err = chaos.Run(ctx, o)
	fmt.Fprintln(progress)
	return err
}

func seedOf(text string) (uint64, error) {
	if text != "" {
		return strconv.ParseUint(text, 10, 64)
	}
	var b [8]byte
	_, err := rand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:]) >> 1, err
}
