package whole

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/quellsec/quell/internal/daemon"
)

// killer ends processes of the house as a power cut would, at random moments. Whatever
// it kills, whoever keeps the house starts it again.
type killer struct {
	rand  *rand.Rand
	pause time.Duration // between two kills, on average
	kills map[string]int
}

// victims are the programs that die, each as likely as the others.
func victims() []string { return []string{"quell", "quell-probe", "temporal"} }

// run kills until ctx ends. The daemon is asked for anew each time: it has many lives.
func (k *killer) run(ctx context.Context, alive func() *daemon.Daemon) {
	for {
		pause := time.NewTimer(time.Duration((0.5 + k.rand.Float64()) * float64(k.pause)))
		select {
		case <-ctx.Done():
			pause.Stop()
			return
		case <-pause.C:
		}
		victim := victims()[k.rand.IntN(len(victims()))]
		d := alive()
		if d == nil {
			continue
		}
		processes := d.Processes()
		i := slices.IndexFunc(processes, func(p daemon.Process) bool { return p.Name == victim })
		if i >= 0 && processes[i].Kill() == nil {
			k.kills[victim]++
		}
	}
}
