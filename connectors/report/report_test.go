package report_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// complete says of every run that it is, which only a body that was read whole may be.
func complete(sink connectors.Sink) report.Format {
	return report.Format{Name: "test", Sink: sink, Run: func(*report.Emitter) exposure.Run {
		return exposure.Run{ID: "1", Kind: exposure.RunFull, Complete: true}
	}}
}

func read(ctx context.Context, sink connectors.Sink, format, body string) error {
	emit := func(e *report.Emitter) error {
		return e.Observe(&asset.Description{Name: "a"}, &exposure.Finding{UID: "1"})
	}
	f, r := complete(sink), strings.NewReader(body)
	switch format {
	case "json":
		return f.JSON(ctx, r, func(e *report.Emitter, r *jsonpull.Reader) error {
			return r.Each(ctx, func() error { r.Skip(); return emit(e) })
		})
	case "xml":
		return f.XML(ctx, r, func(e *report.Emitter, r *xmlpull.Reader) error {
			for at := r.Depth(); r.Child(at); {
				if err := emit(e); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return f.CSV(ctx, csvpull.NewReader(r, "test"), []string{"a"}, func(e *report.Emitter, _ *csvpull.Reader) error { return emit(e) })
}

func TestOnlyABodyThatWasReadToItsEndIsComplete(t *testing.T) {
	whole := map[string]string{"json": "[1,2]", "xml": "<a><b/><b/></a>", "csv": "a\n1\n2\n"}
	for format, body := range whole {
		var rec connectortest.Recorder
		require.NoError(t, read(t.Context(), &rec, format, body), format)
		require.Len(t, rec.Observed, 2, format)
		require.True(t, rec.Last().Complete, format)

		var none connectortest.Recorder
		var syntax *connectors.SyntaxError
		require.ErrorAs(t, read(t.Context(), &none, format, ""), &syntax, format)
		require.False(t, none.Last().Complete, format)

		var stopped connectortest.Recorder
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, read(ctx, &stopped, format, body), context.Canceled, format)
		require.Empty(t, stopped.Runs, format)
	}
	for format, body := range map[string]string{"json": "[1,", "xml": "<a><b/>"} {
		var rec connectortest.Recorder
		require.Error(t, read(t.Context(), &rec, format, body), format)
		require.Len(t, rec.Observed, 1, format)
		require.False(t, rec.Last().Complete, format)
		require.NotEmpty(t, rec.Last().Why, format)
	}
	broken := errors.New("the connection broke")
	_, rest := report.Peek(iotest.ErrReader(broken))
	err := complete(&connectortest.Recorder{}).JSON(t.Context(), rest, func(*report.Emitter, *jsonpull.Reader) error { return nil })
	require.ErrorIs(t, err, broken)
}

func TestRowsThatDifferInTheCVEAloneAreOneFinding(t *testing.T) {
	rec := &connectortest.Recorder{}
	j := report.JoinCVEs(t.Context(), rec)
	a, b := &asset.Description{Name: "a"}, &asset.Description{Name: "b"}
	for _, row := range []struct {
		asset    *asset.Description
		uid, cve string
	}{{a, "1", "CVE-2024-0002"}, {a, "1", "CVE-2024-0001"}, {a, "2", "CVE-2024-0001"}, {b, "2", "CVE-2024-0003"}} {
		require.NoError(t, j.Observe(exposure.Observation{Asset: row.asset, Finding: &exposure.Finding{UID: row.uid, CVEs: []string{row.cve}}}))
	}
	require.Len(t, rec.Observed, 2, "the last one may grow yet")
	require.NoError(t, j.Run(exposure.Run{ID: "1"}))
	require.Len(t, rec.Observed, 3)
	require.Equal(t, []string{"CVE-2024-0001", "CVE-2024-0002"}, rec.Observed[0].Finding.CVEs)
	require.Len(t, rec.Runs, 1)

	ctx, cancel := context.WithCancel(t.Context())
	j = report.JoinCVEs(ctx, rec)
	require.NoError(t, j.Observe(exposure.Observation{Asset: a, Finding: &exposure.Finding{UID: "3"}}))
	cancel()
	require.ErrorIs(t, j.Run(exposure.Run{}), context.Canceled)
}
