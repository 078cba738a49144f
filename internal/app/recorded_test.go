package app

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/store"
)

// recordedInventories are the connectors whose recordings are taken in together, with the
// folders of their samples. One that isn't in the list of connectors is left out.
func recordedInventories() map[string][]string {
	return map[string][]string{
		"qualys":      {"qualys-vmdr/har-steps", "qualys-vmdr/har-detections"},
		"crowdstrike": {"crowdstrike-spotlight/har-devices", "crowdstrike-spotlight/har-vulns"},
		"mdvm":        {"ms-defender-vm/har-machines-pages", "ms-defender-vm/har-vulns"},
		"device42":    {"device42/har-devices"},
		"servicenow":  {"servicenow-cmdb/har-cmdb"},
		"fleet":       {"fleetdm/har-hosts"},
	}
}

// acrossSources are the assets that two of the recordings have in common: none, since they
// were made in networks that have nothing to do with each other.
func acrossSources() []string { return nil }

func TestTheRecordedInventoriesThatAreConnectedShareNoAsset(t *testing.T) {
	root := filepath.Join("..", "..", "..", "shared", "samples")
	if _, err := os.Stat(root); err != nil {
		t.Skip("no recordings at " + root)
	}
	s, err := store.Open(t.Context(), "sqlite:"+t.TempDir(), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	clock := func() time.Time { return at }
	decoders := map[string]ingest.Source{}
	judge := ingest.NewJudge(ingest.Grounds{})
	pipeline := ingest.New(s, func(name string) (ingest.Source, error) { return decoders[name], nil }, judge, ledger.New(s, clock), noWaker{}, clock, slog.New(slog.DiscardHandler))
	for _, name := range slices.Sorted(maps.Keys(recordedInventories())) {
		reg, err := builtin.Find(name)
		if err != nil {
			t.Log("left out, not connected: " + name)
			continue
		}
		instance, err := reg.Open(connectors.Env{Source: name, Log: slog.New(slog.DiscardHandler), Now: clock}, reg.Config())
		require.NoError(t, err)
		decoder, ok := instance.(connectors.Decoder)
		require.True(t, ok, name)
		decoders[name] = ingest.Source{Name: name, Connector: name, Zone: "corp", Decode: func(ctx context.Context, body io.Reader, sink ingest.Sink) error {
			return decoder.Decode(ctx, body, decoderSink{sink})
		}}
		for _, file := range pagesOf(t, root, recordedInventories()[name]) {
			takeIn(t, s, pipeline, name, file, at)
		}
		n, err := s.CountAssets(t.Context(), asset.Filter{Source: name}, "")
		require.NoError(t, err)
		require.Positive(t, n[""], "%s read none of its recorded pages", name)
	}
	if len(decoders) == 0 {
		t.Skip("none of the six connectors is in the list")
	}
	var shared []string
	require.NoError(t, s.EachAsset(t.Context(), asset.Filter{}, func(a asset.Asset) error {
		if len(a.Sources) > 1 {
			shared = append(shared, strings.Join(a.Sources, "+")+": "+a.Name)
		}
		return nil
	}))
	slices.Sort(shared)
	require.Equal(t, acrossSources(), shared)
}

func pagesOf(t *testing.T, root string, folders []string) (files []string) {
	t.Helper()
	for _, folder := range folders {
		found, err := filepath.Glob(filepath.Join(root, folder, "*"))
		require.NoError(t, err)
		files = append(files, slices.DeleteFunc(found, func(f string) bool { return strings.HasSuffix(f, "exchanges.json") })...)
	}
	return files
}

// takeIn takes a page in. One that the connector asks for on its way, and that holds no
// report, may fail: what it would have said of assets is missed by the count of them.
func takeIn(t *testing.T, s *store.Store, p *ingest.Pipeline, source, file string, at time.Time) {
	t.Helper()
	body, err := os.Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, body.Close()) }()
	d, _, err := s.AcceptDelivery(t.Context(), exposure.Delivery{ID: source + "|" + filepath.Base(file), Source: source, Via: exposure.ViaUpload,
		ReceivedAt: at, Status: exposure.DeliveryReceived}, body)
	require.NoError(t, err)
	_, err = p.Process(t.Context(), d, nil)
	require.NoError(t, err)
}

type noWaker struct{}

func (noWaker) WakeExposure(context.Context, exposure.ID, string) error { return nil }
