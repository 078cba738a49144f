package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"github.com/quellsec/quell/internal/fault"
)

// writer is the one goroutine that writes. Requests that wait together share a commit,
// so that five hundred webhooks a second cost a few dozen syncs, not five hundred.
type writer struct {
	db    *sql.DB
	conn  *sql.Conn
	queue chan *request
	quit  chan struct{}
	ended chan struct{}
	once  sync.Once
}

// request is one unit of work. It is made whole or not at all.
type request struct {
	ctx     context.Context //nolint:containedctx // it is the caller's, on its way to the writer's goroutine
	durable bool            // on disk before the answer, not merely in the log; else it is large and gets a commit of its own
	do      func(*tx) error
	done    chan error
}

// mostTogether bounds how many requests share a commit, and so how long the first waits.
const mostTogether = 256

func startWriter(ctx context.Context, db *sql.DB) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{db: db, conn: conn, queue: make(chan *request, mostTogether), quit: make(chan struct{}), ended: make(chan struct{})}
	go w.run()
	return w, nil
}

// do runs fn in a transaction and waits for its commit. Once begun it is not interrupted.
func (w *writer) do(ctx context.Context, durable bool, fn func(*tx) error) error {
	r := &request{ctx: ctx, durable: durable, do: fn, done: make(chan error, 1)}
	select {
	case <-w.quit:
		return fault.New(fault.Unavailable, "writing to the store: it is closed")
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, ctx.Err(), "waiting to write to the store")
	case w.queue <- r:
	}
	select {
	case err := <-r.done:
		return err
	case <-w.ended:
		select {
		case err := <-r.done:
			return err
		default:
			return fault.New(fault.Unavailable, "writing to the store: it was closed")
		}
	}
}

func (w *writer) stop() error {
	w.once.Do(func() { close(w.quit) })
	<-w.ended
	return errors.Join(w.conn.Close(), w.db.Close())
}

func (w *writer) run() {
	defer close(w.ended)
	for {
		select {
		case r := <-w.queue:
			w.from(r)
		case <-w.quit:
			for len(w.queue) > 0 {
				w.from(<-w.queue)
			}
			return
		}
	}
}

// from commits a request together with those that wait behind it.
func (w *writer) from(first *request) {
	var batch []*request
	for r := first; r != nil; {
		if !r.durable {
			if len(batch) > 0 {
				w.commit(batch)
				batch = nil
			}
			w.commit([]*request{r})
		} else if batch = append(batch, r); len(batch) == mostTogether {
			break
		}
		select {
		case r = <-w.queue:
		default:
			r = nil
		}
	}
	if len(batch) > 0 {
		w.commit(batch)
	}
}

// commit runs the requests in one transaction, each under a savepoint of its own, so that
// one which fails leaves the others alone.
func (w *writer) commit(batch []*request) {
	ctx := context.Background() // a caller that goes away must not take the others' commit with it
	durable := false
	for _, r := range batch {
		durable = durable || r.durable
	}
	t := &tx{ctx: ctx, conn: w.conn}
	errs := make([]error, len(batch))
	err := w.conn.Raw(func(c any) (err error) {
		raw, ok := c.(rawConn)
		if !ok {
			return fmt.Errorf("the sqlite driver has no %T", raw)
		}
		t.raw = raw
		return t.commit(batch, errs, durable)
	})
	if err == nil {
		for _, f := range t.after {
			f()
		}
	}
	for i, r := range batch {
		switch {
		case errs[i] != nil:
			r.done <- errs[i]
		default:
			r.done <- fault.Wrap(fault.Unavailable, err, "committing to the store")
		}
	}
}

// rawConn is what the driver's connection can do. Going to it directly saves what
// database/sql spends on each of thousands of arguments.
type rawConn interface {
	driver.ExecerContext
	driver.QueryerContext
}

// tx is the transaction under way.
type tx struct {
	ctx   context.Context //nolint:containedctx // lives as long as one commit
	conn  *sql.Conn
	raw   rawConn
	after []func() // run once the commit stands
}

func (t *tx) commit(batch []*request, errs []error, durable bool) error {
	// A commit under NORMAL survives the process; under FULL it survives the machine.
	if durable {
		if err := t.exec("PRAGMA synchronous = FULL"); err != nil {
			return err
		}
		defer t.exec("PRAGMA synchronous = NORMAL") //nolint:errcheck // it cannot fail where the one before did not, and FULL is the safe side
	}
	if err := t.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if len(batch) == 1 { // no savepoint, which would copy every page before it changes
		if err := t.run(batch[0]); err != nil {
			errs[0] = fault.Wrap(kindOf(err), err, "writing to the store")
			return errors.Join(err, t.exec("ROLLBACK"))
		}
	} else {
		for i, r := range batch {
			errs[i] = t.guarded(r)
		}
	}
	if err := t.exec("COMMIT"); err != nil {
		return errors.Join(err, t.exec("ROLLBACK"))
	}
	return nil
}

func (t *tx) run(r *request) error {
	if err := r.ctx.Err(); err != nil {
		return fault.Wrap(fault.Unavailable, err, "waiting for other writes")
	}
	return r.do(t)
}

func (t *tx) guarded(r *request) error {
	kept := len(t.after)
	if err := t.exec("SAVEPOINT one"); err != nil {
		return fault.Wrap(fault.Unavailable, err, "writing to the store")
	}
	err := t.run(r)
	if err == nil {
		err = t.exec("RELEASE one")
	}
	if err != nil {
		t.after = t.after[:kept]
		err = errors.Join(err, t.exec("ROLLBACK TO one"), t.exec("RELEASE one"))
		return fault.Wrap(kindOf(err), err, "writing to the store")
	}
	return nil
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.raw.ExecContext(t.ctx, query, named(args))
	return err
}

// row reads the one row that a statement gives. It must give one.
func (t *tx) row(query string, args []any, into ...*int64) error {
	found := false
	err := t.query(query, args, func(values []driver.Value) error {
		found = true
		for i := range into {
			n, ok := values[i].(int64)
			if !ok {
				return fmt.Errorf("reading a number: it is a %T", values[i])
			}
			*into[i] = n
		}
		return nil
	})
	if err == nil && !found {
		err = errors.New("the statement gave no row")
	}
	return err
}

// query runs fn for each row. The values are only valid until fn returns.
func (t *tx) query(query string, args []any, fn func([]driver.Value) error) error {
	return eachRow(t.ctx, t.raw, query, args, fn)
}
