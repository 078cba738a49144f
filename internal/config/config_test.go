package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/scope"
	"github.com/quellsec/quell/internal/secret"
)

// scanner is the configuration of a connector that exists only here.
type scanner struct {
	URL   string        `yaml:"url"`
	Token secret.String `yaml:"token"`
	Zone  string        `yaml:"zone"`
	Page  int           `yaml:"page"`
}

func (s *scanner) Validate() []error {
	if s.Page > 1000 {
		return []error{errors.New("page: must be at most 1000")}
	}
	return nil
}

type connectors struct{}

func (connectors) Defaults(name string) (any, bool) { return &scanner{Page: 100}, name == "scanner" }
func (connectors) Names() []string                  { return []string{"scanner"} }

func parse(text string) (*config.Config, error) {
	env := map[string]string{"TOKEN": "hunter2-secret", "DB": "mongodb://u:p4ss@db/quell"}
	return config.Parse("quell.yaml", []byte(text), config.Options{Connectors: connectors{}, Environ: func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}})
}

func TestAnEmptyFileIsTheDefaults(t *testing.T) {
	cfg, err := parse("")
	require.NoError(t, err)
	require.Equal(t, config.Default(), cfg)
}

func TestAFileIsReadWithItsSecretsAndConnectors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "hmac")
	require.NoError(t, os.WriteFile(file, []byte("from-a-file\n"), 0o600))
	cfg, err := parse(`
server: {listen: "0.0.0.0:9000", max_body: 2GiB}
store: {url: "${env:DB}"}
sources:
  - name: lab
    connector: scanner
    zone: dc1
    webhook: {secret: "${file:` + file + `}", header: X-Sig}
    config: {url: https://scanner, token: "${env:TOKEN}"}
`)
	require.NoError(t, err)
	require.Equal(t, config.Size(2<<30), cfg.Server.MaxBody)
	require.Equal(t, "mongodb://u:p4ss@db/quell", cfg.Store.URL.Reveal())
	source := cfg.Sources[0]
	require.Equal(t, "from-a-file", source.Webhook.Secret.Reveal())
	require.Equal(t, "sha256", source.Webhook.Algorithm)
	require.Empty(t, source.Webhook.Prefix, "the default prefix belongs to the default header")
	own, ok := source.Config.(*scanner)
	require.True(t, ok)
	require.Equal(t, "hunter2-secret", own.Token.Reveal())
	require.Equal(t, 100, own.Page, "defaults come first")
	require.Equal(t, "dc1", own.Zone, "the source's zone is the connector's")
}

func TestEveryProblemIsReportedAtOnceWithItsLine(t *testing.T) {
	_, err := parse(`server:
  listen: nowhere
  max_bodi: 1MiB
store: {url: mongodb://u:p4ss@db/quell}
temporal:
  api_key: ${env:UNSET}
sources:
  - name: a b
    connector: scaner
  - name: lab
    connector: scanner
    config: {token: hunter2-secret, page: 5000, urll: x}
  - name: lab
    connector: scanner
    webhook: {token: "${env:TOKEN}", secret: "${env:TOKEN}", algorithm: md5}
`)
	require.Error(t, err)
	want := []string{
		`quell.yaml:2:11: server.listen: wants host:port`,
		`quell.yaml:3:3: server: unknown key "max_bodi"; did you mean "max_body"?`,
		`quell.yaml:4:14: store.url: a secret is never written into the file`,
		`quell.yaml:6:12: temporal.api_key: the environment variable UNSET is not set`,
		`quell.yaml:8:11: sources[0].name: "a b" is no name`,
		`quell.yaml:9:16: sources[0].connector: there is no connector "scaner"; did you mean "scanner"?`,
		`quell.yaml:12:21: sources[1].config.token: a secret is never written into the file`,
		`quell.yaml:12:43: sources[1].config.page: must be at most 1000`,
		`quell.yaml:12:49: sources[1].config: unknown key "urll"; did you mean "url"?`,
		`quell.yaml:13:11: sources[2].name: "lab" is used twice`,
		`quell.yaml:15:14: sources[2].webhook: give token or secret, not both`,
		`quell.yaml:15:73: sources[2].webhook.algorithm: is sha256, sha512 or sha1`,
	}
	got := strings.Split(err.Error(), "\n")
	require.Len(t, got, len(want), err.Error())
	for i := range want {
		require.True(t, strings.HasPrefix(got[i], want[i]), "%q does not begin with %q", got[i], want[i])
	}
	require.NotContains(t, err.Error(), "hunter2")
	require.NotContains(t, err.Error(), "p4ss")
}

func TestASourceHasAnOwnerAnObjectiveAndABreaker(t *testing.T) {
	cfg, err := parse(`owners: {teams: [{name: secops}]}
sources:
  - {name: one, connector: scanner, owner: secops, fresh: 26h, breaker: {share: 0.5, least: 10, wait: 2d}, config: {url: https://scanner}}
  - {name: two, connector: scanner, config: {url: https://scanner}}
`)
	require.NoError(t, err)
	one, two := &cfg.Sources[0], &cfg.Sources[1]
	require.Equal(t, "secops", one.Owner)
	require.Equal(t, config.Breaker{Share: 0.5, Least: 10, Wait: scope.Days(2)}, one.Breaker)
	require.Equal(t, 26*time.Hour, one.Freshness(time.Hour), "what is said counts")
	require.Equal(t, 3*time.Hour, two.Freshness(time.Hour), "three pulls may come to nothing")
	require.Zero(t, two.Freshness(0), "nothing is expected of what isn't pulled")

	_, err = parse(`sources:
  - {name: one, connector: scanner, owner: nobody, breaker: {share: 2}, config: {url: https://scanner}}
  - {name: two, connector: scanner, breaker: {least: -1}, config: {url: https://scanner}}
`)
	require.ErrorContains(t, err, `sources[0].owner: "nobody" is no team`)
	require.ErrorContains(t, err, "sources[0].breaker.share: is a share from 0 to 1")
	require.ErrorContains(t, err, "sources[1].breaker.least: is not negative")
}

func TestABadTypeIsReportedWithoutTheValue(t *testing.T) {
	_, err := parse("server: {max_body: {a: b}}\nfollow_up: {sweep: \"hunter2-secret\"}\nsources: 7\n")
	require.Error(t, err)
	require.Contains(t, err.Error(), "quell.yaml:2:20: follow_up.sweep: reading duration")
	require.Contains(t, err.Error(), "quell.yaml:1:")
	require.Contains(t, err.Error(), "quell.yaml:3:")
	require.NotContains(t, err.Error(), "hunter2")
}

func TestAnchorsAndOversizedFilesAreRefused(t *testing.T) {
	_, err := parse("server: &a {listen: \"x:1\"}\ntemporal: *a\n")
	require.ErrorContains(t, err, "anchors and aliases")
	_, err = parse("# " + strings.Repeat("x", 5<<20))
	require.ErrorContains(t, err, "larger than")
}

func FuzzParse(f *testing.F) {
	f.Add("server: {listen: \"127.0.0.1:1\"}")
	f.Add("sources:\n  - name: a\n    connector: scanner\n    config: {token: \"${env:TOKEN}\", page: 5000}\n")
	f.Add("scopes: [{name: a, include: [{network: 10.0.0.0/8}]}]\nowners: {teams: [{name: t}]}\n")
	f.Add("a: &a [*a]\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := parse(text); err != nil {
			var problems *config.ProblemsError
			require.ErrorAs(t, err, &problems)
			require.NotEmpty(t, problems.List)
			require.NotContains(t, err.Error(), "hunter2")
		}
	})
}

func TestPrecedenceNamesWhatThereIsAndNothingRetiresWhileItIsLookedFor(t *testing.T) {
	cfg, err := parse(`
sources: [{name: lab, connector: scanner, trusted: true}]
precedence: {name: [lab], os: [scanner]}
retire: {pod: 2h}
`)
	require.NoError(t, err)
	require.True(t, cfg.Sources[0].Trusted)
	require.Equal(t, []string{"scanner"}, cfg.Precedence.Lists()["os"])
	require.Equal(t, 2*time.Hour, cfg.Retire.After()["pod"])
	require.Equal(t, 24*time.Hour, cfg.Retire.After()["autoscaled"], "what isn't said keeps its default")

	_, err = parse(`
sources: [{name: lab, connector: scanner}]
precedence:
  owner: [lab, cmbd]
retire: {dhcp: 1s}
`)
	require.ErrorContains(t, err, `precedence.owner[1]: no source is named "cmbd"`)
	require.ErrorContains(t, err, "retire.dhcp: is too short")
}

// TestEachBadValueIsReportedWithItsLineAndWhatToDo is about what sources that are pulled,
// weighed and believed are configured by. The value stands on line 4 of each file.
func TestEachBadValueIsReportedWithItsLineAndWhatToDo(t *testing.T) {
	for _, c := range []struct{ name, source, want string }{
		{"pulled more often than anybody bears", "sync: {every: 10s}", "4:19: sources[0].sync.every: is between one minute and 31 days"},
		{"pulled once in a year", "sync: {every: 365d}", "4:19: sources[0].sync.every: is between"},
		{"no time to pull", "sync: {every: often}", "4:19: sources[0].sync.every: reading duration"},
		{"pulled by two rules", "sync: {every: 1h, at: ['02:30']}", "4:11: sources[0].sync: give every or at, not both"},
		{"no time of day", "sync: {at: ['02:30', '25:00']}", `4:26: sources[0].sync.at[1]: "25:00" is no time of day such as 02:30`},
		{"at one time only, not in a list", "sync: {at: '02:30'}", "4:16: sources[0].sync.at: is a list"},
		{"a jitter back in time", "sync: {jitter: -1m}", `4:20: sources[0].sync.jitter: reading duration "…": it must be from nothing`},
		{"a rate below nothing", "sync: {rate: -1}", "4:18: sources[0].sync.rate: is between 0 and 10000"},
		{"a rate that is no number", "sync: {rate: .nan}", "4:18: sources[0].sync.rate: is between 0 and 10000"},
		{"a rate without end", "sync: {rate: .inf}", "4:18: sources[0].sync.rate: is between 0 and 10000"},
		{"paused how", "sync: {paused: perhaps}", "4:20: sources[0].sync.paused: is true or false"},
		{"a key of sync that isn't", "sync: {evry: 1h}", `4:12: sources[0].sync: unknown key "evry"; did you mean "every"?`},
		{"a share of more than all", "breaker: {share: 20}", "4:22: sources[0].breaker.share: is a share from 0 to 1"},
		{"a share that is no number", "breaker: {share: .nan}", "4:22: sources[0].breaker.share: is a share from 0 to 1"},
		{"least of less than nothing", "breaker: {least: -1}", "4:22: sources[0].breaker.least: is not negative"},
		{"a decision before it is asked for", "breaker: {wait: -1h}", `4:21: sources[0].breaker.wait: reading duration "…": it must be from nothing`},
		{"a key of the breaker that isn't", "breaker: {shares: 1}", `4:15: sources[0].breaker: unknown key "shares"; did you mean "share"?`},
		{"fresh before it is made", "fresh: -1h", `4:12: sources[0].fresh: reading duration "…": it must be from nothing`},
		{"fresh how", "fresh: always", "4:12: sources[0].fresh: reading duration"},
		{"quiet before it is made", "quiet: -1h", `4:12: sources[0].quiet: reading duration "…": it must be from nothing`},
		{"trusted how", "trusted: mostly", "4:14: sources[0].trusted: is true or false"},
		{"sync said in one word", "sync: hourly", "4:11: sources[0].sync: has keys of its own below it"},
		{"a least that is no whole number", "breaker: {least: 2.5}", "4:22: sources[0].breaker.least: is a whole number"},
		{"a share in words", "breaker: {share: most}", "4:22: sources[0].breaker.share: is a number"},
		{"trusted misspelt", "trustd: true", `4:5: sources[0]: unknown key "trustd"; did you mean "trusted"?`},
		{"a team that isn't", "owner: secop", `4:12: sources[0].owner: "secop" is no team of owners.teams; did you mean "secops"?`},
		{"precedence of whom there isn't", "local: false}]\nprecedence: {owner: [lab, scaner]", `5:27: precedence.owner[1]: no source is named "scaner", and none is of a connector of that name; did you mean "scanner"?`},
		{"precedence named twice", "local: false}]\nprecedence: {owner: [lab, lab]", `5:27: precedence.owner[1]: "lab" is named twice`},
		{"precedence of a field that isn't", "local: false}]\nprecedence: {owners: [lab]", `5:14: precedence: unknown key "owners"; did you mean "owner"?`},
		{"precedence without a list", "local: false}]\nprecedence: {owner: lab", "5:21: precedence.owner: is a list"},
		{"retired while it is looked for", "local: false}]\nretire: {pod: 1s", "5:15: retire.pod: is too short"},
		{"retired before it came", "local: false}]\nretire: {dhcp: -1h", "5:16: retire.dhcp: reading duration"},
		{"retired how", "local: false}]\nretire: {autoscaled: soon", "5:22: retire.autoscaled: reading duration"},
		{"retired for what", "local: false}]\nretire: {pods: 1h", `5:10: retire: unknown key "pods"; did you mean "pod"?`},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := "owners: {teams: [{name: secops}]}\nsources: [{name: lab,\n    connector: scanner,\n    " + c.source + "}"
			if !strings.Contains(c.source, "}]") {
				text += "]"
			}
			_, err := parse(text + "\n")
			require.ErrorContains(t, err, "quell.yaml:"+c.want)
			var problems *config.ProblemsError
			require.ErrorAs(t, err, &problems)
			require.Len(t, problems.List, 1, "and nothing else: %v", err)
		})
	}
}

func TestEveryKeySaysWhatItIs(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var walk func(typ reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] {
			return
		}
		seen[typ] = true
		for i := range typ.NumField() {
			f := typ.Field(i)
			key, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			if !f.IsExported() || key == "-" {
				continue
			}
			if !strings.Contains(options, "inline") && key != "" {
				require.NotEmpty(t, f.Tag.Get("doc"), "%s.%s", typ, f.Name)
			}
			walk(f.Type)
		}
	}
	walk(reflect.TypeFor[config.Config]())
	require.Greater(t, len(seen), 20)
}

func TestTeamsWorkByCalendarsThatThereAre(t *testing.T) {
	calendars := "policy: {calendars: [{name: vienna, timezone: Europe/Vienna}, {name: pune, timezone: Asia/Kolkata}]}\n"
	for _, tt := range []struct{ name, text, wants string }{
		{"one of them", calendars + "owners: {teams: [{name: web, calendar: pune}]}", ""},
		{"misspelt", calendars + "owners: {teams: [{name: web, calendar: viena}]}",
			`2:40: owners.teams[0].calendar: "viena" is no calendar of policy.calendars (there are vienna, pune); did you mean "vienna"?`},
		{"of none", "owners: {teams: [{name: web},\n    {name: app, calendar: office}]}", `2:27: owners.teams[1].calendar: "office" is no calendar of policy.calendars (there are none)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parse(tt.text)
			if tt.wants == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.wants)
		})
	}
}
