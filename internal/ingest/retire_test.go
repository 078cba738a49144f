package ingest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/priority"
)

const imageDigest = "sha256:2b0f7c9b7b5c4e6a5d3f1e0d9c8b7a69587766554433221100ffeeddccbbaa99"

// judged makes the rig's pipeline decide as the product does, over a store.
func (r *rig) judged(over ingest.Store) {
	r.pipeline = ingest.New(over, r.source, ingest.NewJudge(ingest.Grounds{Policy: priority.DefaultPolicy()}), ledger.New(r.store, r.now), r.woken, r.now, discard()).
		Retiring(map[string]time.Duration{asset.EphemeralPod: time.Hour})
}

// pod is a pod that runs an image.
func pod(n int) *asset.Description {
	return &asset.Description{Kind: asset.Host, Name: fmt.Sprintf("shop-%d", n), Ephemeral: asset.EphemeralPod,
		Identifiers: []asset.Identifier{{Kind: asset.SourceAssetID, Value: fmt.Sprintf("uid-%d", n)}},
		Edges:       []asset.Edge{{Kind: asset.EdgeInstanceOf, To: asset.Identifier{Kind: asset.ImageDigest, Value: imageDigest}, ToKind: asset.ContainerImage, ToName: "shop:3"}}}
}

func packaged(on *asset.Description, cve string, hour float64) exposure.Observation {
	o := finding(on, cve, "deb/debian/xz", hour)
	o.Finding.CVEs, o.Finding.Package = []string{cve}, &exposure.Package{Name: "xz", PURL: xz}
	return o
}

// lived is the life of a pod with two weaknesses of its image and one of its own; the
// image's own scan knows one of the two.
func lived(r *rig) {
	r.Helper()
	image := &asset.Description{Kind: asset.ContainerImage, Name: "shop:3", Identifiers: []asset.Identifier{{Kind: asset.ImageDigest, Value: imageDigest}}}
	r.ingest("registry", report{Run: fullRun(0), Findings: []exposure.Observation{packaged(image, "CVE-2024-1", 0)}})
	p := pod(1)
	r.ingest("k8s", report{Run: fullRun(0), Covers: []exposure.Coverage{covered(p)}, Findings: []exposure.Observation{
		packaged(p, "CVE-2024-1", 0), packaged(p, "CVE-2024-2", 0), finding(p, "privileged", "", 0)}})
	r.at(2)
}

func (r *rig) named(name string) asset.Asset {
	r.Helper()
	for _, e := range r.exposures(exposure.Filter{}) {
		if e.AssetName == name {
			a, err := r.store.Asset(r.ctx, e.Asset)
			require.NoError(r, err)
			return a
		}
	}
	require.FailNow(r, "no asset "+name)
	return asset.Asset{}
}

func TestAShortLivedAssetRetiresAndWhatWasWeakInItsImageStays(t *testing.T) {
	r := newRig(t)
	r.judged(r.store)
	lived(r)
	r.at(0.5)
	n, err := r.pipeline.Retire(r.ctx, 10)
	require.NoError(t, err)
	require.Zero(t, n, "not yet")
	r.at(2)
	n, err = r.pipeline.Retire(r.ctx, 10)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	one, image := r.named("shop-1"), r.named("shop:3")
	require.True(t, one.Retired)
	for _, e := range r.exposures(exposure.Filter{Assets: []asset.ID{one.ID}}) {
		require.Equal(t, exposure.OutOfScope, e.State)
		require.Equal(t, "its asset retired", e.LastEvent.Reason)
	}
	for _, e := range r.exposures(exposure.Filter{Assets: []asset.ID{image.ID}}) {
		require.Equal(t, exposure.Tracked, e.State, "the image's own is untouched")
	}
	edges, err := r.store.EdgesFrom(r.ctx, []asset.ID{image.ID}, exposure.List{})
	require.NoError(t, err)
	require.Len(t, edges.Items, 1, "what the image is known for already needn't be carried, nor how the pod was run")
	require.Equal(t, asset.EdgeCarries, edges.Items[0].Kind)
	require.Equal(t, "CVE-2024-2 deb/debian/xz", edges.Items[0].To.Value)
	events, err := r.store.AssetEvents(r.ctx, one.ID)
	require.NoError(t, err)
	require.Equal(t, asset.EventRetired, events[len(events)-1].Kind)
	n, err = r.pipeline.Retire(r.ctx, 10)
	require.NoError(t, err)
	require.Zero(t, n)

	// Seen again, it is back with all that it had.
	r.at(3)
	p := pod(1)
	r.ingest("k8s", report{Run: fullRun(3), Covers: []exposure.Coverage{covered(p)}, Findings: []exposure.Observation{packaged(p, "CVE-2024-1", 3), packaged(p, "CVE-2024-2", 3), finding(p, "privileged", "", 3)}})
	one = r.named("shop-1")
	require.False(t, one.Retired)
	for _, e := range r.exposures(exposure.Filter{Assets: []asset.ID{one.ID}}) {
		require.Equal(t, exposure.Tracked, e.State)
	}
	events, err = r.store.AssetEvents(r.ctx, one.ID)
	require.NoError(t, err)
	require.Equal(t, asset.EventRevived, events[len(events)-1].Kind)
	r.at(5)
	n, err = r.pipeline.Retire(r.ctx, 10)
	require.NoError(t, err)
	require.Equal(t, 1, n, "and may retire again")
	r.checkChains()
}

func TestWhatASourceSaysIsGoneRetiresAtOnce(t *testing.T) {
	r := newRig(t)
	r.judged(r.store)
	web := host("web.example.com")
	r.ingest("aws", report{Run: fullRun(0), Findings: []exposure.Observation{finding(web, "a", "443/tcp", 0)}})
	r.at(1)
	gone := host("web.example.com")
	gone.Gone = true
	r.ingest("aws", report{Run: fullRun(1), Covers: []exposure.Coverage{covered(gone)}})
	n, err := r.pipeline.Retire(r.ctx, 10)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Contains(t, []exposure.State{exposure.OutOfScope, exposure.Closed}, r.one("test:a").State)
	// Another source still sees it.
	r.at(2)
	r.ingest("nmap", report{Run: otherRun(2), Covers: []exposure.Coverage{covered(web)}})
	a, err := r.store.Asset(r.ctx, r.one("test:a").Asset)
	require.NoError(t, err)
	require.False(t, a.Retired)
	require.True(t, a.Gone.IsZero())
}

func TestKilledBetweenAnyTwoWritesARetirementIsEndedByTheNext(t *testing.T) {
	whole := newRig(t)
	whole.judged(whole.faulty)
	lived(whole)
	start := whole.faulty.writes
	n, err := whole.pipeline.Retire(whole.ctx, 10)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	want := ending(whole)
	for n := 1; n <= whole.faulty.writes-start; n++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d after %v", n, after), func(t *testing.T) {
				t.Parallel()
				r := newRig(t)
				r.judged(r.faulty)
				lived(r)
				r.faulty.failAt, r.faulty.after = r.faulty.writes+n, after
				_, err := r.pipeline.Retire(r.ctx, 10)
				require.ErrorIs(t, err, errCrash)
				r.judged(r.store)
				_, err = r.pipeline.Retire(r.ctx, 10)
				require.NoError(t, err)
				require.Equal(t, want, ending(r))
				image := r.named("shop:3")
				edges, err := r.store.EdgesFrom(r.ctx, []asset.ID{image.ID}, exposure.List{})
				require.NoError(t, err)
				require.Len(t, edges.Items, 1)
				due, err := r.store.DueRetirements(r.ctx, r.now(), 10)
				require.NoError(t, err)
				require.Empty(t, due)
			})
		}
	}
}
