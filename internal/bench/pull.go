package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/tenable"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/secret"
	"github.com/quellsec/quell/internal/store"
)

const (
	// How much longer a pulled export may take than the same findings out of one file: it is
	// bounded by the store.
	aimPull       = 2
	exportChunk   = 5000 // findings
	exportPerHost = 200
)

// pullFigures measures an export of a million findings from the first call to the last
// exposure: fetched in chunks from a server of ours that speaks Tenable's API, recorded
// page by page, and ingested.
func (b *bench) pullFigures(ctx context.Context) error {
	if !b.wants("pull") {
		return nil
	}
	n := b.scaled(1_000_000)
	dir, err := b.folder("pull")
	if err != nil {
		return err
	}
	pulled, err := inChild(ctx, task{Kind: "pull", Dir: dir, Format: "tenable", Findings: n, Profile: b.profile("pull")}, 2, b.log)
	if err != nil {
		return err
	}
	plain, err := b.folder("pull-file")
	if err != nil {
		return err
	}
	file, err := inChild(ctx, task{Kind: "ingest", Dir: plain, Format: "nessus", Findings: n, Hosts: max(1, n/exportPerHost), At: reportTime}, 2, b.log)
	if err != nil {
		return err
	}
	b.note("pull: %d findings in %.0f pages of %.0f MB took %.1f s to fetch and %.1f s to ingest, peak %.0f MB; as many out of one file took %.1f s",
		n, pulled.Values["pages"], pulled.Values["mb"], pulled.Values["fetch"], pulled.Seconds-pulled.Values["fetch"], pulled.PeakMB, file.Seconds)
	b.figure(Figure{Name: "pull_1m", Value: pulled.Seconds / file.Seconds, Unit: "times a file", Aim: aimPull, Most: true})
	b.figure(Figure{Name: "pull_1m_rss", Value: pulled.PeakMB, Unit: "MB", Aim: aimIngestPeak, Most: true})
	return nil
}

// export is a server that speaks as much of Tenable VM's export API as a sync asks for.
type export struct{ findings int }

func (e export) chunks() int { return (e.findings + exportChunk - 1) / exportChunk }

// ServeHTTP implements http.Handler.
func (e export) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch name := path.Base(r.URL.Path); {
	case r.Method == http.MethodPost:
		fmt.Fprintf(w, `{"export_uuid":"00000000-0000-4000-8000-00000000000%d"}`, len(r.URL.Path)%10) //nolint:gosec // one digit
	case name == "status" && strings.HasPrefix(r.URL.Path, "/assets"):
		fmt.Fprint(w, `{"status":"FINISHED","chunks_available":[],"total_chunks":0,"finished_chunks":0,"empty_chunks_count":0}`)
	case name == "status":
		list := make([]string, e.chunks())
		for i := range list {
			list[i] = strconv.Itoa(i + 1)
		}
		fmt.Fprintf(w, `{"status":"FINISHED","chunks_available":[%s],"total_chunks":%d,"finished_chunks":%[2]d,"empty_chunks_count":0}`, strings.Join(list, ","), len(list))
	default:
		n, err := strconv.Atoi(name)
		if err != nil || n < 1 || n > e.chunks() {
			http.Error(w, "no such chunk", http.StatusNotFound)
			return
		}
		e.chunk(w, (n-1)*exportChunk)
	}
}

// chunk writes the findings from one on, 200 on each host.
func (e export) chunk(w http.ResponseWriter, from int) {
	seen := reportTime.Format(time.RFC3339)
	buf := make([]byte, 0, 64<<10)
	buf = append(buf, '[')
	for i := from; i < min(from+exportChunk, e.findings); i++ {
		if i > from {
			buf = append(buf, ',')
		}
		host, check := i/exportPerHost, i%exportPerHost
		buf = fmt.Appendf(buf, `{"asset":{"uuid":"00000000-0000-4000-8000-%012d","hostname":"web-%[1]d","fqdn":"web-%[1]d.quell-lab.net","ipv4":"%s","operating_system":["Debian 13"]},`+
			`"output":"version 1.2.3 is installed","plugin":{"id":%d,"name":"Weakness %[3]d","family":"General","description":"It is weak.","solution":"Update it.","cve":["CVE-2026-%04[3]d"],`+
			`"cvss3_base_score":7.5,"cvss3_vector":{"raw":"AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}},"port":{"port":%d,"protocol":"TCP"},"severity":"high","severity_id":3,`+
			`"severity_modification_type":"NONE","state":"OPEN","first_found":"%s","last_found":"%[5]s","scan":{"completed_at":"%[5]s","started_at":"%[5]s"}}`,
			host, address(host), 10_000+check, 1000+check, seen)
		if len(buf) > 60<<10 {
			if _, err := w.Write(buf); err != nil {
				return // whoever asked has gone
			}
			buf = buf[:0]
		}
	}
	_, _ = w.Write(append(buf, ']')) // likewise
}

// pullOnce pulls an export and ingests what it became.
func pullOnce(ctx context.Context, t task) (o outcome, err error) {
	s, err := store.Open(ctx, "sqlite:"+t.Dir, store.Options{})
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return o, fmt.Errorf("listening: %w", err)
	}
	server := &http.Server{Handler: export{t.Findings}, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // it ends with the next line
	defer func() { err = errors.Join(err, server.Close()) }()
	puller, err := openTenable("http://" + listener.Addr().String())
	if err != nil {
		return o, err
	}
	acts := activities.New(activities.Deps{Syncs: s, Pulls: func(string) (connectors.Puller, error) { return puller, nil }, Waker: nobody{}, Now: utc, Log: quiet()})
	watch, err := start()
	if err != nil {
		return o, err
	}
	done, err := syncOnce(ctx, acts)
	if err != nil {
		return o, err
	}
	fetched, err := watch.stop()
	if err != nil {
		return o, err
	}
	pipeline, err := newPipeline(s, "tenable")
	if err != nil {
		return o, err
	}
	d, err := s.Delivery(ctx, done.Delivery)
	if err != nil {
		return o, err
	}
	if d, err = pipeline.Process(ctx, d, nil); err != nil {
		return o, err
	}
	if o, err = watch.stop(); err != nil {
		return o, err
	}
	o.Values = map[string]float64{"pages": float64(done.Pages), "mb": float64(done.Bytes) / 1e6, "fetch": fetched.Seconds}
	if d.Status != exposure.DeliveryDone || d.Counts["created"] != int64(t.Findings) {
		return o, fmt.Errorf("ingesting an export of ours: it ended %s with %v: %s", d.Status, d.Counts, d.Error)
	}
	return o, nil
}

// syncOnce does what the Sync workflow does, without waiting between steps.
func syncOnce(ctx context.Context, acts *activities.Activities) (exposure.Sync, error) {
	in := lifecycle.SyncInput{Source: benchSource, Sync: "bench"}
	if _, err := acts.BeginSync(ctx, in); err != nil {
		return exposure.Sync{}, err
	}
	for {
		report, err := acts.Pull(ctx, in)
		if err != nil {
			return exposure.Sync{}, err
		}
		if report.Done {
			return acts.EndSync(ctx, lifecycle.SyncEnd{Source: in.Source, Sync: in.Sync})
		}
	}
}

// tenable opens the connector against a server of ours.
func openTenable(address string) (connectors.Puller, error) {
	reg := tenable.Registration()
	config, ok := reg.Config().(*tenable.Config)
	if !ok {
		return nil, errors.New("opening tenable: its configuration is another one")
	}
	config.URL, config.AccessKey, config.SecretKey = address, secret.New("key"), secret.New("key")
	in, err := reg.Open(connectors.Env{Source: benchSource, Log: quiet(), Now: utc,
		HTTP: httpclient.New(httpclient.Options{Reach: reg.Reach(config), Rate: 1e6, Burst: 1e6})}, config)
	if err != nil {
		return nil, err
	}
	puller, pulls := in.(connectors.Puller)
	if !pulls {
		return nil, errors.New("opening tenable: it is not pulled")
	}
	return puller, nil
}

// nobody is a waker of nobody.
type nobody struct{}

// Wake implements activities.Waker.
func (nobody) Wake(context.Context, *exposure.Exposure, string) error { return nil }

// WakeRemediation implements activities.Waker.
func (nobody) WakeRemediation(context.Context, string, string) error { return nil }

// StartSource implements activities.Waker.
func (nobody) StartSource(context.Context, string) error { return nil }

// WakeSource implements activities.Waker.
func (nobody) WakeSource(context.Context, string) error { return nil }
