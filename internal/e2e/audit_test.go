package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/proto"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/demo/weakapp"
	"github.com/quellsec/quell/internal/exposure"
)

// What a scanner's body and a probe's answer hold, and no Temporal history may.
const (
	marker   = "SCANNERBODY-7f3a91c2"
	answered = "repositoryformatversion" // in the .git/config that the weak application serves
)

func TestAnAuditorFindsInTemporalWhatHappenedAndNoSecret(t *testing.T) {
	t.Parallel()
	app := weak(t)
	d := newDaemon(t)
	d.intelligence()
	d.take("lab-nuclei", marked(t, report(t, app)))
	temporal, err := client.Dial(client.Options{HostPort: d.info.Temporal, Namespace: "quell", Logger: quiet{}})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)

	store := d.openWithTicket(clusterEnv)
	findsByAttributes(t, d, temporal, &store)
	operator, err := d.api.CreateToken(t.Context(), apiclient.TokenRequest{Name: "ann", Role: "operator"})
	require.NoError(t, err)
	liveThrough(t, d, app)

	secrets := map[string]string{"the webhook's token": hookToken, "the admin's token": d.info.Token, "the new token": operator.Value.Text,
		"the probe's token": read(t, filepath.Join(d.dir, "probe.token"))}
	for name, text := range secrets {
		require.Greater(t, len(text), 10, name)
	}
	t.Run("no history holds a secret or a scanner's body", func(t *testing.T) {
		forbidden := map[string]string{"the report's marker": marker, "the application's answer": answered}
		for name, text := range secrets {
			forbidden[name] = text
		}
		searchHistories(t, d.in(t), temporal, string(store.ID), forbidden)
	})
	t.Run("no log and no command line holds a secret", func(t *testing.T) {
		d := d.in(t)
		for _, p := range processesOf(t, d.dir) {
			require.NotContains(t, p.command, hookToken)
			require.NotContains(t, p.command, "quell_", "a token on the command line of %d", p.pid)
		}
		d.stop()
		logs, err := filepath.Glob(filepath.Join(d.dir, "*.log"))
		require.NoError(t, err)
		require.Len(t, logs, 2, "of Temporal and of the probe")
		for _, file := range append(logs, d.log) {
			for name, text := range secrets {
				require.NotContains(t, read(t, file), text, "%s is in %s", name, file)
			}
		}
		require.NotEmpty(t, read(t, d.log))
		// A person needs the admin's token once, and gets it where it isn't logged.
		greeting := read(t, d.out)
		require.Equal(t, 1, strings.Count(greeting, d.info.Token))
		for _, name := range []string{"the webhook's token", "the probe's token", "the new token"} {
			require.NotContains(t, greeting, secrets[name], name)
		}
	})
}

// marked puts the marker wherever a nuclei report has words of the target or the scanner.
func marked(t *testing.T, report []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	for line := range bytes.Lines(report) {
		var found map[string]any
		require.NoError(t, json.Unmarshal(line, &found))
		info, ok := found["info"].(map[string]any)
		require.True(t, ok)
		info["description"] = fmt.Sprint(info["description"], " ", marker)
		for _, field := range []string{"request", "response", "curl-command"} {
			found[field] = fmt.Sprint(found[field], "\r\n", marker)
		}
		found["extracted-results"] = []string{marker}
		raw, err := json.Marshal(found)
		require.NoError(t, err)
		out.Write(append(raw, '\n'))
	}
	return out.Bytes()
}

// liveThrough makes every kind of workflow do what it does: a claim that is refuted, a fix
// that is proven, and decisions of people.
func liveThrough(t *testing.T, d *daemon, app *weakapp.App) {
	t.Helper()
	git := d.openWithTicket(gitConfig)
	require.Contains(t, asJSON(t, git.Findings), marker, "the report's words are in the store")
	require.NotEmpty(t, git.Verdict.Evidence)
	evidence, err := d.api.Evidence(t.Context(), git.Verdict.Evidence[0], git.ID)
	require.NoError(t, err)
	require.Contains(t, string(evidence.JSON), answered, "and so is what the application answered")

	d.decide(&git, apiclient.Decision{Kind: "retest"})
	d.exposureOf(gitConfig, "tested again", func(e *apiclient.Detail) bool {
		return e.State == exposure.Open && e.Verdict.CheckedAt.After(git.Verdict.CheckedAt)
	})
	require.NoError(t, app.Set(weakapp.GitConfig, false))
	_, err = d.api.MoveTicket(t.Context(), git.Ticket, "done")
	require.NoError(t, err)
	d.exposureOf(gitConfig, "closed", func(e *apiclient.Detail) bool { return e.State == exposure.Closed })
	store := d.openWithTicket(clusterEnv)
	d.decide(&store, apiclient.Decision{Kind: "accept_risk", Reason: "replaced next quarter", EndsOn: []string{"kev"}})
	for _, name := range []string{"bob", "eve"} { // ann's own yes doesn't count, and act takes two
		if d.approve(&store, name) == exposure.Accepted {
			break
		}
	}
	d.exposureOf(clusterEnv, "accepted", func(e *apiclient.Detail) bool { return e.State == exposure.Accepted })
}

// findsByAttributes asks Temporal's visibility as an auditor does in its UI.
func findsByAttributes(t *testing.T, d *daemon, temporal client.Client, e *apiclient.Detail) {
	t.Helper()
	wanted := "exposure/" + string(e.ID)
	for _, query := range []string{
		"CVE = '" + clusterEnv + "'",
		"Owner = 'files' AND ExposureState = 'open'",
		"CVE = '" + clusterEnv + "' AND Owner = 'files' AND ExposureState = 'open' AND Scope = 'file-store' AND Source = 'lab-nuclei' AND Decision = '" +
			string(e.Decision.Outcome) + "' AND DueDate > '2020-01-01T00:00:00Z'",
	} {
		d.until("visibility to find "+wanted+" by "+query, func() bool {
			for _, found := range listed(t, temporal, query) {
				if found.GetExecution().GetWorkflowId() == wanted {
					return true
				}
			}
			return false
		})
	}
	require.Empty(t, listed(t, temporal, "CVE = '"+clusterEnv+"' AND Owner = 'web'"), "and nothing where another team is asked for")
}

func listed(t *testing.T, temporal client.Client, query string) []*workflowpb.WorkflowExecutionInfo {
	t.Helper()
	var all []*workflowpb.WorkflowExecutionInfo
	for token := []byte(nil); ; {
		page, err := temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: "quell", Query: query, NextPageToken: token})
		require.NoError(t, err, query)
		all = append(all, page.GetExecutions()...)
		if token = page.GetNextPageToken(); len(token) == 0 {
			return all
		}
	}
}

// searchHistories reads every event of every workflow run, as it stands on the wire.
func searchHistories(t *testing.T, d *daemon, temporal client.Client, present string, forbidden map[string]string) {
	t.Helper()
	var runs []*workflowpb.WorkflowExecutionInfo
	d.until("visibility to know every kind of workflow", func() bool {
		runs = listed(t, temporal, "")
		kinds := map[string]bool{}
		for _, run := range runs {
			kinds[run.GetType().GetName()] = true
		}
		return kinds["Exposure"] && kinds["Remediation"] && kinds["Ingest"] && kinds["Sweep"]
	})
	events, sawPresent := 0, false
	look := func(where string, m proto.Message) {
		raw, err := proto.Marshal(m) // payloads stand in it as they are
		require.NoError(t, err)
		sawPresent = sawPresent || bytes.Contains(raw, []byte(present))
		for name, text := range forbidden {
			require.False(t, bytes.Contains(raw, []byte(text)), "%s is in %s:\n%s", name, where, m)
		}
	}
	for _, run := range runs {
		id := run.GetExecution().GetWorkflowId()
		look("the listing of "+id, run)
		history := temporal.GetWorkflowHistory(t.Context(), id, run.GetExecution().GetRunId(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for history.HasNext() {
			event, err := history.Next()
			require.NoError(t, err)
			look(fmt.Sprintf("event %d of %s", event.GetEventId(), id), event)
			events++
		}
	}
	require.True(t, sawPresent, "the search finds what is there")
	require.Greater(t, events, 100)
	t.Logf("%d events of %d workflow runs were read", events, len(runs))
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return string(raw)
}

func read(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	return strings.TrimSpace(string(raw))
}

// quiet keeps the Temporal SDK's own words out of the test's.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
