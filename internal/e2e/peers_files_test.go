//go:build peers

package e2e

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/demo/weakapp"
	"github.com/quellsec/quell/internal/exposure"
)

// peer finds a real program, in bin/peers or installed, or says how to get it.
func peer(t *testing.T, name string) string {
	t.Helper()
	if path := filepath.Join(root(t), "bin", ".peers", name); os.Chmod(path, 0o755) == nil { //nolint:gosec // a program
		return path
	}
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin", "/usr/lib/postgresql/15/bin") {
		if path := filepath.Join(dir, name); exec.CommandContext(t.Context(), "test", "-x", path).Run() == nil { //nolint:gosec // asks whether it is there
			return path
		}
	}
	t.Fatalf("there is no %s: run make test-peers, which installs it", name)
	return ""
}

// tool runs a real program in a home of its own, and gives what it printed. Scanners end
// with another status when they find something, so that is left to what they print.
func tool(t *testing.T, dir, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), peer(t, name), args...) //nolint:gosec // the test's own words
	cmd.Dir = dir
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME="+home, "XDG_CONFIG_HOME="+home)
	if cache, err := os.UserCacheDir(); err == nil { // Go's own cache, or gosec compiles the standard library each time
		cmd.Env = append(cmd.Env, "GOCACHE="+cmp.Or(os.Getenv("GOCACHE"), filepath.Join(cache, "go-build")))
	}
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil && len(out) == 0 && cmd.ProcessState.ExitCode() != 1 {
		t.Fatalf("%s: %v\n%s", name, err, problems.String())
	}
	return out
}

func portOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u.Port()
}

// scanners are sources for what the tools print.
func scanners(dir string) string {
	_ = dir // no secret of theirs is needed: everything is uploaded
	return `sources:
  - {name: lab-nmap, connector: nmap, zone: lab, local: true}
  - {name: lab-nuclei, connector: nuclei, zone: lab, local: true}
  - {name: lab-httpx, connector: projectdiscovery, zone: lab, local: true}
  - {name: lab-trivy, connector: trivy, zone: lab, config: {full_scan: true, scanners: [misconfig, secret]}}
  - {name: lab-gosec, connector: sarif, zone: lab}
  - {name: lab-gitleaks, connector: sarif, zone: lab}
`
}

// upload gives a tool's report to a source by the command line, and waits until it is in.
func (d *daemon) upload(t *testing.T, source string, report []byte, ext string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), source+ext)
	require.NoError(t, os.WriteFile(path, report, 0o600))
	d.well("ingest", "--source", source, "--wait", path)
}

// of are the exposures that a source reports, by weakness.
func (d *daemon) of(source string) map[string]exposure.Exposure {
	d.t.Helper()
	out := map[string]exposure.Exposure{}
	for _, e := range d.exposures() {
		for _, s := range e.Sources {
			if s == source {
				out[e.Weakness+" "+e.Location] = e
			}
		}
	}
	return out
}

// TestRealScannersReportOnTheWeakApplication runs the scanners themselves, and what they
// print goes the way of every report.
func TestRealScannersReportOnTheWeakApplication(t *testing.T) {
	d := newDaemonWith(t, scanners)
	for _, tt := range []struct {
		peer, name string
		run        func(*testing.T, *daemon)
	}{
		{"nmap", "sees ports open, and proves them closed", realNmap},
		{"nuclei", "finds what its templates look for, and then no more", realNuclei},
		{"httpx", "describes what answers", realHTTPX},
		{"gosec", "reports on code", realGosec},
		{"gitleaks", "reports secrets, which are not kept", realGitleaks},
		{"trivy", "reports misconfigurations and secrets", realTrivy},
	} {
		t.Run(tt.peer+" "+tt.name, func(t *testing.T) {
			if wanted := os.Getenv("QUELL_PEERS"); wanted != "" && !slices.Contains(strings.Fields(wanted), tt.peer) {
				t.Skip("not among PEERS")
			}
			tt.run(t, d.in(t))
		})
	}
	d.stop()
}

func realNmap(t *testing.T, d *daemon) {
	t.Helper()
	app := weak(t)
	ports := portOf(t, app.PortalURL()) + "," + portOf(t, app.PortalTLSURL())
	scan := func() {
		d.upload(t, "lab-nmap", tool(t, t.TempDir(), "nmap", "-n", "-sT", "-oX", "-", "-p", ports, "127.0.0.1"), ".xml")
	}
	scan()
	require.Len(t, d.of("lab-nmap"), 2, "two ports are open")
	require.NoError(t, app.Close())
	// Nmap tells time in seconds: a scan within the second of the last sight proves nothing.
	d.until("the proof that both are closed", func() bool {
		scan()
		closed := 0
		for _, e := range d.of("lab-nmap") {
			if e.State == exposure.Closed {
				closed++
			}
		}
		return closed == 2
	})
}

func realNuclei(t *testing.T, d *daemon) {
	t.Helper()
	app := weak(t)
	templates := filepath.Join(root(t), "internal", "demo", "templates", "git-config.yaml")
	scan := func() []byte {
		return tool(t, t.TempDir(), "nuclei", "-duc", "-ni", "-nc", "-silent", "-jsonl", "-omit-raw", "-t", templates, "-u", app.PortalURL())
	}
	d.upload(t, "lab-nuclei", scan(), ".jsonl")
	found := d.of("lab-nuclei")
	require.Len(t, found, 1)
	for what, e := range found {
		require.True(t, strings.HasPrefix(what, "nuclei:quell-demo-git-config "), what)
		require.True(t, e.State.Live())
	}
	require.NoError(t, app.Set(weakapp.GitConfig, false))
	require.Empty(t, scan(), "nuclei says nothing where it finds nothing, which proves nothing")
}

func realHTTPX(t *testing.T, d *daemon) {
	t.Helper()
	app := weak(t)
	d.upload(t, "lab-httpx", tool(t, t.TempDir(), "httpx", "-silent", "-json", "-duc", "-title", "-u", app.PortalURL()), ".jsonl")
	for item, err := range d.api.Assets(t.Context(), url.Values{"source": {"lab-httpx"}}, 0) {
		require.NoError(t, err)
		require.NotEmpty(t, item.Value.Identifiers)
		return
	}
	t.Fatal("httpx's asset is not there")
}

func realGosec(t *testing.T, d *daemon) {
	t.Helper()
	dir := t.TempDir()
	write := func(body string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module weak\n\ngo 1.26\n"), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\n"+body), 0o600))
	}
	scan := func() { d.upload(t, "lab-gosec", tool(t, dir, "gosec", "-quiet", "-fmt", "sarif", "./..."), ".sarif") }
	weak := "import (\n\t\"crypto/md5\"\n\t\"fmt\"\n)\n\nfunc main() { fmt.Println(md5.Sum(nil)) }\n"
	write(weak)
	scan()
	before := d.of("lab-gosec")
	require.NotEmpty(t, before)
	write("// A line more, so that every line number is another one.\n\n" + weak)
	scan()
	require.Len(t, d.of("lab-gosec"), len(before), "a weakness that moved is the same weakness")
}

func realGitleaks(t *testing.T, d *daemon) {
	t.Helper()
	dir := t.TempDir()
	secret := "ghp_" + "vR7mQ2zKx9LpT4nWc8Jb" + "Y6dHs3FgA5uEo1Xi"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "settings.env"), []byte("GITHUB_TOKEN="+secret+"\n"), 0o600))
	report := filepath.Join(dir, "report.sarif")
	tool(t, dir, "gitleaks", "dir", "--no-banner", "--exit-code", "0", "--report-format", "sarif", "--report-path", report, dir)
	body, err := os.ReadFile(report)
	require.NoError(t, err)
	d.upload(t, "lab-gitleaks", body, ".sarif")
	found := d.of("lab-gitleaks")
	require.NotEmpty(t, found)
	require.NotContains(t, fmt.Sprint(found), secret)
}

func realTrivy(t *testing.T, d *daemon) {
	t.Helper()
	dir := t.TempDir()
	image := filepath.Join(root(t), "internal", "demo", "weakapp", "portal-image")
	require.NoError(t, os.CopyFS(filepath.Join(dir, "portal"), os.DirFS(image)))
	scan := func() {
		d.upload(t, "lab-trivy", tool(t, dir, "trivy", "fs", "--quiet", "--scanners", "misconfig,secret", "--skip-check-update", "--offline-scan", "--format", "json", "portal"), ".json")
	}
	scan()
	before := d.of("lab-trivy")
	require.NotEmpty(t, before)
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "portal")))
	require.NoError(t, os.CopyFS(filepath.Join(dir, "portal"), os.DirFS(image+"-fixed")))
	scan()
	closed := 0
	for _, e := range d.of("lab-trivy") {
		if e.State == exposure.Closed {
			closed++
		}
	}
	require.Positive(t, closed, "what the fixed image no longer has is proven gone")
}
