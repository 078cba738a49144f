package storetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store"
	"github.com/quellsec/quell/internal/store/engine"
)

func blobs(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	s := Open(t, address(t))
	t.Run("a blob of any size is read as it was written", func(t *testing.T) {
		for _, size := range []int{0, 1, 1000, 64 << 10, 1<<20 - 1, 1 << 20, 3<<20 + 17} {
			want := noise(size)
			sha, n, err := s.PutBlob(t.Context(), bytes.NewReader(want), math.MaxInt64)
			require.NoError(t, err)
			require.EqualValues(t, size, n)
			sum := sha256.Sum256(want)
			require.Equal(t, hex.EncodeToString(sum[:]), sha)
			require.Equal(t, string(want), read(t, s, sha), "%d bytes", size)
		}
	})

	t.Run("the same blob from sixteen writers at once is one blob", func(t *testing.T) { writtenAtOnce(t, s) })
	t.Run("one byte too many is refused while streaming, and nothing is kept", func(t *testing.T) { tooLarge(t, s) })
	t.Run("a blob that is not what it was announced as is refused", func(t *testing.T) { announced(t, s) })

	t.Run("a name that is no hash is not found", func(t *testing.T) {
		for _, name := range []string{"", "..", "../lock", strings.Repeat("g", 64), strings.Repeat("a", 63)} {
			_, err := s.Blob(t.Context(), name)
			require.True(t, fault.Is(err, fault.NotFound), "%q: %v", name, err)
		}
	})

	t.Run("stored bytes that changed are not taken for the blob", func(t *testing.T) { damaged(t, address) })
	t.Run("pruning removes bodies by age, keeps what is needed, and leaves the records", func(t *testing.T) { pruned(t, address) })
}

func writtenAtOnce(t *testing.T, s *store.Store) {
	t.Helper()
	for _, size := range []int{500, 2 << 20} {
		want := noise(size + 1)
		var group errgroup.Group
		for range writers {
			group.Go(func() error {
				_, _, err := s.PutBlob(t.Context(), bytes.NewReader(want), math.MaxInt64)
				return err
			})
		}
		require.NoError(t, group.Wait())
		sum := sha256.Sum256(want)
		require.Equal(t, string(want), read(t, s, hex.EncodeToString(sum[:])))
	}
}

func announced(t *testing.T, s *store.Store) {
	t.Helper()
	sum := sha256.Sum256([]byte("evidence"))
	sha := hex.EncodeToString(sum[:])
	for name, body := range map[string]string{sha: "other", "../../etc/passwd": "evidence", strings.ToUpper(sha): "evidence", "": "evidence"} {
		err := s.PutBlobAs(t.Context(), name, strings.NewReader(body), 100)
		require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	}
	_, err := s.Blob(t.Context(), sha)
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	for range 2 {
		require.NoError(t, s.PutBlobAs(t.Context(), sha, strings.NewReader("evidence"), 100))
	}
	require.Equal(t, "evidence", read(t, s, sha))
}

func tooLarge(t *testing.T, s *store.Store) {
	t.Helper()
	body := bytes.Repeat([]byte("0123456789"), 300_000)
	_, _, err := s.PutBlob(t.Context(), bytes.NewReader(body), int64(len(body)))
	require.NoError(t, err)
	body = append(body, 'x')
	endless := io.MultiReader(bytes.NewReader(body), forever{})
	_, _, err = s.PutBlob(t.Context(), endless, int64(len(body))-1)
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	sum := sha256.Sum256(body)
	there, err := s.HasBlob(t.Context(), hex.EncodeToString(sum[:]))
	require.NoError(t, err)
	require.False(t, there)
}

// noise gives bytes that nothing makes smaller, the same for each size.
func noise(size int) []byte {
	b, seed := make([]byte, size), [32]byte{}
	copy(seed[:], strconv.Itoa(size))
	_, _ = rand.NewChaCha8(seed).Read(b) // it never fails
	return b
}

// forever never ends.
type forever struct{}

func (forever) Read(p []byte) (int, error) { return len(p), nil }

func damaged(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	var e engine.Engine
	s := openWith(t, address(t), func(inner engine.Engine) engine.Engine { e = inner; return inner })
	sha, _, err := s.PutBlob(t.Context(), strings.NewReader("the truth"), 100)
	require.NoError(t, err)
	other, _, err := s.PutBlob(t.Context(), strings.NewReader("a lie"), 100)
	require.NoError(t, err)
	for name, spoil := range map[string]func([]byte) []byte{
		"another body":   func([]byte) []byte { return stored(t, e, other) },
		"cut short":      func(b []byte) []byte { return b[:len(b)-3] },
		"one bit":        func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"not a blob":     func([]byte) []byte { return []byte("hello") },
		"nothing at all": func([]byte) []byte { return nil },
	} {
		bytesNow := spoil(stored(t, e, sha))
		fake := strings.Repeat("0", 63) + strconv.Itoa(len(name)%10)
		require.NoError(t, e.Blobs().Remove(t.Context(), fake))
		w, err := e.Blobs().Create(t.Context())
		require.NoError(t, err)
		_, err = w.Write(bytesNow)
		require.NoError(t, err)
		require.NoError(t, w.Commit(fake))
		r, err := s.Blob(t.Context(), fake)
		if err == nil {
			_, err = io.ReadAll(r)
			require.NoError(t, r.Close())
		}
		require.True(t, fault.Is(err, fault.Internal), "%s: %v", name, err)
	}
}

func stored(t *testing.T, e engine.Engine, name string) []byte {
	t.Helper()
	r, err := e.Blobs().Open(t.Context(), name)
	require.NoError(t, err)
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return b
}

// bodies are blobs of deliveries: those that are needed, and those whose work is done.
type bodies struct {
	t            *testing.T
	s            *store.Store
	needed, done []string
}

func (b *bodies) put(text string) string {
	b.t.Helper()
	sha, _, err := b.s.PutBlob(b.t.Context(), strings.NewReader(text), math.MaxInt64)
	require.NoError(b.t, err)
	return sha
}

func (b *bodies) deliver(id, via, body string, status exposure.DeliveryStatus) exposure.Delivery {
	b.t.Helper()
	d, _, err := b.s.AcceptDelivery(b.t.Context(), exposure.Delivery{ID: id, Source: "a", Via: via}, strings.NewReader(body))
	require.NoError(b.t, err)
	d.Status = status
	require.NoError(b.t, b.s.PutDelivery(b.t.Context(), d))
	return d
}

// uploaded delivers one body in each status that needs it, and gives one that is done.
func (b *bodies) uploaded() exposure.Delivery {
	b.t.Helper()
	for _, status := range []exposure.DeliveryStatus{exposure.DeliveryReceived, exposure.DeliveryWorking, exposure.DeliveryParked, exposure.DeliveryFailed} {
		b.needed = append(b.needed, b.deliver("uploaded "+string(status), exposure.ViaUpload, "body "+string(status), status).Body)
	}
	d := b.deliver("done", exposure.ViaUpload, "done", exposure.DeliveryDone)
	b.done = append(b.done, d.Body)
	return d
}

// pulled delivers two pages in each status.
func (b *bodies) pulled() {
	b.t.Helper()
	for _, status := range []exposure.DeliveryStatus{exposure.DeliveryReceived, exposure.DeliveryWorking, exposure.DeliveryParked, exposure.DeliveryFailed,
		exposure.DeliveryDone, exposure.DeliveryRepeated, exposure.DeliveryRejected} {
		first, second := b.put("first "+string(status)), b.put("second "+string(status))
		d := b.deliver("pulled "+string(status), exposure.ViaPull, `{"sync":"`+string(status)+`","pages":["`+first+`","`+second+`"]}`, status)
		list := &b.needed
		if d.Status == exposure.DeliveryDone || d.Status == exposure.DeliveryRepeated || d.Status == exposure.DeliveryRejected {
			list = &b.done
		}
		*list = append(*list, first, second, d.Body)
	}
}

func pruned(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	s := Open(t, address(t))
	ctx := t.Context()
	long := time.Now().Add(100 * 365 * 24 * time.Hour)
	b := &bodies{t: t, s: s}
	kept := b.uploaded()
	require.NoError(t, s.PutSnapshot(ctx, "policy", "digest", []byte("policy")))
	b.pulled()
	// And pages of a sync that runs.
	sync := exposure.Sync{Source: "a", Name: "runs", Status: exposure.SyncRunning}
	step, err := s.AddStep(ctx, exposure.SyncStep{Source: "a", Sync: "runs", N: 1, Next: "2"}, strings.NewReader("step"), math.MaxInt64)
	require.NoError(t, err)
	_, err = s.AddStep(ctx, exposure.SyncStep{Source: "a", Sync: "runs", N: 2, Next: "3"}, nil, math.MaxInt64)
	require.NoError(t, err)
	b.deliver("no manifest", exposure.ViaPull, "no manifest", exposure.DeliveryFailed)

	removed, err := s.PruneBlobs(ctx, epoch)
	require.NoError(t, err)
	require.Zero(t, removed, "nothing is older than that")
	removed, err = s.PruneBlobs(ctx, long)
	require.NoError(t, err)
	require.Equal(t, len(b.done), removed)
	for _, sha := range append(b.needed, step.Body) {
		there, err := s.HasBlob(ctx, sha)
		require.NoError(t, err)
		require.True(t, there)
	}
	for _, sha := range b.done {
		_, err = s.Blob(ctx, sha)
		require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	}
	policy, err := s.Snapshot(ctx, "policy", "digest")
	require.NoError(t, err)
	require.Equal(t, "policy", string(policy))
	stored, err := s.Delivery(ctx, "done")
	require.NoError(t, err)
	require.Equal(t, kept, stored, "the record stays, with the hash")

	require.NoError(t, s.DropSteps(ctx, sync))
	removed, err = s.PruneBlobs(ctx, long)
	require.NoError(t, err)
	require.Equal(t, 1, removed, "a page of a sync that has ended is its delivery's to keep")
}
