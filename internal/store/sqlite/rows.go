package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

func named(args []any) []driver.NamedValue {
	out := make([]driver.NamedValue, len(args))
	for i, a := range args {
		out[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return out
}

// eachRow runs fn for each row of a query on the driver's own connection.
func eachRow(ctx context.Context, raw driver.QueryerContext, query string, args []any, fn func([]driver.Value) error) (err error) {
	rows, err := raw.QueryContext(ctx, query, named(args))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	values := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(values); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := fn(values); err != nil {
			return err
		}
	}
}

// query runs fn for each row of a query on one of the readers.
func (e *Engine) query(ctx context.Context, query string, args []any, fn func([]driver.Value) error) (err error) {
	conn, err := e.read.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return conn.Raw(func(c any) error {
		raw, ok := c.(rawConn)
		if !ok {
			return fmt.Errorf("the sqlite driver has no %T", raw)
		}
		return eachRow(ctx, raw, query, args, fn)
	})
}

func integer(v driver.Value) int64 {
	n, _ := v.(int64) // NULL is zero, and STRICT tables hold nothing else
	return n
}

func text(v driver.Value) string {
	switch s := v.(type) {
	case string:
		return s
	case []byte:
		return string(s)
	}
	return ""
}

func blob(v driver.Value) []byte {
	switch s := v.(type) {
	case string:
		return []byte(s)
	case []byte:
		return s
	}
	return nil
}
