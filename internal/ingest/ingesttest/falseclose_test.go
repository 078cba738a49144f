package ingesttest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/store"
)

// proofless are real reports that prove nothing gone, whatever they leave out. A row whose
// connector is not in the list yet is skipped by name, and counts when it arrives.
var proofless = []struct {
	connector string
	file      string // below the shared samples, or in the connector's own testdata
	like      string // another report of the connector, which saw something; may be empty
	why       string
	// closed is how the locations end that the report does speak of, as not there any more.
	closed string
}{
	{"nmap", "nmap/no-host.xml", "nmap/issue4406.xml", "no host answered", ""},
	{"nmap", "nmap/no-ports.xml", "nmap/issue4406.xml", "no port is open: of the ports that refused it says so, and of nothing else", "/tcp"},
	{"nmap", "testdata/interrupted.xml", "testdata/office.xml", "the scan was interrupted", ""},
	{"nmap", "testdata/nothing-up.xml", "testdata/office.xml", "nothing was up", ""},
	{"nuclei", "nuclei/example-com-test.jsonl", "nuclei/secureCodeBox-test.jsonl", "findings alone: not which templates ran, nor to their end", ""},
	{"nuclei", "nuclei/secureCodeBox-test.jsonl", "nuclei/example-com-test.jsonl", "the same", ""},
	{"nuclei", "nuclei/many_findings.json", "nuclei/many_findings_third.json", "the same", ""},
	{"nuclei", "nuclei/many_findings_third.json", "nuclei/many_findings.json", "the same", ""},
	{"nuclei", "nuclei/multiple_v3.json", "", "the same", ""},
	{"nessus", "testdata/unfinished.nessus", "testdata/two-hosts.nessus", "a host has no end", ""},
	{"nessus", "testdata/no-hosts.nessus", "testdata/two-hosts.nessus", "no host at all", ""},
	{"trivy", "trivy/debian-buster-ignore-unfixed.json.golden", "trivy/debian-buster.json.golden", "filtered by --ignore-unfixed", ""},
	{"sarif", "sarif/no_runs.sarif", "sarif/flawfinder.sarif", "no runs, which is not no results", ""},
	{"nexpose", "rapid7-nexpose-xml/many_vulns.xml", "rapid7-nexpose-xml/report_auth.xml", "the scan was stopped", ""},
	{"burp", "burp/seven_findings.xml", "burp/issue4399.xml", "issues that somebody chose to export", ""},
	{"burp", "burp/two_findings.json", "burp/seven_findings.xml", "issues that somebody chose to export", ""},
	{"burp", "burp/many_vulns.json", "burp/seven_findings.xml", "the audit was still going on", ""},
	{"burp", "burp/many_vulns.html", "burp/seven_findings.xml", "a page for people, without the audit", ""},
	{"burpdast", "burp/many_vulns.json", "", "the audit was still going on", ""},
	{"wazuh", "wazuh/v4-8_many_findings.json", "wazuh/v4-7_many_findings.json", "it says 125 and holds 10", ""},
	{"wazuh", "wazuh/v4-7_no_findings.json", "wazuh/v4-7_many_findings.json", "one page of nothing", ""},
	{"openvas", "openvas/many_vuln.xml", "", "it claims no result and carries 44", ""},
	{"openvas", "openvas/report_using_CVE.csv", "openvas/many_vuln.xml", "a table of findings, without the scan", ""},
	{"zap", "zap/not-found.xml", "zap/zap-results-first-scan.xml", "the site was not found", ""},
	{"zap", "zap/dvwa_baseline_dojo_subset.xml", "zap/zap-results-first-scan.xml", "one context, and 10 of its 19 alerts", ""},
	{"zap", "zap/1_zap_sample_0_and_new_absent.xml", "zap/2_zap_sample_0_and_new_endpoint.xml", "it doesn't say what was scanned", ""},
	{"testssl", "testssl/failed_target.csv", "testssl/defectdojo_many_vuln.csv", "the target could not be tested", ""},
	{"nikto", "nikto/unresolvable-host.json", "nikto/juice-shop.json", "the host has no address", ""},
	{"nikto", "nikto/nikto-report-zero-vuln.xml", "nikto/nikto-output.xml", "no host was tested", ""},
	{"qualys", "qualys-vmdr/har-detections/001_POST_api_2_0_fo_asset_host_vm_detection.xml", "qualys-vmdr/detections.xml", "no host list: nothing matched, which is not nothing there", ""},
	{"kubescape", "kubescape/results.json", "kubescape/with_a_failure.json", "one run of some controls", ""},
	{"glpi", "glpi/computer_1_partial_softs.json", "glpi/computer_1.json", "a patch of an inventory", ""},
	{"generic", "testdata/findings.csv", "testdata/findings.jsonl", "a table, without what was looked at", ""},
}

// body reads a report of a row; nil where this machine doesn't have it.
func body(t *testing.T, connector, file string) []byte {
	t.Helper()
	path := connectortest.Shared(t, file)
	if strings.HasPrefix(file, "testdata/") {
		path = filepath.Join(connectortest.Folder(t, connector), file)
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	require.NoError(t, err)
	return text
}

func TestNoReportThatProvesNothingClosesAnything(t *testing.T) {
	for _, row := range proofless {
		t.Run(row.connector+"/"+row.file, func(t *testing.T) {
			t.Parallel()
			reg, err := builtin.Find(row.connector)
			if err != nil {
				t.Skipf("there is no connector %s yet", row.connector)
			}
			report := body(t, row.connector, row.file)
			if report == nil {
				t.Skipf("there is no %s here", row.file)
			}
			var like []byte
			if row.like != "" {
				like = body(t, row.connector, row.like)
			}
			closesNothing(t, reg, report, like, row.closed)
		})
	}
}

// TestNoIncompleteSampleOfAConnectorClosesAnything holds connectors to their own word: a
// sample whose run they call incomplete, or partial, proves nothing gone.
func TestNoIncompleteSampleOfAConnectorClosesAnything(t *testing.T) {
	for _, reg := range builtin.List() {
		for _, sample := range reg.Samples {
			if sample.Complete || sample.Findings+sample.Assets == 0 {
				continue
			}
			t.Run(reg.Name+"/"+sample.File, func(t *testing.T) {
				t.Parallel()
				closesNothing(t, reg, body(t, reg.Name, "testdata/"+sample.File), nil, "")
			})
		}
	}
}

// closesNothing ingests a report after a made-up run that saw all that it and another one
// see, and more. Nothing may be gone by it but at locations that it says are closed, and
// what it says is fixed.
func closesNothing(t *testing.T, reg connectors.Registration, report, like []byte, closed string) {
	t.Helper()
	s := newScene(t, reg)
	s.look(report)
	fixed := map[string]bool{}
	for _, obs := range s.seen.Observed {
		if obs.Finding.Status == exposure.StatusFixed {
			fixed[exposure.WeaknessOf(*obs.Finding)+" "+obs.Finding.Location] = true
		}
	}
	if like != nil {
		s.look(like)
	}
	s.before()
	held := s.exposures()
	if len(held) == 0 {
		t.Skip("its targets have no name that means anything outside of it")
	}
	s.after(report)
	for id, e := range s.exposures() {
		delete(held, id)
		if closed != "" && strings.HasSuffix(e.Location, closed) || fixed[e.Weakness+" "+e.Location] {
			continue
		}
		require.NotEqual(t, exposure.Closed, e.State, "%s at %q of %s", e.Weakness, e.Location, e.AssetName)
		for _, sight := range e.Sights {
			require.NotEqual(t, exposure.VerifiedAbsent, sight.Presence, "%s at %q of %s", e.Weakness, e.Location, e.AssetName)
		}
	}
	require.Empty(t, held)
}

// emptyStore is the directory of a store without anything in it. Copying it takes a tenth of
// the time that making all the tables does, and hundreds of stores are opened here.
var emptyStore string

func TestMain(m *testing.M) { os.Exit(withEmptyStore(m)) }

func withEmptyStore(m *testing.M) int {
	dir, err := os.MkdirTemp("", "quell-empty-*")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }() // a temporary directory is cleared by the system too
		var kept *store.Store
		if kept, err = store.Open(context.Background(), "sqlite:"+dir, store.Options{}); err == nil {
			err = kept.Close()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "making an empty store:", err)
		return 1
	}
	emptyStore = dir
	return m.Run()
}

// scene is a source of a connector, whose first run is made up and saw everything.
type scene struct {
	*testing.T
	ctx      context.Context //nolint:containedctx // the test's own, for as long as it runs
	reg      connectors.Registration
	store    *store.Store
	pipeline *ingest.Pipeline
	seen     connectortest.Recorder
	oldest   time.Time // of what the report says
	clock    time.Time
	made     bool // the next body is the made-up run
}

func newScene(t *testing.T, reg connectors.Registration) *scene {
	t.Helper()
	s := &scene{T: t, ctx: t.Context(), reg: reg, clock: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(emptyStore)))
	kept, err := store.Open(s.ctx, "sqlite:"+dir, store.Options{Now: s.now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, kept.Close()) })
	s.store = kept
	s.pipeline = ingest.New(kept, s.source, undecided{}, ledger.New(kept, s.now), asleep{}, s.now, slog.New(slog.DiscardHandler))
	return s
}

func (s *scene) now() time.Time { return s.clock }

// look reads what a report sees and covers, so that the made-up run can have seen it too.
// A report that can't be read is none.
func (s *scene) look(report []byte) {
	s.Helper()
	rec, err := connectortest.Decode(s.T, s.reg, nil, report)
	if err != nil {
		s.Logf("it is refused: %v", err)
	}
	s.seen.Observed = append(s.seen.Observed, rec.Observed...)
	s.seen.Covered = append(s.seen.Covered, rec.Covered...)
	s.seen.Runs = append(s.seen.Runs, rec.Runs...)
}

// ghosts are findings that no report will ever have: of each check that the runs speak of,
// at places that they cover.
func (s *scene) ghosts(on *asset.Description, locations []string) []exposure.Observation {
	checks := map[string]bool{s.reg.Name + ":ghost": true}
	for _, run := range s.seen.Runs {
		for i, check := range run.Checks {
			if i < 50 {
				checks[strings.Replace(check, "*", "ghost", 1)] = true
			}
		}
	}
	out := make([]exposure.Observation, 0, len(checks)*(2+len(locations)))
	for check := range checks {
		for _, location := range append([]string{"", "443/tcp"}, locations...) {
			location = strings.TrimSuffix(location, "*")
			out = append(out, exposure.Observation{Asset: on, Finding: &exposure.Finding{UID: check + "@" + location, Class: exposure.ClassVulnerability,
				Check: check, Title: "a ghost", Severity: exposure.SeverityHigh, Location: location, Status: exposure.StatusOpen}})
		}
	}
	return out
}

// before ingests a complete run that saw everything that the reports see, and ghosts.
func (s *scene) before() {
	s.Helper()
	s.oldest = s.clock.AddDate(-30, 0, 0) // before any of the reports
	for i := range s.seen.Covered {
		cov := &s.seen.Covered[i]
		s.seen.Observed = append(s.seen.Observed, s.ghosts(&cov.Asset, cov.Locations[:min(len(cov.Locations), 20)])...)
		cov.Outcome, cov.Locations, cov.CheckedAt = exposure.TargetOK, nil, time.Time{}
	}
	for i := range s.seen.Observed {
		f := *s.seen.Observed[i].Finding
		f.Status, f.FirstSeen, f.LastSeen = exposure.StatusOpen, time.Time{}, s.oldest
		s.seen.Observed[i].Finding = &f
		a := *s.seen.Observed[i].Asset
		a.SeenAt = time.Time{}
		s.seen.Observed[i].Asset = &a
	}
	s.made = true
	s.deliver([]byte("made up"))
	s.made = false
}

// after ingests the report itself.
func (s *scene) after(report []byte) {
	s.Helper()
	s.clock = s.clock.Add(time.Hour)
	d := s.deliver(report)
	s.Logf("%s: %d findings, %d assets, %s", d.Status, d.Counts["findings"], d.Counts["assets"], d.Error)
}

func (s *scene) deliver(report []byte) exposure.Delivery {
	s.Helper()
	d, fresh, err := s.store.AcceptDelivery(s.ctx, exposure.Delivery{ID: fmt.Sprint("scan|", s.clock.Unix(), len(report)), Source: "scan", Via: "upload",
		ReceivedAt: s.clock}, bytes.NewReader(report))
	require.NoError(s, err)
	require.True(s, fresh)
	d, err = s.pipeline.Process(s.ctx, d, nil)
	require.NoError(s, err)
	return d
}

func (s *scene) source(name string) (ingest.Source, error) {
	decoder := connectortest.Open(s.T, s.reg, nil)
	// The breaker would hold what is tested here.
	return ingest.Source{Name: name, Connector: s.reg.Name, Zone: "dc1", Local: true, Breaker: ingest.Breaker{Share: 1},
		Decode: func(ctx context.Context, body io.Reader, sink ingest.Sink) error {
			if s.made {
				return s.replay(sink)
			}
			return decoder.Decode(ctx, body, positions{sink})
		}}, nil
}

// replay emits the made-up run.
func (s *scene) replay(sink ingest.Sink) error {
	err := sink.Run(exposure.Run{ID: "made-up", Kind: exposure.RunFull, Complete: true, Started: s.oldest, Finished: s.oldest, Checks: []string{"*"}})
	for _, cov := range s.seen.Covered {
		err = errors.Join(err, sink.Cover(cov))
	}
	for _, obs := range s.seen.Observed {
		err = errors.Join(err, sink.Observe(obs))
	}
	return err
}

func (s *scene) exposures() map[exposure.ID]exposure.Exposure {
	s.Helper()
	out := map[exposure.ID]exposure.Exposure{}
	require.NoError(s, s.store.EachExposure(s.ctx, exposure.Filter{}, func(e exposure.Exposure) error {
		out[e.ID] = e
		return nil
	}))
	return out
}

// positions lets a connector emit into ingest.
type positions struct{ ingest.Sink }

func (p positions) Skip(reason string, at connectors.Position) {
	p.Sink.Skip(reason, at.Offset, at.Line)
}

// undecided decides nothing.
type undecided struct{}

func (undecided) Place(*asset.Asset) bool { return false }
func (undecided) Assess(exposure.Exposure, asset.Asset, time.Time) ingest.Assessment {
	return ingest.Assessment{Decision: exposure.Decision{Outcome: exposure.Track, Digest: "d"}}
}

// asleep is a waker that nobody listens to.
type asleep struct{}

func (asleep) WakeExposure(context.Context, exposure.ID, string) error { return nil }
