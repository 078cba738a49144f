package config

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/scope"
)

// node finds the node at a path of keys and indexes, or the nearest above it that exists.
func node(doc *yaml.Node, path ...string) *yaml.Node {
	n := doc
	if n.Kind == yaml.DocumentNode && len(n.Content) > 0 {
		n = n.Content[0]
	}
	for _, step := range path {
		next := child(n, step)
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

func child(n *yaml.Node, step string) *yaml.Node {
	if n.Kind == yaml.SequenceNode {
		i, err := strconv.Atoi(step)
		if err != nil || i < 0 || i >= len(n.Content) {
			return nil
		}
		return n.Content[i]
	}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == step {
			return n.Content[i+1]
		}
	}
	return nil
}

// nodeOf finds the node of a path as problems write it: "sources[2].config.url".
func nodeOf(doc *yaml.Node, path string) *yaml.Node {
	path = strings.NewReplacer("[", ".", "]", "").Replace(path)
	return node(doc, strings.Split(path, ".")...)
}

// say reports a problem at a path.
func (r *reader) say(doc *yaml.Node, path, format string, args ...any) {
	r.problems.at(nodeOf(doc, path), path, format, args...)
}

// connectorConfigs decodes what each connector itself wants, into its own struct.
func (r *reader) connectorConfigs(doc *yaml.Node, cfg *Config) {
	for i := range cfg.Sources {
		s := &cfg.Sources[i]
		s.Config = r.connectorConfig(doc, "sources["+strconv.Itoa(i)+"]", s.Connector, s.Zone)
	}
	for i := range cfg.Trackers {
		t := &cfg.Trackers[i]
		t.Config = r.connectorConfig(doc, "trackers["+strconv.Itoa(i)+"]", t.Connector, "")
	}
	for i := range cfg.Notifiers {
		n := &cfg.Notifiers[i]
		n.Config = r.connectorConfig(doc, "notifiers["+strconv.Itoa(i)+"]", n.Connector, "")
	}
}

func (r *reader) connectorConfig(doc *yaml.Node, path, connector, zone string) any {
	if connector == "" {
		r.say(doc, path, "connector is missing")
		return nil
	}
	if r.opts.Connectors == nil {
		return nil
	}
	into, ok := r.opts.Connectors.Defaults(connector)
	if !ok {
		names := r.opts.Connectors.Names()
		if like := scope.Nearest(connector, names); like != "" {
			r.say(doc, path+".connector", "there is no connector %q; did you mean %q?", connector, like)
		} else {
			r.say(doc, path+".connector", "there is no connector %q; there are %s", connector, strings.Join(names, ", "))
		}
		return nil
	}
	if n := nodeOf(doc, path+".config"); n != nodeOf(doc, path) {
		r.decode(n, reflect.ValueOf(into).Elem(), path+".config")
	}
	inheritZone(into, zone)
	if v, ok := into.(interface{ Validate() []error }); ok {
		for _, err := range v.Validate() {
			r.fieldError(doc, path+".config", err)
		}
	}
	return into
}

// inheritZone gives a connector the source's zone where its own isn't set.
func inheritZone(config any, zone string) {
	f := reflect.ValueOf(config).Elem().FieldByName("Zone")
	if f.IsValid() && f.Kind() == reflect.String && f.String() == "" {
		f.SetString(zone)
	}
}

// fieldError reports what a Validate says at the line of the field that it names.
func (r *reader) fieldError(doc *yaml.Node, path string, err error) {
	var field *scope.FieldError
	if errors.As(err, &field) && field.Path != "" {
		r.say(doc, strings.Trim(path+"."+field.Path, "."), "%s", field.Msg)
		return
	}
	text := err.Error()
	if name, rest, ok := strings.Cut(text, ": "); ok && !strings.ContainsAny(name, " ") {
		r.say(doc, strings.Trim(path+"."+name, "."), "%s", rest)
		return
	}
	r.say(doc, path, "%s", text)
}

// check looks at what decoding can't see: names, references between parts, values.
func (r *reader) check(doc *yaml.Node, cfg *Config) {
	r.checkServer(doc, cfg)
	r.checkSources(doc, cfg)
	_, errs := scope.Compile(cfg.Scopes)
	for _, err := range errs {
		r.fieldError(doc, "scopes", err)
	}
	tree, errs := ownership.Compile(cfg.Owners)
	for _, err := range errs {
		r.fieldError(doc, "owners", err)
	}
	for _, err := range tree.CheckScopes(cfg.Scopes) {
		r.fieldError(doc, "scopes", err)
	}
	for _, err := range cfg.Policy.Validate() {
		r.fieldError(doc, "policy", err)
	}
	r.checkCalendars(doc, cfg)
	r.checkInventory(doc, cfg)
	r.checkNotifiers(doc, cfg)
	names := map[string]bool{}
	for i := range cfg.Probes {
		path := "probes[" + strconv.Itoa(i) + "]"
		r.name(doc, path+".vantage", cfg.Probes[i].Vantage, names)
		if key := cfg.Probes[i].PublicKey; key != "" {
			if b, err := base64.StdEncoding.DecodeString(key); err != nil || len(b) != ed25519.PublicKeySize {
				r.say(doc, path+".public_key", "is no base64 of a 32-byte Ed25519 key; quell-probe prints it when it starts")
			}
		}
	}
	r.checkTrackers(doc, cfg)
	r.checkRunbooks(doc, cfg)
	r.checkControls(doc, cfg)
}

// checkCalendars looks whether teams work by calendars that there are.
func (r *reader) checkCalendars(doc *yaml.Node, cfg *Config) {
	known := make([]string, 0, len(cfg.Policy.Calendars))
	for i := range cfg.Policy.Calendars {
		known = append(known, cfg.Policy.Calendars[i].Name)
	}
	there := "there are " + strings.Join(known, ", ")
	if len(known) == 0 {
		there = "there are none"
	}
	for i := range cfg.Owners.Teams {
		if name := cfg.Owners.Teams[i].Calendar; name != "" && !slices.Contains(known, name) {
			r.say(doc, "owners.teams["+strconv.Itoa(i)+"].calendar", "%q is no calendar of policy.calendars (%s)%s", name, there, didYouMean(name, known))
		}
	}
}

// checkInventory looks at what is said about assets: that precedence names what there is,
// and that nothing retires while it is still being looked for.
func (r *reader) checkInventory(doc *yaml.Node, cfg *Config) {
	known := make([]string, 0, 2*len(cfg.Sources))
	for i := range cfg.Sources {
		known = append(known, cfg.Sources[i].Name, cfg.Sources[i].Connector)
	}
	for field, list := range cfg.Precedence.Lists() {
		for i, name := range list {
			at := "precedence." + field + "[" + strconv.Itoa(i) + "]"
			switch {
			case !slices.Contains(known, name):
				r.say(doc, at, "no source is named %q, and none is of a connector of that name%s", name, didYouMean(name, known))
			case slices.Contains(list[:i], name):
				r.say(doc, at, "%q is named twice", name)
			}
		}
	}
	for why, after := range cfg.Retire.After() {
		if after < time.Minute {
			r.say(doc, "retire."+why, "is too short: a minute at least, and longer than its sources take from one report to the next")
		}
	}
}

func (r *reader) checkServer(doc *yaml.Node, cfg *Config) {
	if _, _, err := net.SplitHostPort(cfg.Server.Listen); err != nil {
		r.say(doc, "server.listen", "wants host:port, such as 127.0.0.1:8088")
	}
	if u := cfg.Server.PublicURL; u != "" {
		if parsed, err := url.Parse(u); err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
			r.say(doc, "server.public_url", "wants http:// or https:// and a host")
		}
	}
	if (cfg.Server.TLSCert == "") != (cfg.Server.TLSKey == "") {
		r.say(doc, "server", "tls_cert and tls_key go together")
	}
	for key, file := range map[string]string{"server.tls_cert": cfg.Server.TLSCert, "server.tls_key": cfg.Server.TLSKey} {
		if _, err := os.Stat(file); file != "" && err != nil && !r.opts.Unresolved {
			r.say(doc, key, "%v", err)
		}
	}
	if _, _, err := net.SplitHostPort(cfg.Temporal.Address); err != nil {
		r.say(doc, "temporal.address", "wants host:port, such as 127.0.0.1:7233")
	}
	if !cfg.Store.URL.Empty() && cfg.Store.Dir != "" {
		r.say(doc, "store", "give url or dir, not both")
	}
}

func (r *reader) checkSources(doc *yaml.Node, cfg *Config) {
	names := map[string]bool{}
	for i := range cfg.Sources {
		s := &cfg.Sources[i]
		path := "sources[" + strconv.Itoa(i) + "]"
		r.name(doc, path+".name", s.Name, names)
		r.checkWebhook(doc, path+".webhook", &s.Webhook)
		r.checkSync(doc, path+".sync", &s.Sync)
		if s.Owner != "" && !slices.ContainsFunc(cfg.Owners.Teams, func(t ownership.Team) bool { return t.Name == s.Owner }) {
			teams := make([]string, 0, len(cfg.Owners.Teams))
			for _, t := range cfg.Owners.Teams {
				teams = append(teams, t.Name)
			}
			r.say(doc, path+".owner", "%q is no team of owners.teams%s", s.Owner, didYouMean(s.Owner, teams))
		}
		if share := s.Breaker.Share; !(share >= 0 && share <= 1) { // which no number at all isn't either
			r.say(doc, path+".breaker.share", "is a share from 0 to 1; 1 turns the breaker off")
		}
		if s.Breaker.Least < 0 {
			r.say(doc, path+".breaker.least", "is not negative")
		}
	}
}

// didYouMean is the end of a complaint about a name that nothing has.
func didYouMean(name string, known []string) string {
	if like := scope.Nearest(name, known); like != "" {
		return "; did you mean " + strconv.Quote(like) + "?"
	}
	return ""
}

// mostRate is more than any vendor bears.
const mostRate = 10_000

func (r *reader) checkSync(doc *yaml.Node, path string, s *Sync) {
	const least, most = time.Minute, 31 * 24 * time.Hour
	if every := s.Every.Std(); every != 0 && (every < least || every > most) {
		r.say(doc, path+".every", "is between one minute and 31 days")
	}
	if s.Every != 0 && len(s.At) > 0 {
		r.say(doc, path, "give every or at, not both")
	}
	for i, at := range s.At {
		if _, err := time.Parse("15:04", at); err != nil {
			r.say(doc, path+".at["+strconv.Itoa(i)+"]", "%q is no time of day such as 02:30", at)
		}
	}
	if !(s.Rate >= 0 && s.Rate <= mostRate) { // which no number at all isn't either
		r.say(doc, path+".rate", "is between 0 and %d requests a second", mostRate)
	}
}

func (r *reader) checkWebhook(doc *yaml.Node, path string, w *Webhook) {
	defaults := defaultWebhook()
	if w.Header == "" {
		w.Header = defaults.Header
		if nodeOf(doc, path+".prefix") == nodeOf(doc, path) {
			w.Prefix = defaults.Prefix // the default prefix belongs to the default header
		}
	}
	for field, fallback := range map[*string]string{&w.Algorithm: defaults.Algorithm, &w.Encoding: defaults.Encoding} {
		if *field == "" {
			*field = fallback
		}
	}
	if w.Rate == 0 {
		w.Rate = defaults.Rate
	}
	if w.Burst == 0 {
		w.Burst = defaults.Burst
	}
	if !slices.Contains([]string{"sha256", "sha512", "sha1"}, w.Algorithm) {
		r.say(doc, path+".algorithm", "is sha256, sha512 or sha1")
	}
	if w.Encoding != "hex" && w.Encoding != "base64" {
		r.say(doc, path+".encoding", "is hex or base64")
	}
	if !w.Token.Empty() && !w.Secret.Empty() {
		r.say(doc, path, "give token or secret, not both: a caller sends one of them")
	}
	if !(w.Rate >= 0) || w.Burst < 0 {
		r.say(doc, path+".rate", "and burst are not negative")
	}
}

// name checks a name that stands in URLs and workflow IDs, and that it is given once.
func (r *reader) name(doc *yaml.Node, path, name string, seen map[string]bool) {
	switch {
	case name == "":
		r.say(doc, path, "is missing")
	case !scope.ValidName(name):
		r.say(doc, path, "%q is no name: use letters, digits, dots, dashes and underscores", name)
	case seen[name]:
		r.say(doc, path, "%q is used twice", name)
	}
	seen[name] = true
}
