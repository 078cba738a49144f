package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"

	"modernc.org/sqlite"
)

// connector opens connections that keep their statements prepared.
type connector struct{ dsn string }

// Driver implements driver.Connector.
func (c connector) Driver() driver.Driver { return &sqlite.Driver{} }

// Connect implements driver.Connector.
func (c connector) Connect(context.Context) (driver.Conn, error) {
	opened, err := c.Driver().Open(c.dsn)
	if err != nil {
		return nil, err
	}
	whole, ok := opened.(wholeConn)
	if !ok {
		return nil, errors.Join(errors.New("the sqlite driver's connections lack a method"), opened.Close())
	}
	return &conn{wholeConn: whole, ready: map[string]prepared{}}, nil
}

// wholeConn is what database/sql and we ask of the driver's connection.
type wholeConn interface {
	driver.Conn
	driver.ConnBeginTx
	pooled
	runner
}

// pooled is what a pool asks of a connection.
type pooled interface {
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// runner runs statements.
type runner interface {
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
}

// conn is a connection that remembers what it has prepared: parsing a statement takes as
// long as running one that looks up a row. One connection is used by one goroutine.
type conn struct {
	wholeConn
	ready map[string]prepared // not in use, by text
}

const (
	mostReady   = 200     // statements of one connection; a statement takes some ten kilobytes
	longestText = 2 << 10 // longer ones, for many rows at once, are parsed in a small part of the time that they run
)

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if !keeps(query) {
		return c.wholeConn.ExecContext(ctx, query, args)
	}
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := s.ExecContext(ctx, args)
	return r, errors.Join(err, c.put(query, s, err))
}

// QueryContext implements driver.QueryerContext. The statement is taken until the rows are
// closed, so that a query inside of a query has one of its own.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if !keeps(query) {
		return c.wholeConn.QueryContext(ctx, query, args)
	}
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, errors.Join(err, c.put(query, s, err))
	}
	return &rows{Rows: r, done: func(err error) error { return errors.Join(err, c.put(query, s, err)) }}, nil
}

// Close implements driver.Conn.
func (c *conn) Close() error {
	return errors.Join(c.forget(), c.wholeConn.Close())
}

// keeps reports whether a statement is worth keeping, and may be: a PRAGMA can take effect
// while it is prepared, and would do so only once.
func keeps(query string) bool {
	return len(query) <= longestText && !strings.HasPrefix(query, "PRAGMA")
}

// prepared is what we ask of a prepared one.
type prepared interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

func (c *conn) take(ctx context.Context, query string) (prepared, error) {
	if s := c.ready[query]; s != nil {
		delete(c.ready, query)
		return s, nil
	}
	made, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s, ok := made.(prepared)
	if !ok {
		return nil, errors.Join(errors.New("the sqlite driver's statements take no context"), made.Close())
	}
	return s, nil
}

// put keeps a statement that did well. Where there are too many, all are prepared anew:
// that happens seldom, and knowing which one is used least would cost something always.
func (c *conn) put(query string, s prepared, failed error) error {
	if failed != nil || c.ready[query] != nil {
		return s.Close()
	}
	var err error
	if len(c.ready) == mostReady {
		err = c.forget()
	}
	c.ready[query] = s
	return err
}

func (c *conn) forget() error {
	errs := make([]error, 0, len(c.ready))
	for _, s := range c.ready {
		errs = append(errs, s.Close())
	}
	clear(c.ready)
	return errors.Join(errs...)
}

// rows are those of a statement that is kept.
type rows struct {
	driver.Rows
	done func(error) error
}

// Close implements driver.Rows.
func (r *rows) Close() error {
	if r.done == nil {
		return nil
	}
	done := r.done
	r.done = nil
	return done(r.Rows.Close())
}
