// Package config reads quell.yaml: one file, strict. Unknown keys are errors, every
// problem is reported at once with its line and what to do, and secrets come from the
// environment or from files by reference.
package config

import (
	"crypto/tls"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/priority"
	"github.com/quellsec/quell/internal/scope"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the whole file. The reference in docs/configuration.md is made from these
// structs.
type Config struct {
	Server     Server           `yaml:"server" doc:"The HTTP server: API, webhooks and metrics."`
	Temporal   Temporal         `yaml:"temporal" doc:"The Temporal cluster that runs the workflows."`
	Store      Store            `yaml:"store" doc:"Where exposures, assets and evidence are kept."`
	Sources    []Source         `yaml:"sources" doc:"Where reports come from: one entry per instance of a scanner."`
	Precedence Precedence       `yaml:"precedence" doc:"Whose word on an asset holds, field by field: names of sources or connectors, the first first; all others come after. Where there is no list, the newest word holds; but on name, kind and owner an inventory's holds against a scanner's."`
	Retire     Retire           `yaml:"retire" doc:"When short-lived assets that nobody sees any more are taken out of the inventory. Their exposures go out of scope, and come back with them."`
	Scopes     []scope.Scope    `yaml:"scopes" doc:"Named sets of assets with owner, mission impact and rules of engagement."`
	Owners     ownership.Config `yaml:"owners" doc:"The teams, and the tree that routes assets to them."`
	Policy     priority.Policy  `yaml:"policy" doc:"How decisions and due dates are made."`
	FollowUp   FollowUp         `yaml:"follow_up" doc:"Timers of the lifecycle."`
	Trackers   []Tracker        `yaml:"trackers" doc:"Where tickets are kept: the first that takes a remediation by team, scope and decision gets it, and keeps it. None: the built-in tracker."`
	Notifiers  []Notifier       `yaml:"notifiers" doc:"Where messages go. None: the built-in inbox."`
	Runbooks   []Runbook        `yaml:"runbooks" doc:"Automation that may be called to fix what a ticket is about, once it is approved. What it says is a claim, which is tested."`
	Controls   []Control        `yaml:"controls" doc:"What shows that compensating controls have failed, beside people's word."`
	Retention  Retention        `yaml:"retention" doc:"For how long what is done is kept. It is looked through once a day."`
	Probes     []Probe          `yaml:"probes" doc:"The vantage points that validate, with the keys that sign their verdicts."`
}

// Server is how the daemon listens.
type Server struct {
	Listen    string         `yaml:"listen" doc:"Address to listen on."`
	PublicURL string         `yaml:"public_url" doc:"How people reach this server; links in tickets and messages begin with it."`
	MaxBody   Size           `yaml:"max_body" doc:"Largest body of a delivery."`
	TLSCert   string         `yaml:"tls_cert" doc:"Certificate file (PEM). Empty: plain HTTP, for behind a proxy."`
	TLSKey    string         `yaml:"tls_key" doc:"Key file (PEM) of the certificate."`
	Drain     scope.Duration `yaml:"drain" doc:"How long a stop waits for requests and deliveries in flight."`
}

// Temporal is how to reach the cluster.
type Temporal struct {
	Address   string        `yaml:"address" doc:"Frontend address, host:port."`
	Namespace string        `yaml:"namespace" doc:"Namespace of this tenant."`
	UI        string        `yaml:"ui" doc:"Address of the Web UI, for links."`
	TLS       bool          `yaml:"tls" doc:"Connect with TLS."`
	APIKey    secret.String `yaml:"api_key" doc:"API key, for Temporal Cloud."`
}

// TLSConfig is nil for a plain connection.
func (t Temporal) TLSConfig() *tls.Config {
	if !t.TLS {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12}
}

// Store is where data is kept.
type Store struct {
	URL secret.String `yaml:"url" doc:"sqlite:DIRECTORY, or the mongodb:// address of a database (by reference, since it holds a password)."`
	Dir string        `yaml:"dir" doc:"Directory of the embedded SQLite store; in place of url."`
}

// Source is one configured instance of a connector.
type Source struct {
	Name      string         `yaml:"name" doc:"Name of the source, as in /hooks/NAME."`
	Connector string         `yaml:"connector" doc:"Which connector reads its reports."`
	Zone      string         `yaml:"zone" doc:"Network zone of what it scans: addresses and bare host names mean something inside one zone only."`
	Local     bool           `yaml:"local" doc:"Its reports speak of the machine that quell runs on, so loopback addresses identify hosts inside the zone. For labs."`
	Trusted   bool           `yaml:"trusted" doc:"Where it says that a product is not affected by a vulnerability (VEX), it is believed: the exposure is tracked, with that reason, and not worked on. It never closes for it."`
	Webhook   Webhook        `yaml:"webhook" doc:"How its webhook calls are authenticated. Without it, /hooks/NAME refuses everything."`
	Owner     string         `yaml:"owner" doc:"Team that is told when the source is late, failing, shrinking or silent, or when the breaker holds one of its runs. Empty: escalation."`
	Quiet     scope.Duration `yaml:"quiet" doc:"The source is raised as silent when nothing has come for so long. Zero: never."`
	Fresh     scope.Duration `yaml:"fresh" doc:"The source is raised as late when its last complete run is older than this. Unset: three times every for one that is pulled, else never."`
	Breaker   Breaker        `yaml:"breaker" doc:"When a run that would take much away waits for somebody to approve it."`
	Sync      Sync           `yaml:"sync" doc:"When it is pulled, for connectors that call their vendor."`
	Config    any            `yaml:"config" doc:"What the connector itself wants: see its page."`
}

// Sync is when a source is pulled.
type Sync struct {
	Every  scope.Duration `yaml:"every" doc:"How often; if unset, as its connector says, mostly every hour. At least a minute."`
	At     []string       `yaml:"at" doc:"Times of day in UTC, such as 02:30, in place of every."`
	Jitter scope.Duration `yaml:"jitter" doc:"At most so much later, at random, so that not everything starts at once."`
	Paused bool           `yaml:"paused" doc:"Not for now. It can still be pulled by hand."`
	Rate   float64        `yaml:"rate" doc:"Requests a second that the vendor is asked; 10 if unset."`
}

// Breaker says how much one run of a source may take away unasked.
type Breaker struct {
	Share float64        `yaml:"share" doc:"Share of the source's exposures that a run may find gone or call fixed; 0.2 if unset, 1 turns the breaker off."`
	Least int            `yaml:"least" doc:"Fewer than so many are never asked about; 25 if unset."`
	Wait  scope.Duration `yaml:"wait" doc:"How long a held run waits for a decision before it ends as rejected; 7d if unset."`
}

// freshPulls is how many pulls of a source may fail or come to nothing before it is late.
const freshPulls = 3

// Freshness is how old the source's last complete run may be, where it is pulled as often
// as given; zero for one that isn't pulled. Zero: nothing is expected of it.
func (s *Source) Freshness(every time.Duration) time.Duration {
	if s.Fresh > 0 {
		return s.Fresh.Std()
	}
	return freshPulls * every
}

// Webhook is how a source's calls are authenticated: by a bearer token, or by an HMAC
// over the raw body.
type Webhook struct {
	Token     secret.String `yaml:"token" doc:"Bearer token that the caller sends in Authorization."`
	Secret    secret.String `yaml:"secret" doc:"Key of the HMAC over the raw body."`
	Previous  secret.String `yaml:"previous_secret" doc:"The key before, accepted too while rotating."`
	Header    string        `yaml:"header" doc:"Header that carries the HMAC; X-Hub-Signature-256 if unset."`
	Algorithm string        `yaml:"algorithm" doc:"Hash of the HMAC: sha256 (if unset), sha512 or sha1."`
	Encoding  string        `yaml:"encoding" doc:"hex (if unset) or base64."`
	Prefix    string        `yaml:"prefix" doc:"What stands before the HMAC in the header; sha256= if neither this nor header is set."`
	IDHeader  string        `yaml:"id_header" doc:"Header that carries the delivery's ID, so that a repeated call is known."`
	Rate      float64       `yaml:"rate" doc:"Calls a second that are accepted; 50 if unset."`
	Burst     int           `yaml:"burst" doc:"Calls that may come at once; 100 if unset."`
	MaxBody   Size          `yaml:"max_body" doc:"Largest body of a call."`
}

// Precedence says whose word holds.
type Precedence struct {
	Name     []string `yaml:"name" json:"name,omitempty" doc:"How an asset is called."`
	Kind     []string `yaml:"kind" json:"kind,omitempty" doc:"What it is: a host, a container image, a SaaS application…"`
	Owner    []string `yaml:"owner" json:"owner,omitempty" doc:"Clues to the owner; of those that name a team only the first source's count."`
	OS       []string `yaml:"os" json:"os,omitempty" doc:"Its operating system."`
	Zone     []string `yaml:"zone" json:"zone,omitempty" doc:"Its network zone."`
	Internet []string `yaml:"internet" json:"internet,omitempty" doc:"Whether it can be reached from the internet."`
	Tags     []string `yaml:"tags" json:"tags,omitempty" doc:"Its tags, each for itself."`
}

// Lists gives the lists by field.
func (p Precedence) Lists() map[string][]string {
	return map[string][]string{asset.FieldName: p.Name, asset.FieldKind: p.Kind, asset.FieldOwner: p.Owner, asset.FieldOS: p.OS,
		asset.FieldZone: p.Zone, asset.FieldInternet: p.Internet, asset.FieldTags: p.Tags}
}

// Retire is after how long unseen a short-lived asset retires. What a source says is gone
// retires at once.
type Retire struct {
	Autoscaled scope.Duration `yaml:"autoscaled" doc:"An instance of a group that grows and shrinks by itself."`
	Pod        scope.Duration `yaml:"pod" doc:"A pod."`
	DHCP       scope.Duration `yaml:"dhcp" doc:"A machine that is known by an address which it was lent."`
}

// After gives the times by what makes an asset short-lived.
func (r Retire) After() map[string]time.Duration {
	return map[string]time.Duration{asset.EphemeralAutoscaled: r.Autoscaled.Std(), asset.EphemeralPod: r.Pod.Std(), asset.EphemeralDHCP: r.DHCP.Std()}
}

// FollowUp holds the timers that aren't the owners' own.
type FollowUp struct {
	Sweep        scope.Duration `yaml:"sweep" doc:"How often the admission queue, lost wakes and due timers are looked at."`
	ProbeWait    scope.Duration `yaml:"probe_wait" doc:"How long a validation waits for a probe at its vantage before it counts as inconclusive."`
	TicketPoll   scope.Duration `yaml:"ticket_poll" doc:"How often a ticket is read where its tracker sends no webhooks."`
	CoveringRun  scope.Duration `yaml:"covering_run" doc:"How long a claimed fix that no probe can check waits for a complete run of its source before people are told."`
	CapacityLead scope.Duration `yaml:"capacity_lead" doc:"How long before its due date what still waits for its team's capacity is raised."`
	RetestLead   scope.Duration `yaml:"retest_lead" doc:"How long before the end of an exception it is tested again."`
}

// Probe is one vantage point.
type Probe struct {
	Vantage   string `yaml:"vantage" doc:"Name of the vantage point, as in the scopes' rules of engagement."`
	PublicKey string `yaml:"public_key" doc:"Base64 Ed25519 key; verdicts of the vantage must be signed with it. Empty: not checked."`
}

// Default is the configuration of an empty file.
func Default() *Config {
	return &Config{
		Server:    Server{Listen: "127.0.0.1:8088", MaxBody: 512 << 20, Drain: scope.Duration(30 * time.Second)},
		Temporal:  Temporal{Address: "127.0.0.1:7233", Namespace: "quell"},
		Policy:    priority.DefaultPolicy(),
		Retire:    Retire{Autoscaled: scope.Duration(24 * time.Hour), Pod: scope.Duration(time.Hour), DHCP: scope.Days(14)},
		Retention: defaultRetention(),
		FollowUp: FollowUp{Sweep: scope.Duration(10 * time.Second), ProbeWait: scope.Duration(10 * time.Minute), TicketPoll: scope.Duration(10 * time.Minute),
			CoveringRun: scope.Days(7), RetestLead: scope.Days(7), CapacityLead: scope.Days(3)},
	}
}

// defaultWebhook is what a webhook has beside its secrets.
func defaultWebhook() Webhook {
	return Webhook{Header: "X-Hub-Signature-256", Algorithm: "sha256", Encoding: "hex", Prefix: "sha256=", Rate: 50, Burst: 100}
}
