package cli

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestATokenGoesOnlyWhereItBelongs(t *testing.T) {
	d := newDaemon(t)
	d.answer("GET /api/v1/owners", `{"items":[]}`)
	thief := newDaemon(t)
	dev := func(url string) string { return `{"url":"` + url + `","token":"` + testToken + `","ui":"","pid":1}` }
	tests := []struct {
		name  string
		env   map[string]string
		flags []string
		dev   string
		code  int
		err   string
	}{
		{name: "the environment", env: map[string]string{"QUELL_URL": d.URL + "/", "QUELL_TOKEN": testToken + "\n"}},
		{name: "quell dev of this directory", dev: dev(d.URL)},
		{name: "quell dev's token for its own address", env: map[string]string{"QUELL_URL": d.URL}, dev: dev(d.URL + "/")},
		{name: "quell dev's token for another address", env: map[string]string{"QUELL_URL": thief.URL}, dev: dev(d.URL), code: ExitDenied, err: "no API token"},
		{name: "the environment's token and a stranger's file", env: map[string]string{"QUELL_TOKEN": "mine"}, dev: dev(thief.URL), code: ExitUnavailable, err: defaultURL},
		{name: "flags win", env: map[string]string{"QUELL_URL": thief.URL, "QUELL_TOKEN": "other"}, flags: []string{"--url", d.URL, "--token-file", "token"}},
		{name: "nothing at all", code: ExitDenied, err: "quell dev"},
		{name: "a broken file of quell dev", dev: "{", code: ExitFailed, err: "start `quell dev` again"},
		{name: "no such token file", flags: []string{"--token-file", "nowhere"}, code: ExitFailed, err: "reading the token"},
		{name: "no address", env: map[string]string{"QUELL_URL": "ftp://x", "QUELL_TOKEN": "t"}, code: ExitFailed, err: "http://127.0.0.1:8088"},
		{name: "something else pasted", env: map[string]string{"QUELL_URL": d.URL, "QUELL_TOKEN": "a b"}, code: ExitFailed, err: "pasted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShell(t, nil)
			s.env = tt.env
			s.file(t, "token", testToken+"\n")
			if tt.dev != "" {
				s.file(t, ".quell/dev.json", tt.dev)
			}
			got := s.run(t, append(tt.flags, "owners")...)
			if tt.name == "the environment's token and a stranger's file" && got.code != tt.code {
				t.Skip("something listens on " + defaultURL)
			}
			require.Equal(t, tt.code, got.code, got.err)
			require.Contains(t, got.err, tt.err)
			require.Empty(t, thief.questions())
			require.NotContains(t, got.err, testToken, "errors don't repeat tokens")
		})
	}
}
