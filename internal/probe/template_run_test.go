package probe

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
)

// site is a web server with a switch and a word that its pages hold.
func site(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func TestAMatchConfirmsAndTheFixRefutes(t *testing.T) {
	var fixed atomic.Bool
	server := site(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.git/config" && !fixed.Load() {
			w.Header().Set("Set-Cookie", "sid=verysecretcookie")
			_, _ = io.WriteString(w, "[core]\n[remote \"origin\"]\n\turl = https://bob:hunter22@git.example/x.git\n")
			return
		}
		if r.URL.Path != "/" {
			http.NotFound(w, r)
		}
	})
	r := newRig(t, map[string]string{"git.yaml": gitConfig}, nil)
	tmpl, err := r.opts.Index.ByID("git-config")
	require.NoError(t, err)

	v := r.verdict(t, request(exposure.MethodTemplate, "git-config", server.URL))
	require.Equal(t, exposure.Confirmed, v.Outcome, v.Reason)
	require.Equal(t, "git-config@sha256:"+tmpl.Digest, v.Template)
	e := r.evidence(t, v)
	require.Contains(t, e.Request, "GET /.git/config")
	require.Contains(t, e.Response, "[core]")
	require.Equal(t, tmpl.Digest, e.Digest)
	require.Equal(t, "lab", e.Vantage)
	require.Equal(t, server.Listener.Addr().String(), e.Address)
	require.NotContains(t, e.Response, "verysecretcookie")
	require.NotContains(t, e.Response, "hunter22")

	fixed.Store(true)
	v = r.verdict(t, request(exposure.MethodTemplate, "git-config", server.URL))
	require.Equal(t, exposure.Refuted, v.Outcome, v.Reason)
	require.Contains(t, r.evidence(t, v).Response, "404")
}

func TestWhatIsNoProofIsInconclusive(t *testing.T) {
	stray, visits := counter(t, "127.0.0.3:0")
	page := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, c := range map[string]struct {
		template string
		handler  http.HandlerFunc
		reason   string
	}{
		"a redirect to another address that the template follows": {following(gitConfig), func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				http.Redirect(w, r, "http://"+stray.Addr().String()+"/[core]", http.StatusFound)
			}
		}, "off target"},
		"a redirect to another name that the template follows": {following(gitConfig), func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				http.Redirect(w, r, "http://metadata.internal/", http.StatusFound)
			}
		}, "metadata.internal"},
		"a redirect off target that the template doesn't follow": {gitConfig, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				http.Redirect(w, r, "https://login.example/", http.StatusFound)
			}
		}, "redirects to https://login.example"},
		"a front page that redirects off target": {gitConfig, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+stray.Addr().String()+"/", http.StatusMovedPermanently)
		}, "off target"},
		"a firewall's block page": {gitConfig, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				page(http.StatusForbidden, "<h1>Attention Required! | Cloudflare</h1>")(w, r)
			}
		}, "block page of Cloudflare"},
		"a server that fails": {gitConfig, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				page(http.StatusBadGateway, "bad gateway")(w, r)
			}
		}, "status 502"},
		"a server that limits requests": {gitConfig, page(http.StatusTooManyRequests, "slow down"), "limiting"},
		"a connection cut off in the answer": {gitConfig, func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				panic(http.ErrAbortHandler)
			}
		}, "some failed"},
		"a template that the engine rejects":      {strings.Replace(gitConfig, "type: word", "type: nonsense", 1), page(http.StatusOK, ""), "engine"},
		"a template whose variables stay unknown": {strings.Replace(gitConfig, "/.git/config", "/{{unknown_thing}}", 1), page(http.StatusOK, ""), "made"},
	} {
		t.Run(name, func(t *testing.T) {
			server := site(t, c.handler)
			r := newRig(t, map[string]string{"git.yaml": c.template}, nil)
			v := r.verdict(t, request(exposure.MethodTemplate, "git-config", server.URL))
			require.Equal(t, exposure.Inconclusive, v.Outcome, v.Reason)
			require.Contains(t, v.Reason, c.reason)
		})
	}
	require.Zero(t, visits.Load(), "nothing may dial an address that is off target")
}

func TestADeadPortIsInconclusiveForATemplate(t *testing.T) {
	r := newRig(t, map[string]string{"git.yaml": gitConfig}, nil)
	v := r.verdict(t, request(exposure.MethodTemplate, "git-config", "http://"+closedPort(t)))
	require.Equal(t, exposure.Inconclusive, v.Outcome)
	require.Contains(t, v.Reason, "the port is closed")
}

func TestASilentServerIsInconclusive(t *testing.T) {
	release := make(chan struct{})
	server := site(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			<-release
		}
	})
	t.Cleanup(func() { close(release) })
	r := newRig(t, map[string]string{"git.yaml": gitConfig}, func(o *Options) { o.Timeout = 300 * time.Millisecond })
	v := r.verdict(t, request(exposure.MethodTemplate, "git-config", server.URL))
	require.Equal(t, exposure.Inconclusive, v.Outcome)
	require.Contains(t, v.Reason, "timed out")
}

func TestATargetThatNamesThePageItselfIsStillProbedAtTheRootOfItsSite(t *testing.T) {
	server := site(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.git/config" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, "[core]")
	})
	r := newRig(t, map[string]string{"git.yaml": gitConfig}, nil)
	v := r.verdict(t, request(exposure.MethodTemplate, "git-config", server.URL+"/.git/config"))
	require.Equal(t, exposure.Confirmed, v.Outcome, v.Reason)
}

func TestANameIsResolvedOnceAndItsAddressIsPinned(t *testing.T) {
	server := site(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.git/config" {
			_, _ = io.WriteString(w, "[core]"+r.Host)
		}
	})
	_, port, found := strings.Cut(server.Listener.Addr().String(), ":")
	require.True(t, found)
	r := newRig(t, map[string]string{"git.yaml": gitConfig}, nil)
	// After the first answer the name points elsewhere, as a rebinding name server would have it.
	r.names.answers["app.example"] = []string{"127.0.0.1", "127.0.0.3"}
	_, visits := counter(t, "127.0.0.3:"+port)

	v := r.verdict(t, request(exposure.MethodTemplate, "git-config", "http://app.example:"+port))
	require.Equal(t, exposure.Confirmed, v.Outcome, v.Reason)
	require.Equal(t, "127.0.0.1:"+port, r.evidence(t, v).Address)
	require.Contains(t, r.evidence(t, v).Response, "app.example")
	require.EqualValues(t, 1, r.names.asked.Load())
	require.Zero(t, visits.Load())
}

func TestACVEIsProbedByTheTemplatesThatClaimIt(t *testing.T) {
	claim := func(id, path string) string {
		return fmt.Sprintf("id: %s\ninfo:\n  name: x\n  author: q\n  severity: high\n  classification:\n    cve-id: CVE-2023-28432\nhttp:\n  - method: GET\n    path: [\"{{BaseURL}}%s\"]\n    matchers:\n      - type: word\n        words: [weak]\n", id, path)
	}
	server := site(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/b" {
			_, _ = io.WriteString(w, "weak")
		}
	})
	both := newRig(t, map[string]string{"a.yaml": claim("claim-a", "/a"), "b.yaml": claim("claim-b", "/b")}, nil)
	v := both.verdict(t, request(exposure.MethodCVETemplate, "cve-2023-28432", server.URL))
	require.Equal(t, exposure.Confirmed, v.Outcome, v.Reason)
	require.Len(t, v.Evidence, 2)

	v = newRig(t, map[string]string{"a.yaml": claim("claim-a", "/a")}, nil).verdict(t, request(exposure.MethodCVETemplate, "CVE-2023-28432", server.URL))
	require.Equal(t, exposure.Refuted, v.Outcome, v.Reason)

	v = both.verdict(t, request(exposure.MethodCVETemplate, "CVE-2020-0001", server.URL))
	require.Equal(t, exposure.Inconclusive, v.Outcome)
	require.Contains(t, v.Reason, "no template that claims")
}

func TestATemplateThatIsNotInstalledOrWasChangedIsInconclusive(t *testing.T) {
	server := site(t, func(http.ResponseWriter, *http.Request) {})
	r := newRig(t, map[string]string{"git.yaml": gitConfig}, nil)
	v := r.verdict(t, request(exposure.MethodTemplate, "no-such-template", server.URL))
	require.Equal(t, exposure.Inconclusive, v.Outcome)
	require.Contains(t, v.Reason, "not installed")

	tmpl, err := r.opts.Index.ByID("git-config")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(tmpl.Path, []byte(gitConfig+"# changed\n"), 0o600))
	v = r.verdict(t, request(exposure.MethodTemplate, "git-config", server.URL))
	require.Equal(t, exposure.Inconclusive, v.Outcome)
	require.Contains(t, v.Reason, "changed since")
}

func TestATargetThatFailsAfterTheCheckIsInconclusive(t *testing.T) {
	var checked atomic.Bool
	server := site(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/.git/config":
			checked.Store(true)
			http.NotFound(w, r)
		case checked.Load():
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	v := newRig(t, map[string]string{"git.yaml": gitConfig}, nil).verdict(t, request(exposure.MethodTemplate, "git-config", server.URL))
	require.Equal(t, exposure.Inconclusive, v.Outcome, v.Reason)
	require.Contains(t, v.Reason, "after the check")
}
