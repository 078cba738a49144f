package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
)

// said is how a command ended.
type said struct {
	out, err string
	code     int
}

// quell runs the command line against the daemon, from a folder that knows nothing of it.
func (d *daemon) quell(env map[string]string, args ...string) said {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary(d.t), args...)
	cmd.Dir = d.t.TempDir()
	cmd.Env = []string{"HOME=" + cmd.Dir}
	all := map[string]string{"QUELL_URL": d.info.URL, "QUELL_TOKEN": d.info.Token}
	maps.Copy(all, env)
	for name, value := range all {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	require.NotNil(d.t, cmd.ProcessState, "%v", err)
	return said{out: out.String(), err: errs.String(), code: cmd.ProcessState.ExitCode()}
}

// well runs a command that must succeed, and gives what it printed.
func (d *daemon) well(args ...string) string {
	d.t.Helper()
	got := d.quell(nil, args...)
	require.Zero(d.t, got.code, "quell %s: %s%s", strings.Join(args, " "), got.out, got.err)
	return got.out
}

// goesRound goes once round the loop by commands alone.
func goesRound(t *testing.T, d *daemon) {
	t.Helper()
	demo := filepath.Join(root(t), "internal", "demo", "testdata")
	require.Contains(t, d.well("intel", "import", filepath.Join(demo, "kev-before.json")), "kev")
	report := filepath.Join(t.TempDir(), "lab.jsonl")
	require.NoError(t, os.WriteFile(report, reportOnNothing(t), 0o600))
	var taken struct {
		Source string                  `json:"source"`
		Status exposure.DeliveryStatus `json:"status"`
		Counts map[string]int64        `json:"counts"`
	}
	require.NoError(t, json.Unmarshal([]byte(d.well("ingest", report, "--wait", "--json")), &taken))
	require.Equal(t, "lab-nuclei", taken.Source, "the report's source is recognised")
	require.Equal(t, exposure.DeliveryDone, taken.Status)
	require.Positive(t, taken.Counts["findings"])

	var found exposure.Exposure
	first, _, _ := strings.Cut(d.well("exposures", "--weakness", clusterEnv, "--json"), "\n")
	require.NoError(t, json.Unmarshal([]byte(first), &found))
	require.Equal(t, clusterEnv, found.Weakness)
	d.until(clusterEnv+" to be owned, with a ticket", func() bool {
		require.NoError(t, json.Unmarshal([]byte(d.well("exposures", "show", string(found.ID), "--json")), &found))
		return found.Ticket != ""
	})
	require.Contains(t, d.well("tickets", "--team", "files"), found.Ticket)
	d.well("decide", "reassign", string(found.ID), "--team", "web", "--reason", "the web team took the file store over")
	require.NoError(t, json.Unmarshal([]byte(d.well("exposures", "show", string(found.ID), "--json")), &found))
	require.Equal(t, "web", found.Owner.Team)
	require.Contains(t, d.well("exposures", "timeline", string(found.ID)), "took the file store over")
	d.well("inbox")
	endsAsItShould(t, d, string(found.ID))
	inspects(t, d)
}

// endsAsItShould goes through the exit statuses that scripts decide by.
func endsAsItShould(t *testing.T, d *daemon, id string) {
	t.Helper()
	for _, test := range []struct {
		name string
		env  map[string]string
		args []string
		code int
	}{
		{name: "a decision that lacks its reason and its end", args: []string{"decide", "accept-risk", id}, code: 1},
		{name: "a verb that doesn't exist", args: []string{"expose-me"}, code: 2},
		{name: "an exposure that doesn't exist", args: []string{"exposures", "show", "0000000000000000000000000a"}, code: 3},
		{name: "a token that is none", env: map[string]string{"QUELL_TOKEN": "wrong"}, args: []string{"exposures"}, code: 4},
		{name: "a version that has passed", args: []string{"decide", "claim", id, "--team", "web", "--if-version", "1"}, code: 5},
		{name: "a daemon that isn't there", env: map[string]string{"QUELL_URL": "http://127.0.0.1:1"}, args: []string{"exposures"}, code: 6},
	} {
		got := d.quell(test.env, test.args...)
		require.Equal(t, test.code, got.code, "%s: it said %s%s", test.name, got.out, got.err)
		require.Empty(t, got.out, test.name)
		require.Contains(t, got.err, "quell: ", test.name)
	}
}

// inspects reads reports without a daemon.
func inspects(t *testing.T, d *daemon) {
	t.Helper()
	var figures struct {
		Connector string `json:"connector"`
		Findings  int    `json:"findings"`
		Assets    int    `json:"assets"`
	}
	nowhere := map[string]string{"QUELL_URL": "http://127.0.0.1:1", "QUELL_TOKEN": ""}
	file := filepath.Join(root(t), "connectors", "nessus", "testdata", "two-hosts.nessus")
	got := d.quell(nowhere, "inspect", "--summary", file)
	require.Zero(t, got.code, got.err)
	require.NoError(t, json.Unmarshal([]byte(got.out), &figures))
	require.Equal(t, "nessus", figures.Connector)
	require.Equal(t, 11, figures.Findings)
	require.Equal(t, 3, figures.Assets)

	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	cut := filepath.Join(t.TempDir(), "cut.nessus")
	require.NoError(t, os.WriteFile(cut, whole[:len(whole)-200], 0o600))
	got = d.quell(nowhere, "inspect", "--summary", cut)
	require.Equal(t, 1, got.code)
	require.Regexp(t, `(line|byte|offset) \d+`, got.err)
	require.NoError(t, json.Unmarshal([]byte(got.out), &figures), "what came before the break is told")
	require.Positive(t, figures.Findings)
}
