package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store/engine"
)

func things() *engine.Collection {
	return &engine.Collection{
		Name:    "things",
		Fields:  []engine.Field{{Name: "state"}, {Name: "due", Kind: engine.Int}, {Name: "scope", Kind: engine.Texts}},
		Indexes: []engine.Index{{Fields: []string{"state", "due"}}, {Fields: []string{"scope", "due"}}},
		Cube:    []string{"state", "scope"},
	}
}

func thing(id string, version int64, state string) engine.Doc {
	return engine.Doc{ID: id, Version: version, Values: []any{state, int64(1), []string{"dmz"}}, Body: []byte(`{"id":"` + id + `"}`)}
}

func open(t *testing.T, dir string) *Engine {
	t.Helper()
	e, err := Open(t.Context(), dir, Options{Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	require.NoError(t, e.Prepare(t.Context(), []*engine.Collection{things()}))
	return e
}

func TestASecondOpenerIsToldWhoHasTheDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, err := Open(t.Context(), dir, Options{Now: time.Now})
	require.NoError(t, err)
	_, err = Open(t.Context(), dir, Options{Now: time.Now})
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	require.ErrorContains(t, err, "process "+strconv.Itoa(os.Getpid()))
	require.NoError(t, e.Close())
	e, err = Open(t.Context(), dir, Options{Now: time.Now})
	require.NoError(t, err, "what was closed can be opened")
	require.NoError(t, e.Close())
}

func TestOneRequestThatFailsLeavesThoseThatShareItsCommit(t *testing.T) {
	t.Parallel()
	e := open(t, t.TempDir())
	broken := errors.New("broken")
	// The writer is held until all requests wait behind it, so that they share a commit.
	release, held := make(chan struct{}), make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		assert.NoError(t, e.write.do(t.Context(), true, func(*tx) error { close(held); <-release; return nil }))
	})
	<-held
	for i := range 20 {
		wait.Go(func() {
			err := e.write.do(t.Context(), true, func(x *tx) error {
				inserted := []bool{false}
				if err := e.table(things()).insert(x, []engine.Doc{thing(fmt.Sprint(i), 1, "open")}, inserted); err != nil {
					return err
				}
				if i%2 == 1 {
					return broken
				}
				return nil
			})
			if i%2 == 1 {
				assert.ErrorIs(t, err, broken)
			} else {
				assert.NoError(t, err)
			}
		})
	}
	for len(e.write.queue) < 20 {
		runtime.Gosched() // to the goroutines on their way into the queue
	}
	close(release)
	wait.Wait()
	counts, err := e.Count(t.Context(), things(), nil, "state")
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"open": 10}, counts, "counts are of what was committed")
	for i := range 20 {
		docs, err := e.Get(t.Context(), things(), []string{fmt.Sprint(i)})
		require.NoError(t, err)
		require.Len(t, docs, 1-i%2)
	}
}

func TestARequestThatFailsAloneLeavesNothing(t *testing.T) {
	t.Parallel()
	e := open(t, t.TempDir())
	broken := errors.New("broken")
	for _, durable := range []bool{true, false} {
		err := e.write.do(t.Context(), durable, func(x *tx) error {
			if err := e.table(things()).insert(x, []engine.Doc{thing("a", 1, "open")}, []bool{false}); err != nil {
				return err
			}
			return broken
		})
		require.ErrorIs(t, err, broken)
		docs, err := e.Get(t.Context(), things(), []string{"a"})
		require.NoError(t, err)
		require.Empty(t, docs)
		counts, err := e.Count(t.Context(), things(), nil, "")
		require.NoError(t, err)
		require.Zero(t, counts[""])
	}
}

func TestTheOnlyOneOfItsKindIsFoundByEveryWay(t *testing.T) {
	t.Parallel()
	e := open(t, t.TempDir())
	docs := make([]engine.Doc, 0, 500)
	for i := range 500 {
		docs = append(docs, thing(strconv.Itoa(i), 1, "open"))
	}
	docs[499].Values = []any{"rare", int64(2), []string{"pci"}}
	_, err := e.Insert(t.Context(), things(), docs)
	require.NoError(t, err)
	for _, where := range [][]engine.Cond{
		{{Field: "state", Values: []any{"rare"}}}, {{Field: "scope", Values: []any{"pci"}}}, {{Field: "scope", Values: []any{"pci", "none"}}},
		{{Field: "due", Op: engine.From, Values: []any{int64(2)}}}, {{Field: "state", Values: []any{"rare", "none"}}, {Field: "scope", Values: []any{"pci", "dmz"}}},
	} {
		for _, sort := range [][]string{{"due"}, {"state", "due"}, {engine.ID}} {
			found, err := e.Find(t.Context(), things(), engine.Query{Where: where, Sort: sort, Limit: 10})
			require.NoError(t, err)
			require.Len(t, found, 1, "%v by %v", where, sort)
			require.Equal(t, "499", found[0].ID)
		}
	}
}

func TestAClosedStoreRefusesWritesInsteadOfHanging(t *testing.T) {
	t.Parallel()
	e, err := Open(t.Context(), t.TempDir(), Options{Now: time.Now})
	require.NoError(t, err)
	require.NoError(t, e.Close())
	_, err = e.Next(t.Context(), "any")
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
}

func TestACallerThatGaveUpWritesNothing(t *testing.T) {
	t.Parallel()
	e := open(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := e.Insert(ctx, things(), []engine.Doc{thing("a", 1, "open")})
	require.ErrorIs(t, err, context.Canceled)
	docs, err := e.Get(t.Context(), things(), []string{"a"})
	require.NoError(t, err)
	require.Empty(t, docs)
}

func TestTheKeptCountsAreThoseOfTheRowsAfterEveryKindOfWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := open(t, dir)
	docs := make([]engine.Doc, 0, 100)
	for i := range 100 {
		docs = append(docs, thing(fmt.Sprint(i), 1, []string{"open", "closed", ""}[i%3]))
	}
	_, err := e.Insert(t.Context(), things(), docs)
	require.NoError(t, err)
	for i := range docs[:60] {
		docs[i] = thing(docs[i].ID, 2, "merged")
	}
	_, err = e.Swap(t.Context(), things(), docs[:40])
	require.NoError(t, err)
	require.NoError(t, e.Put(t.Context(), things(), docs[40:60]))
	require.NoError(t, e.Delete(t.Context(), things(), []string{"1", "99", "none"}))
	want := map[string]int64{}
	for _, state := range []string{"open", "closed", "", "merged"} {
		found, err := e.Find(t.Context(), things(), engine.Query{Where: []engine.Cond{{Field: "state", Values: []any{state}}}, Sort: []string{engine.ID}, Limit: 1000})
		require.NoError(t, err)
		want[state] = int64(len(found))
	}
	require.EqualValues(t, 59, want["merged"])
	got, err := e.Count(t.Context(), things(), nil, "state")
	require.NoError(t, err)
	require.Equal(t, want, got)
	byScope, err := e.Find(t.Context(), things(), engine.Query{Where: []engine.Cond{{Field: "scope", Values: []any{"dmz"}}}, Sort: []string{"due"}, Limit: 1000})
	require.NoError(t, err)
	require.Len(t, byScope, 98, "the side table follows")
}

func TestALargeBlobIsAFileAndASmallOneIsNot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := open(t, dir)
	for name, size := range map[string]int{strings.Repeat("a", 64): small, strings.Repeat("b", 64): small + 1} {
		w, err := e.Blobs().Create(t.Context())
		require.NoError(t, err)
		_, err = w.Write(bytes.Repeat([]byte("x"), size))
		require.NoError(t, err)
		_, err = e.Blobs().Open(t.Context(), name)
		require.True(t, fault.Is(err, fault.NotFound), "nothing is there before the commit")
		require.NoError(t, w.Commit(name))
		_, err = os.Stat(filepath.Join(dir, "blobs", name[:2], name[2:]))
		require.Equal(t, size > small, err == nil)
	}
	left, err := os.ReadDir(filepath.Join(dir, "blobs", "temporary"))
	require.NoError(t, err)
	require.Empty(t, left)
	var names []string
	require.NoError(t, e.Blobs().Each(t.Context(), time.Now().Add(time.Hour), func(name string) error {
		names = append(names, name)
		return e.Blobs().Remove(t.Context(), name)
	}))
	require.ElementsMatch(t, []string{strings.Repeat("a", 64), strings.Repeat("b", 64)}, names)
	there, err := e.Blobs().Exists(t.Context(), names[0])
	require.NoError(t, err)
	require.False(t, there)
}

func TestABodyIsReadAsItWasHoweverItIsKept(t *testing.T) {
	t.Parallel()
	c, err := newCodec()
	require.NoError(t, err)
	for _, body := range []string{"{}", "", strings.Repeat("x", shortBody), string(dictionary), "\x28\xb5\x2f\xfd" + strings.Repeat("long enough to be packed ", 20)} {
		got, err := c.unpack(c.pack([]byte(body)))
		require.NoError(t, err)
		require.Equal(t, body, string(got))
	}
	require.Less(t, len(c.pack(dictionary[:2000])), 100)
	_, err = c.unpack([]byte("\x28\xb5\x2f\xfd damaged"))
	require.Error(t, err)
	require.NoError(t, c.close())
}

// TestWhatWasAnsweredIsThereAfterAKill runs itself as a child that inserts and says so,
// kills it while it works, and looks for what it said.
func TestWhatWasAnsweredIsThereAfterAKill(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv("QUELL_TEST_CHILD"); dir != "" {
		e, err := Open(t.Context(), dir, Options{Now: time.Now})
		require.NoError(t, err)
		require.NoError(t, e.Prepare(t.Context(), []*engine.Collection{things()}))
		for i := 0; ; i++ {
			docs := make([]engine.Doc, 1+i%2*100) // alone, and as one of many
			for j := range docs {
				docs[j] = thing(fmt.Sprintf("%d-%d", i, j), 1, "open")
			}
			_, err := e.Insert(t.Context(), things(), docs)
			require.NoError(t, err)
			fmt.Printf("inserted %d\n", i) //nolint:forbidigo // this is the child's way to answer
		}
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWhatWasAnsweredIsThereAfterAKill$")
	cmd.Env = append(os.Environ(), "QUELL_TEST_CHILD="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	answered, buffer, seen := -1, make([]byte, 4096), ""
	for answered < 30 {
		n, err := out.Read(buffer)
		require.NoError(t, err)
		seen += string(buffer[:n])
		answered = strings.Count(seen, "inserted ") - 1
	}
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())

	e := open(t, dir)
	total := int64(0)
	for i := range answered { // the last line may have been cut off
		docs, err := e.Get(t.Context(), things(), []string{fmt.Sprintf("%d-%d", i, i%2*100)})
		require.NoError(t, err)
		require.Len(t, docs, 1, "insert %d was answered", i)
		total += int64(1 + i%2*100)
	}
	counts, err := e.Count(t.Context(), things(), nil, "")
	require.NoError(t, err)
	require.GreaterOrEqual(t, counts[""], total)
	found, err := e.Find(t.Context(), things(), engine.Query{Sort: []string{engine.ID}, Limit: 1_000_000})
	require.NoError(t, err)
	require.EqualValues(t, len(found), counts[""], "kept counts are those of the rows")
}

func TestAFieldThatIsNewIsThereInAnOldStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old := &engine.Collection{Name: "things", Fields: []engine.Field{{Name: "a"}}}
	e, err := Open(t.Context(), dir, Options{})
	require.NoError(t, err)
	require.NoError(t, e.Prepare(t.Context(), []*engine.Collection{old}))
	_, err = e.Insert(t.Context(), old, []engine.Doc{{ID: "1", Version: 1, Values: []any{"x"}, Body: []byte("{}")}})
	require.NoError(t, err)
	require.NoError(t, e.Close())

	wider := &engine.Collection{Name: "things", Fields: []engine.Field{{Name: "b", Kind: engine.Int}, {Name: "a"}}, Indexes: []engine.Index{{Fields: []string{"b"}, Sparse: true}}}
	e, err = Open(t.Context(), dir, Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	require.NoError(t, e.Prepare(t.Context(), []*engine.Collection{wider}))
	require.NoError(t, e.Prepare(t.Context(), []*engine.Collection{wider}), "and again")
	swapped, err := e.Swap(t.Context(), wider, []engine.Doc{{ID: "1", Version: 2, Values: []any{int64(7), "x"}, Body: []byte("{}")}})
	require.NoError(t, err)
	require.Equal(t, []bool{true}, swapped)
	found, err := e.Find(t.Context(), wider, engine.Query{Where: []engine.Cond{{Field: "b", Values: []any{int64(7)}}, {Field: "a", Values: []any{"x"}}}, Sort: []string{"b"}, Limit: 2})
	require.NoError(t, err)
	require.Len(t, found, 1)
}
