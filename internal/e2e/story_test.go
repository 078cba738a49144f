package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/demo/weakapp"
	"github.com/quellsec/quell/internal/exposure"
)

// hookToken authenticates the webhooks of these tests.
const hookToken = "e2e-webhook-token-3b1f"

const (
	gitConfig  = "nuclei:quell-demo-git-config"
	clusterEnv = "CVE-2023-28432"
)

// configuration is a laboratory on this machine: two scanners, two scopes that may be
// probed, with an owner each, and timers short enough to test.
func configuration(tokenFile string) string {
	return fmt.Sprintf(`sources:
  - {name: lab-nuclei, connector: nuclei, zone: lab, local: true, webhook: {token: "${file:%[1]s}", id_header: X-Delivery}}
  - {name: lab-trivy, connector: trivy, zone: lab, webhook: {token: "${file:%[1]s}", max_body: 64KiB}}

scopes:
  - name: portal
    include: [{identifier: "label:127.0.0.1"}]
    mission_impact: high
    internet: "yes"
    engagement: {probe: true, consent: the test attacks only itself, vantage: local, networks: [127.0.0.0/8], rate_per_host: 50}
  - name: file-store
    include: [{identifier: "label:127.0.0.2"}]
    mission_impact: high
    internet: "yes"
    engagement: {probe: true, consent: the test attacks only itself, vantage: local, networks: [127.0.0.0/8], rate_per_host: 50}

owners:
  teams: [{name: web}, {name: files}]
  unowned: [{after: 2s, to: escalation}]
  route:
    children:
      - {match: ["scope=portal"], team: web}
      - {match: ["scope=file-store"], team: files}

follow_up: {sweep: 1s, probe_wait: 1m, ticket_poll: 2s}
policy: {rate_per_minute: 6000}
`, tokenFile)
}

// weak starts the deliberately weak application on free ports.
func weak(t *testing.T) *weakapp.App {
	t.Helper()
	app, err := weakapp.Start(t.Context(), weakapp.Ephemeral())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, app.Close()) })
	return app
}

// report is the demo's nuclei report, taken where an application listens.
func report(t *testing.T, app *weakapp.App) []byte {
	t.Helper()
	text := string(testdata(t, "nuclei.jsonl"))
	for fixed, at := range map[int]string{weakapp.PortalPort: app.PortalURL(), weakapp.PortalTLSPort: app.PortalTLSURL(),
		weakapp.FilesPort: app.FilesURL(), weakapp.ConsolePort: "tcp://" + app.ConsoleAddr()} {
		address, err := url.Parse(at)
		require.NoError(t, err)
		text = strings.ReplaceAll(text, fmt.Sprint(fixed), address.Port())
	}
	return []byte(text)
}

// reportOnNothing is the demo's nuclei report, taken where nobody listens: its weaknesses
// can't be tested and stay open.
func reportOnNothing(t *testing.T) []byte {
	t.Helper()
	text := string(testdata(t, "nuclei.jsonl"))
	for _, fixed := range []int{weakapp.PortalPort, weakapp.PortalTLSPort, weakapp.FilesPort, weakapp.ConsolePort} {
		text = strings.ReplaceAll(text, fmt.Sprint(fixed), fmt.Sprint(freePort(t)))
	}
	return []byte(text)
}

// testdata reads a file of the demo's.
func testdata(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root(t), "internal", "demo", "testdata", name))
	require.NoError(t, err)
	return raw
}

// hook sends a report as a scanner does.
func (d *daemon) hook(source string, header map[string]string, body []byte) answer {
	d.t.Helper()
	return d.send(http.MethodPost, "/hooks/"+source, hookHeader(header), body)
}

// hookHeader is a header with the webhook's token in it.
func hookHeader(header map[string]string) map[string]string {
	all := map[string]string{"Authorization": "Bearer " + hookToken}
	maps.Copy(all, header)
	return all
}

// accepted wants a call to have been answered with a delivery.
func (d *daemon) accepted(got answer) apiclient.Accepted {
	d.t.Helper()
	require.Equal(d.t, http.StatusAccepted, got.status, string(got.body))
	var out apiclient.Accepted
	require.NoError(d.t, json.Unmarshal(got.body, &out))
	return out
}

// refused wants a call to have been refused with a problem, and gives it.
func (d *daemon) refused(got answer, status int) apiclient.ProblemError {
	d.t.Helper()
	require.Equal(d.t, status, got.status, string(got.body))
	require.Equal(d.t, "application/problem+json", got.kind)
	var p apiclient.ProblemError
	require.NoError(d.t, json.Unmarshal(got.body, &p))
	return p
}

// ended waits until a delivery has been worked in, one way or another.
func (d *daemon) ended(id string) exposure.Delivery {
	d.t.Helper()
	var found exposure.Delivery
	d.until("delivery "+id+" to end", func() bool {
		item, err := d.api.Delivery(d.t.Context(), id)
		require.NoError(d.t, err)
		found = item.Value
		return !found.EndedAt.IsZero()
	})
	return found
}

// take sends a report and wants it to be worked in.
func (d *daemon) take(source string, body []byte) {
	d.t.Helper()
	done := d.ended(d.accepted(d.hook(source, nil, body)).Delivery)
	require.Equal(d.t, exposure.DeliveryDone, done.Status, done.Error)
}

// intelligence loads CISA's catalogue, without which nothing is decided.
func (d *daemon) intelligence() {
	d.t.Helper()
	f, err := os.Open(filepath.Join(root(d.t), "internal", "demo", "testdata", "kev-before.json"))
	require.NoError(d.t, err)
	defer func() { _ = f.Close() }() // it was only read
	done, err := d.api.ImportIntel(d.t.Context(), "kev", f)
	require.NoError(d.t, err)
	require.Positive(d.t, done.Value.Entries)
}

// exposures gives all of them.
func (d *daemon) exposures() map[exposure.ID]exposure.Exposure {
	d.t.Helper()
	found := map[exposure.ID]exposure.Exposure{}
	for item, err := range d.api.Exposures(d.t.Context(), nil, 0) {
		require.NoError(d.t, err)
		found[item.Value.ID] = item.Value
	}
	return found
}

// exposureOf waits until the exposure of a weakness is as wanted, and gives it whole.
func (d *daemon) exposureOf(weakness, what string, wanted func(e *apiclient.Detail) bool) apiclient.Detail {
	d.t.Helper()
	var found apiclient.Detail
	d.until(weakness+" to be "+what, func() bool {
		for item, err := range d.api.Exposures(d.t.Context(), url.Values{"weakness": {weakness}}, 1) {
			require.NoError(d.t, err)
			detail, err := d.api.Exposure(d.t.Context(), item.Value.ID)
			require.NoError(d.t, err)
			found = detail.Value
			return wanted(&found)
		}
		return false
	})
	return found
}

// openWithTicket waits for an exposure to be where a team takes over.
func (d *daemon) openWithTicket(weakness string) apiclient.Detail {
	d.t.Helper()
	return d.exposureOf(weakness, "open, with a ticket", func(e *apiclient.Detail) bool { return e.State == exposure.Open && e.Ticket != "" })
}

// decide decides on an exposure.
func (d *daemon) decide(e *apiclient.Detail, decision apiclient.Decision) {
	d.t.Helper()
	_, err := d.api.Decide(d.t.Context(), e.ID, decision, "e2e-"+decision.Kind, 0)
	require.NoError(d.t, err)
}

// approve lets somebody else approve what was asked for, and gives the state after it.
func (d *daemon) approve(e *apiclient.Detail, name string) exposure.State {
	d.t.Helper()
	token, err := d.api.CreateToken(d.t.Context(), apiclient.TokenRequest{Name: name, Role: "approver"})
	require.NoError(d.t, err)
	other, err := apiclient.New(apiclient.Options{URL: d.info.URL, Token: token.Value.Text, Agent: "quell-e2e"})
	require.NoError(d.t, err)
	defer other.Close()
	done, err := other.Decide(d.t.Context(), e.ID, apiclient.Decision{Kind: "approve"}, "e2e-approve-"+name, 0)
	require.NoError(d.t, err)
	return done.Value.State
}

// portFree reports whether nobody listens at an address.
func portFree(address string) bool {
	l, err := net.Listen("tcp", address) //nolint:noctx // closed on the next line
	return err == nil && l.Close() == nil
}
