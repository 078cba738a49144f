package probe

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func with(line string) string { return gitConfig + line + "\n" }

func inRequest(line string) string {
	return strings.Replace(gitConfig, "  - method: GET", "  - method: GET\n    "+line, 1)
}

func TestATemplateThatAProbeMustNotRunIsRefusedWithTheReason(t *testing.T) {
	const head = "id: bad\ninfo:\n  name: x\n  author: q\n  severity: info\n"
	for name, c := range map[string]struct{ text, why string }{
		"code":                        {head + "code:\n  - engine: [sh]\n    source: id\n", `section "code"`},
		"headless":                    {head + "headless:\n  - steps: []\n", `section "headless"`},
		"javascript":                  {head + "javascript:\n  - code: x\n", `section "javascript"`},
		"file":                        {head + "file:\n  - extensions: [all]\n", `section "file"`},
		"websocket":                   {head + "websocket:\n  - address: x\n", `section "websocket"`},
		"whois":                       {head + "whois:\n  - query: x\n", `section "whois"`},
		"workflow":                    {head + "workflows:\n  - template: x\n", "workflows"},
		"self-contained":              {with("self-contained: true"), "self-contained"},
		"self-contained in a request": {inRequest("self-contained: true"), "self-contained"},
		"an anchor that hides it":     {with("variables: {x: &false true}\nself-contained: *false"), "anchors"},
		"code beside http":            {with("code:\n  - engine: [sh]\n    source: id"), `section "code"`},
		"an out-of-band callback":     {strings.Replace(gitConfig, "/.git/config", "/?u={{interactsh-url}}", 1), "interactsh"},
		"a dialling function":         {inRequest(`body: "{{jarm('x:443')}}"`), "jarm"},
		"a resolving function":        {inRequest(`body: "{{resolve('x', 'a')}}"`), "resolve"},
		"an included file":            {"# !include:../../etc/x.yaml\n" + gitConfig, "!include"},
		"a flow that is a program":    {with(`flow: "http(1); while(true){}"`), "flow"},
		"raw sockets":                 {inRequest("unsafe: true"), "raw"},
		"a race":                      {inRequest("race: true"), "rate"},
		"threads":                     {inRequest("threads: 10"), "rate"},
		"payloads from a file":        {inRequest("payloads: {user: helpers/users.txt}"), "comes from a file"},
		"its own resolvers":           {head + "dns:\n  - name: x\n    resolvers: [10.0.0.1]\n", "resolvers"},
		"an openssl program":          {head + "ssl:\n  - address: x\n    scan_mode: openssl\n", "openssl"},
		"no request":                  {head, "no request"},
		"no id":                       {"info: {}\nhttp: []\n", "no id"},
		"an id that is a path":        {strings.Replace(gitConfig, "id: git-config", "id: ../../x", 1), "no id"},
		"a list":                      {"- a\n", "not a template"},
		"not YAML":                    {"\x00{{{", "not a template"},
		"a key twice":                 {with("id: other"), "not a template"},
	} {
		_, err := parseTemplate([]byte(c.text))
		require.ErrorContains(t, err, c.why, name)
	}
}

func TestWhatAProbeMayRunIsIndexedWithDigestProtocolsAndClaims(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	write := func(dir, name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	const info = "info:\n  name: x\n  author: q\n  severity: info\n  classification:\n    cve-id: "
	write(dir, "deep/list.yaml", "id: list\n"+info+"[cve-2024-0001, CVE-2024-0002, nonsense]\ntcp:\n  - host: [x]\n")
	write(dir, "text.yml", "id: text\n"+info+"CVE-2024-0001,CVE-2024-0003\nssl:\n  - address: x\n    max_version: tls10\n")
	write(dir, "flow.yaml", "id: flow\ninfo: {}\nself-contained: false\nflow: http(1) && (dns(1) || http(2))\nhttp:\n  - path: [x]\n    payloads: {a: [b]}\ndns:\n  - name: x\n")
	write(dir, "readme.md", "not looked at")
	write(dir, "bad.yaml", "id: bad\ncode: []\n")
	write(other, "again.yaml", "id: list\ninfo: {}\nhttp: []\n")
	require.NoError(t, os.Symlink(filepath.Join(other, "again.yaml"), filepath.Join(dir, "link.yaml")))

	x, err := LoadIndex(dir, other)
	require.NoError(t, err)
	require.Equal(t, 3, x.Len())
	flow, err := x.ByID("flow")
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"http", "dns"}, flow.Protocols)
	body, err := os.ReadFile(filepath.Join(dir, "flow.yaml"))
	require.NoError(t, err)
	require.Equal(t, digest(body), flow.Digest)

	claims := x.ByCVE("cve-2024-0001")
	require.Len(t, claims, 2)
	require.Equal(t, "list", claims[0].ID)
	require.Equal(t, "text", claims[1].ID)
	require.True(t, claims[1].pinsTLS)
	require.Len(t, x.ByCVE("CVE-2024-0003"), 1)
	require.Empty(t, x.ByCVE("nonsense"))

	require.Len(t, x.Refused(), 2)
	_, err = x.ByID("bad")
	require.ErrorContains(t, err, "refused")
	for _, r := range x.Refused() {
		if r.ID == "list" {
			require.Contains(t, r.Why, "taken")
		}
	}
}

func TestAMissingTemplateDirectoryIsAnError(t *testing.T) {
	_, err := LoadIndex(filepath.Join(t.TempDir(), "absent"))
	require.Error(t, err)
}

func FuzzParseTemplate(f *testing.F) {
	f.Add([]byte(gitConfig))
	f.Add([]byte("id: x\nflow: http(1)\nhttp:\n  - payloads: {a: [b]}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("<<: {id: x}\nhttp: []\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		tmpl, err := parseTemplate(body)
		if err != nil {
			return
		}
		require.NotEmpty(t, tmpl.ID)
		require.NotEmpty(t, tmpl.Protocols)
		require.Equal(t, digest(body), tmpl.Digest)
	})
}
