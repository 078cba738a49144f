package cli

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const goodConfig = `server: {listen: "127.0.0.1:9000"}
store: {url: "${env:STORE}"}
sources:
  - name: fake-lab
    connector: fake
    webhook: {secret: "${env:HOOK}"}
    config: {url: "https://scanner.example.org", token: "${file:token}"}
scopes:
  - name: lab
    include: [{network: 10.0.0.0/8}]
    engagement: {probe: true, windows: [{days: [sat], from: "22:00", to: "06:00"}]}
owners:
  teams: [{name: lab-team}]
`

func TestConfigCheckTellsEveryProblemAtOnce(t *testing.T) {
	s := newShell(t, nil)
	s.file(t, "good.yaml", goodConfig)
	got := s.run(t, "config", "check", "good.yaml")
	require.Equal(t, result{out: "good.yaml: no problems (1 source, 1 scope, 1 team)\n"}, got, "secrets aren't needed to check")

	got = s.run(t, "config", "check", "--resolve", "good.yaml")
	require.Equal(t, ExitFailed, got.code)
	require.Contains(t, got.err, "STORE")

	s.file(t, "bad.yaml", `servr: {listen: nowhere}
temporal: {address: nowhere}
sources:
  - {name: a, connector: nuclie}
  - {name: a, connector: fake, config: {pag: 3, page: 5000, token: hunter2-literal}}
`)
	got = s.run(t, "config", "check", "bad.yaml")
	require.Equal(t, ExitFailed, got.code)
	require.Empty(t, got.out)
	golden(t, "config_bad", strings.ReplaceAll(got.err, s.dir, "DIR"))
	require.NotContains(t, got.err, "hunter2")

	got = s.run(t, "config", "check", "--json", "bad.yaml")
	require.Equal(t, 7, strings.Count(got.out, "\n"))
	require.Contains(t, got.out, `"line":5,"column":55,"path":"sources[1].config.page","text":"5000 is not between 1 and 1000"}`)

	got = s.run(t, "config", "check")
	require.Equal(t, ExitFailed, got.code)
	require.Contains(t, got.err, "quell.yaml")
}

func TestConfigShowHasDefaultsAndNoSecret(t *testing.T) {
	s := newShell(t, nil)
	s.env["STORE"], s.env["HOOK"] = "mongodb://u:p4ss-in-url@db/quell", "hunter2-hook"
	s.file(t, "quell.yaml", goodConfig)
	got := s.run(t, "config", "show")
	require.Equal(t, ExitOK, got.code, got.err)
	golden(t, "config_show", got.out)
	require.NotContains(t, got.out+got.err, "hunter2")
	require.NotContains(t, got.out+got.err, "p4ss")
	require.Contains(t, got.out, "[redacted]")
}

func TestNoSecretReachesAnError(t *testing.T) {
	const literal = "hunter2-literal"
	for _, body := range []string{
		"store: {url: " + literal + "}",
		"store: {url: [" + literal + "]}",
		"temporal: {api_key: " + literal + ", address: " + literal + "}",
		"sources: [{name: a, connector: fake, webhook: {token: " + literal + "}}]",
		"sources: [{name: a, connector: fake, config: {url: \"https://u:" + literal + "@example.org\", token: " + literal + "}}]",
		"sources: [{name: a, connector: fake, webhook: {rate: " + literal + "}}]",
	} {
		s := newShell(t, nil)
		s.file(t, "quell.yaml", body)
		for _, args := range [][]string{{"config", "check"}, {"config", "check", "--resolve"}, {"config", "show"}, {"doctor"}} {
			got := s.run(t, args...)
			require.NotContains(t, got.out+got.err, literal, "%s with %v", body, args)
			require.NotEqual(t, ExitOK, got.code, body)
		}
	}
}
