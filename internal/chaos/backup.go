package chaos

import (
	"context"
	"os"

	"github.com/quellsec/quell/internal/fault"
)

// backup is what was saved: the store. Of the chat it is known how far its ledger had come.
type backup struct {
	dir  string
	told int // lines
}

func (c *cohort) save(ctx context.Context) error {
	c.backup = &backup{dir: c.dir + ".backup", told: len(c.chat.server.Ledger())}
	return c.whileClosed(ctx, func() error { return os.CopyFS(c.backup.dir, os.DirFS(c.dir)) })
}

// restore brings the backup back. The vendors don't forget what they were told since, nor
// do people; of quell nothing is left of it, and the workflows begin anew, as `quell
// rebuild` has them.
func (c *cohort) restore(ctx context.Context) error {
	c.weather.other["backups_restored"]++
	c.forgotten = map[string]bool{}
	for _, e := range c.chat.server.Ledger()[c.backup.told:] {
		c.forgotten[e.Channel+" "+e.Cause] = true
	}
	err := c.whileClosed(ctx, func() error {
		if err := os.RemoveAll(c.dir); err != nil {
			return fault.Wrap(fault.Internal, err, "removing a store")
		}
		return os.Rename(c.backup.dir, c.dir)
	})
	for _, l := range c.lives {
		l.forget()
		for m := range l.members {
			l.members[m].pending = nil
		}
	}
	return err
}

func (c *cohort) whileClosed(ctx context.Context, do func() error) error {
	if err := c.store.Close(); err != nil {
		return fault.Wrap(fault.KindOf(err), err, "closing a store")
	}
	if err := do(); err != nil {
		return fault.Wrap(fault.Internal, err, "copying a store")
	}
	calm := c.weather.calm
	c.weather.calm = true
	defer func() { c.weather.calm = calm }()
	if err := c.openStore(ctx); err != nil {
		return err
	}
	return c.reboot()
}
