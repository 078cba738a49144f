package sqlite

import (
	"context"
	"database/sql/driver"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// counting counts what is prepared.
type counting struct {
	wholeConn
	prepared map[string]int
}

func (c *counting) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.prepared[query]++
	return c.wholeConn.PrepareContext(ctx, query)
}

func opened(t *testing.T) (*conn, *counting) {
	t.Helper()
	c, err := connector{dsn: "file:" + filepath.Join(t.TempDir(), "x.db")}.Connect(t.Context())
	require.NoError(t, err)
	made, ok := c.(*conn)
	require.True(t, ok)
	count := &counting{wholeConn: made.wholeConn, prepared: map[string]int{}}
	made.wholeConn = count
	t.Cleanup(func() { require.NoError(t, made.Close()) })
	_, err = made.ExecContext(t.Context(), "CREATE TABLE x (a INTEGER PRIMARY KEY, b TEXT) STRICT", nil)
	require.NoError(t, err)
	return made, count
}

func firsts(t *testing.T, c *conn, query string, args ...any) (out []int64) {
	t.Helper()
	require.NoError(t, eachRow(t.Context(), c, query, args, func(v []driver.Value) error {
		out = append(out, integer(v[0]))
		return nil
	}))
	return out
}

func TestAStatementIsParsedOnce(t *testing.T) {
	c, count := opened(t)
	for i := range 5 {
		_, err := c.ExecContext(t.Context(), "INSERT INTO x VALUES (?, ?)", named([]any{int64(i), strconv.Itoa(i)}))
		require.NoError(t, err)
		require.Equal(t, []int64{int64(i)}, firsts(t, c, "SELECT a FROM x WHERE b = ?", strconv.Itoa(i)), "what was bound before is gone")
	}
	require.Equal(t, 1, count.prepared["INSERT INTO x VALUES (?, ?)"])
	require.Equal(t, 1, count.prepared["SELECT a FROM x WHERE b = ?"])

	_, err := c.ExecContext(t.Context(), "ALTER TABLE x ADD COLUMN c TEXT", nil)
	require.NoError(t, err)
	require.Equal(t, []int64{3}, firsts(t, c, "SELECT a FROM x WHERE b = ?", "3"), "it follows a change of the schema")
}

func TestAQueryInsideOfItselfHasAStatementOfItsOwn(t *testing.T) {
	c, _ := opened(t)
	_, err := c.ExecContext(t.Context(), "INSERT INTO x VALUES (1, 'a'), (2, 'b'), (3, 'c')", nil)
	require.NoError(t, err)
	const query = "SELECT a FROM x WHERE a >= ? ORDER BY a"
	var seen []int64
	require.NoError(t, eachRow(t.Context(), c, query, []any{int64(1)}, func(v []driver.Value) error {
		seen = append(seen, integer(v[0]))
		seen = append(seen, firsts(t, c, query, integer(v[0])+1)...)
		return nil
	}))
	require.Equal(t, []int64{1, 2, 3, 2, 3, 3}, seen)
}

// TestNoPragmaIsKept: some take effect while they are parsed, and durable commits switch
// with one.
func TestNoPragmaIsKept(t *testing.T) {
	c, _ := opened(t)
	for range 3 {
		for text, level := range map[string]int64{"FULL": 2, "NORMAL": 1} {
			_, err := c.ExecContext(t.Context(), "PRAGMA synchronous = "+text, nil)
			require.NoError(t, err)
			require.Equal(t, []int64{level}, firsts(t, c, "PRAGMA synchronous"))
		}
	}
	for query := range c.ready {
		require.NotContains(t, query, "PRAGMA")
	}
}

func TestWhatFailedIsNotKeptAndTheOthersAreBounded(t *testing.T) {
	c, _ := opened(t)
	const insert = "INSERT INTO x VALUES (1, ?)"
	_, err := c.ExecContext(t.Context(), insert, named([]any{"a"}))
	require.NoError(t, err)
	_, err = c.ExecContext(t.Context(), insert, named([]any{"b"}))
	require.ErrorContains(t, err, "UNIQUE")
	require.NotContains(t, c.ready, insert)
	_, err = c.ExecContext(t.Context(), "DELETE FROM x", nil)
	require.NoError(t, err)
	_, err = c.ExecContext(t.Context(), insert, named([]any{"b"}))
	require.NoError(t, err)
	for i := range 3 * mostReady {
		require.Empty(t, firsts(t, c, "SELECT a FROM x WHERE a = 1000 + "+strconv.Itoa(i)))
		require.LessOrEqual(t, len(c.ready), mostReady)
	}
	long := "SELECT a FROM x WHERE b IN (" + strings.Repeat("'y', ", longestText) + "'z')"
	require.Empty(t, firsts(t, c, long))
	require.NotContains(t, c.ready, long)
}
