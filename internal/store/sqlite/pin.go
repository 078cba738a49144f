package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
)

// pin keeps one allocation of the size that SQLite needs at every split of a page. The
// driver's allocator gives memory back to the system when the last allocation of a size
// is freed, a page of its own at a time: without this, every split maps and unmaps one.
type pin struct {
	db   *sql.DB
	conn *sql.Conn
	rows driver.Rows
}

// splitBytes is between 8 and 16 KiB, one size to the allocator, as the scratch space of
// nearly all splits is: a page and ten bytes for each cell of its neighbours. The
// allocator never keeps what is larger.
const splitBytes = 12 << 10

func newPin(ctx context.Context) (*pin, error) {
	p := &pin{db: connect(":memory:", 1)}
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, p.db.Close())
	}
	p.conn = conn
	err = conn.Raw(func(c any) error {
		raw, ok := c.(rawConn)
		if !ok {
			return fmt.Errorf("the sqlite driver has no %T", raw)
		}
		// The row holds the bytes while it is the current one, so it stays open.
		rows, err := raw.QueryContext(context.WithoutCancel(ctx), "SELECT randomblob(?)", named([]any{int64(splitBytes)}))
		p.rows = rows
		return err
	})
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *pin) close() error {
	var err error
	if p.rows != nil {
		err = p.rows.Close()
	}
	return errors.Join(err, p.conn.Close(), p.db.Close())
}
