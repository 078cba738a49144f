package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/demo/weakapp"
	"github.com/quellsec/quell/internal/exposure"
)

func TestADaemonThatIsKilledGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	token := d.info.Token
	d.take("lab-nuclei", reportOnNothing(t))
	before := d.exposures()
	require.NotEmpty(t, before)
	refusesASecondDaemon(t, d)

	const findings = 4000
	flight := d.accepted(d.hook("lab-nuclei", map[string]string{"X-Delivery": "in-flight"}, many(findings)))
	d.until("the delivery to be under way", func() bool {
		found, err := d.api.Delivery(t.Context(), flight.Delivery)
		require.NoError(t, err)
		return found.Value.Status != exposure.DeliveryReceived
	})
	d.kill()
	d.start()

	require.Equal(t, token, d.info.Token, "the admin token outlives its daemon")
	d.until("the killed daemon's children to end", func() bool { return len(strangers(t, d.dir, d.info.PID)) == 0 })
	done := d.ended(flight.Delivery)
	require.Equal(t, exposure.DeliveryDone, done.Status, done.Error)
	after := d.exposures()
	require.Len(t, after, len(before)+findings, "every finding is there, once")
	for id, was := range before {
		is := after[id]
		require.Equal(t, was.Weakness, is.Weakness)
		require.Equal(t, was.Asset, is.Asset)
		require.Equal(t, was.Location, is.Location)
		require.Equal(t, was.State, is.State)
		story, err := d.api.Timeline(t.Context(), id)
		require.NoError(t, err)
		require.True(t, story.Value.Verified, story.Value.Problem)
	}
	again := d.accepted(d.hook("lab-nuclei", map[string]string{"X-Delivery": "in-flight"}, many(findings)))
	require.True(t, again.Repeated, "the scanner, which may have seen no answer, sends it again in vain")

	d.stop()
	require.Empty(t, processesOf(t, d.dir), "a daemon that is stopped leaves no process behind")
}

// many makes a nuclei report of so many findings, on a hundred hosts that don't exist.
func many(findings int) []byte {
	var b bytes.Buffer
	for i := range findings {
		fmt.Fprintf(&b, `{"template-id":"e2e-check-%d","info":{"name":"Check %[1]d","severity":"low"},"type":"http","host":"host-%[2]d.lab.example",`+
			`"matched-at":"http://host-%[2]d.lab.example:80/","timestamp":"2026-11-23T20:37:05Z","matcher-status":true}`+"\n", i/100, i%100)
	}
	return b.Bytes()
}

// refusesASecondDaemon starts another daemon in a data directory that is in use.
func refusesASecondDaemon(t *testing.T, d *daemon) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	second := exec.CommandContext(ctx, binary(t), "dev", "--dir", d.dir)
	out, err := second.CombinedOutput()
	require.Error(t, err, "two daemons shared a data directory")
	require.Equal(t, 5, second.ProcessState.ExitCode(), "exit status of a conflict; it said %s", out)
	require.Contains(t, string(out), "is in use by another quell dev (process "+strconv.Itoa(d.info.PID)+")")
	require.Contains(t, string(out), d.dir)
	_, err = d.api.Ready(t.Context())
	require.NoError(t, err, "the first daemon isn't disturbed")
}

func TestWhatTemporalLosesIsRebuiltFromTheStore(t *testing.T) {
	t.Parallel()
	app := weak(t)
	d := newDaemon(t)
	d.intelligence()
	d.take("lab-nuclei", report(t, app))
	before := d.openWithTicket(gitConfig)
	require.NotNil(t, before.Workflow)

	d.stop()
	files, err := filepath.Glob(filepath.Join(d.dir, "temporal.db*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		require.NoError(t, os.Remove(file))
	}
	d.start()
	_, err = d.api.Rebuild(t.Context())
	require.NoError(t, err)
	_, err = d.api.Rebuild(t.Context())
	require.NoError(t, err, "it may be repeated")

	inHand := 0
	for id, e := range d.exposures() {
		if e.Mode != exposure.ModeWorkflow {
			continue
		}
		inHand++
		d.until("the workflow of "+e.Weakness+" to run", func() bool {
			found, err := d.api.Exposure(t.Context(), id)
			require.NoError(t, err)
			return found.Value.Mode != exposure.ModeWorkflow || found.Value.Workflow != nil && found.Value.Workflow.Status == "Running"
		})
	}
	require.Greater(t, inHand, 1, "there was something to rebuild")
	rebuilt := d.openWithTicket(gitConfig)
	require.NotEqual(t, before.Workflow.RunID, rebuilt.Workflow.RunID, "Temporal had lost the old run")
	require.Equal(t, before.Ticket, rebuilt.Ticket, "nothing is done twice")

	require.NoError(t, app.Set(weakapp.GitConfig, false))
	d.decide(&rebuilt, apiclient.Decision{Kind: "fix_claimed", Reason: "taken out of the web root"})
	closed := d.exposureOf(gitConfig, "closed", func(e *apiclient.Detail) bool { return e.State == exposure.Closed })
	require.NotNil(t, closed.Proof)
	require.NotNil(t, closed.Proof.Verdict, "the proof is a verdict of a new test")
	require.NotEmpty(t, closed.Proof.Verdict.Evidence)
	require.True(t, closed.Proof.Verdict.CheckedAt.After(before.Verdict.CheckedAt), "the test came after the first")
	require.True(t, closed.Timeline.Verified, closed.Timeline.Problem)
	d.until("the ticket to be done", func() bool {
		ticket, err := d.api.Ticket(t.Context(), before.Ticket)
		require.NoError(t, err)
		return ticket.Value.Status == "done"
	})
	markers := map[string]string{}
	for item, err := range d.api.Tickets(t.Context(), nil, 0) {
		require.NoError(t, err)
		require.Empty(t, markers[item.Value.Marker], "two tickets of one remediation: the other is %s", item.Value.ID)
		markers[item.Value.Marker] = item.Value.ID
	}
	require.NotEmpty(t, markers)
}
