package codeowners_test

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/codeowners"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, codeowners.Registration(), nil) }

func TestGolden(t *testing.T) {
	config := configured(t, func(c *codeowners.Config) { c.Repository = "gitlab.example.org/quell-lab/shop" })
	for _, file := range []string{"CODEOWNERS", "gitlab.CODEOWNERS", "pulled.jsonl"} {
		connectortest.Golden(t, codeowners.Registration(), config, file, *update)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, codeowners.Registration(), "codeowners") }

func configured(t *testing.T, set func(*codeowners.Config)) *codeowners.Config {
	t.Helper()
	config, ok := codeowners.Registration().Config().(*codeowners.Config)
	require.True(t, ok)
	set(config)
	require.Empty(t, config.Validate())
	return config
}

// owners decodes a file and gives its clues as "origin=value".
func owners(t *testing.T, lines ...string) []string {
	t.Helper()
	rec, err := connectortest.Decode(t, codeowners.Registration(), nil, []byte(strings.Join(lines, "\n")))
	require.NoError(t, err)
	require.Len(t, rec.Covered, 1)
	out := make([]string, 0, len(rec.Covered[0].Asset.OwnerHints))
	for _, h := range rec.Covered[0].Asset.OwnerHints {
		out = append(out, strings.TrimPrefix(h.From, "CODEOWNERS ")+"="+h.Value)
	}
	return out
}

func TestTheLastRuleThatMatchesDecides(t *testing.T) {
	for _, tt := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"all paths", []string{"* @acme/all"}, []string{"*=@acme/all"}},
		{"a part after all", []string{"* @acme/all", "/pay/ @acme/pay"}, []string{"*=@acme/all", "/pay/=@acme/pay"}},
		{"all after a part", []string{"/pay/ @acme/pay", "* @acme/all"}, []string{"*=@acme/all"}},
		{"the same twice", []string{"/pay/ @acme/old", "/pay/ @acme/new"}, []string{"/pay/=@acme/new"}},
		{"a folder above", []string{"/pay/cards/ @acme/cards", "/pay/ @acme/pay"}, []string{"/pay/=@acme/pay"}},
		{"a folder below", []string{"/pay/ @acme/pay", "/pay/cards/ @acme/cards"}, []string{"/pay/=@acme/pay", "/pay/cards/=@acme/cards"}},
		{"a suffix doesn't take a folder", []string{"/pay/ @acme/pay", "*.go @acme/go"}, []string{"/pay/=@acme/pay", "*.go=@acme/go"}},
		{"a part without owners takes it away", []string{"* @acme/all", "/gen/"}, []string{"*=@acme/all"}},
		{"several owners", []string{"* @ann bob@example.org @acme/all # comment"}, []string{"*=@ann", "* 2=bob@example.org", "* 3=@acme/all"}},
		{"a space in the path", []string{`/my\ docs/ @acme/docs`}, []string{"/my docs/=@acme/docs"}},
		{"a malformed line is passed over", []string{"* @acme/all", "/x/ owner", "[abc @acme/x"}, []string{"*=@acme/all"}},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, owners(t, tt.lines...)) })
	}
}

func TestGitLabsSectionsDecideByThemselves(t *testing.T) {
	require.Equal(t, []string{"*=@all", "* [docs]=@docs", "* [security]=@sec", "/pay/ [docs]=@pay-docs", "/none/ [security]=@sec"},
		owners(t, "* @all", "[Docs] @docs", "*", "/pay/ @pay-docs", "^[Security][2] @sec", "*", "/none/ "), "and a rule without owners has those of its section")
	require.Equal(t, []string{"* [docs]=@two"}, owners(t, "[Docs]", "* @one", "[docs]", "* @two"), "sections of one name are one")
	require.Equal(t, []string{"*=@@maintainer"}, owners(t, "* @@maintainer"))
}

func TestWhatNamesNoOwnerIsSomethingElse(t *testing.T) {
	for _, body := range []string{"# nothing\n", "/a/\n/b/\n", "hello world", "* @acme/\xff"} {
		_, err := connectortest.Decode(t, codeowners.Registration(), nil, []byte(body))
		var syntax *connectors.SyntaxError
		require.ErrorAs(t, err, &syntax, body)
	}
}

func TestAnUploadedFileIsOfTheConfiguredRepository(t *testing.T) {
	body, err := os.ReadFile("testdata/CODEOWNERS")
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, codeowners.Registration(), configured(t, func(c *codeowners.Config) { c.Repository = "github.com/Quell-Lab/Shop" }), body)
	require.NoError(t, err)
	require.Equal(t, []asset.Identifier{{Kind: asset.RepositoryName, Value: "github.com/quell-lab/shop"}}, rec.Covered[0].Asset.Identifiers)
	rec, err = connectortest.Decode(t, codeowners.Registration(), nil, body)
	require.NoError(t, err)
	require.Equal(t, asset.Label, rec.Covered[0].Asset.Identifiers[0].Kind)
}

const api = "https://api.github.com/repos/"

func get(url string, status int, body string) connectortest.Exchange {
	return connectortest.Exchange{Method: "GET", URL: url, Status: status, Body: []byte(body)}
}

func TestASyncLooksWhereGitHubDoes(t *testing.T) {
	config := configured(t, func(c *codeowners.Config) {
		c.URL, c.Token, c.Repositories = "https://api.github.com", secret.New("hunter2hunter2"), []string{"acme/shop", "acme/bare"}
		c.Files = map[string]string{"git.example.org/acme/old": "https://git.example.org/acme/old/raw/CODEOWNERS"}
	})
	got := connectortest.ConformPuller(t, codeowners.Registration(), config, func(t *testing.T) *connectortest.Replay {
		t.Helper()
		return connectortest.NewReplay(t, []connectortest.Exchange{
			get(api+"acme/shop/contents/.github/CODEOWNERS", 404, ""), get(api+"acme/shop/contents/CODEOWNERS", 200, "* @acme/shop\n"),
			get(api+"acme/bare/contents/.github/CODEOWNERS", 404, ""), get(api+"acme/bare/contents/CODEOWNERS", 404, ""), get(api+"acme/bare/contents/docs/CODEOWNERS", 404, ""),
			get(api+"acme/bare", 200, `{"full_name":"acme/bare"}`),
			get("https://git.example.org/acme/old/raw/CODEOWNERS", 200, "* @old\n"),
		})
	})
	require.Len(t, got.Covered, 2)
	require.Equal(t, "github.com/acme/shop", got.Covered[0].Asset.Name)
	require.Equal(t, "git.example.org/acme/old", got.Covered[1].Asset.Name)
	require.Equal(t, map[string]int{"received": 3, "without_owners": 1}, got.Run.Counts)
	require.Equal(t, []string{"api.github.com:443", "git.example.org:443"}, codeowners.Registration().Reach(config))
}

func TestARepositoryThatCantBeSeenIsAnError(t *testing.T) {
	config := configured(t, func(c *codeowners.Config) { c.URL, c.Repositories = "https://api.github.com", []string{"acme/x"} })
	p := connectortest.NewReplay(t, []connectortest.Exchange{
		get(api+"acme/x/contents/.github/CODEOWNERS", 404, ""), get(api+"acme/x/contents/CODEOWNERS", 404, ""), get(api+"acme/x/contents/docs/CODEOWNERS", 404, ""), get(api+"acme/x", 404, ""),
	})
	in, err := codeowners.Registration().Open(connectors.Env{Source: "x", HTTP: p.Client(), Now: func() time.Time { return time.Unix(0, 0) }}, config)
	require.NoError(t, err)
	puller, ok := in.(connectors.Puller)
	require.True(t, ok)
	_, err = puller.Pull(t.Context(), connectors.PullRequest{}, &strings.Builder{})
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
}

func TestConfigNamesEveryProblem(t *testing.T) {
	require.Len(t, (&codeowners.Config{Repository: "shop", Repositories: []string{"shop"}, Files: map[string]string{"x": "ftp://x"}}).Validate(), 4)
}
