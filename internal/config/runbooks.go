package config

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/runbook"
	"github.com/quellsec/quell/internal/scope"
	"github.com/quellsec/quell/internal/secret"
)

// Runbook is somebody's automation that may be called for a remediation.
type Runbook struct {
	Name       string          `yaml:"name" json:"name" doc:"Name of the runbook, as in /hooks/runbooks/NAME."`
	URL        string          `yaml:"url" json:"url" doc:"Where it is called: one POST for each run, signed as Standard Webhooks has it. Its answers to /hooks/runbooks/NAME are signed with the same key."`
	Secret     secret.String   `yaml:"secret" json:"secret,omitzero" doc:"Key that both sides sign with: whsec_ and base64 of 24 to 64 random bytes."`
	Previous   secret.String   `yaml:"previous_secret" json:"previous_secret,omitzero" doc:"The key before. While it is set, calls are signed with both, and answers are taken with either."`
	When       string          `yaml:"when" json:"when,omitempty" doc:"CEL condition on an exposure and its asset: which exposures it may be offered for. None: all that have an owner."`
	Approval   RunbookApproval `yaml:"approval" json:"approval" doc:"Who has to agree before it is called."`
	Propose    bool            `yaml:"propose" json:"propose,omitempty" doc:"quell asks for approval by itself when exposures of a ticket match. Each is proposed once as it is. Else only people ask."`
	Timeout    scope.Duration  `yaml:"timeout" json:"timeout" doc:"How long after the first call it must have said that it is done; 4h if unset."`
	MaxRunning int             `yaml:"max_running" json:"max_running" doc:"How many runs of it may be under way at a time, on all workers; 5 if unset. What is approved beyond that waits."`
}

// RunbookApproval says who has to agree.
type RunbookApproval struct {
	Quorum    int            `yaml:"quorum" json:"quorum" doc:"How many people have to approve, none of whom is the one who asked; 1 if unset. 0, written out, lets it be called without anybody's approval."`
	Approvers []string       `yaml:"approvers" json:"approvers" doc:"Who may approve: owner_manager, scope_owner (of a scope that all exposures of the run are in), role_approver, or a person as @NAME. owner_manager and role_approver if unset."`
	Expires   scope.Duration `yaml:"expires" json:"expires" doc:"A request that nobody has decided on for so long expires; 3d if unset. Nothing is approved by waiting."`
	Remind    scope.Duration `yaml:"remind" json:"remind" doc:"How often approvers are reminded; 1d if unset."`
}

// Definition is the runbook without how it is reached.
func (b *Runbook) Definition() runbook.Definition {
	return runbook.Definition{Name: b.Name, When: b.When, Quorum: b.Approval.Quorum, Approvers: b.Approval.Approvers, Expires: b.Approval.Expires.Std(),
		Remind: b.Approval.Remind.Std(), Propose: b.Propose, Timeout: b.Timeout.Std(), MaxRunning: b.MaxRunning}
}

func (b *Runbook) fill(quorum bool) {
	if !quorum {
		b.Approval.Quorum = runbook.DefaultQuorum
	}
	if len(b.Approval.Approvers) == 0 {
		b.Approval.Approvers = runbook.DefaultApprovers()
	}
	for d, fallback := range map[*scope.Duration]time.Duration{&b.Approval.Expires: runbook.DefaultExpires, &b.Approval.Remind: runbook.DefaultRemind, &b.Timeout: runbook.DefaultTimeout} {
		if *d == 0 {
			*d = scope.Duration(fallback)
		}
	}
	if b.MaxRunning == 0 {
		b.MaxRunning = runbook.DefaultMaxRunning
	}
}

const (
	mostQuorum     = 9
	mostRunning    = 1000
	leastTimeout   = time.Minute
	mostTimeout    = 31 * 24 * time.Hour
	leastRunbook   = 24 // bytes of a key
	longestRunbook = 64
)

func (r *reader) checkRunbooks(doc *yaml.Node, cfg *Config) {
	names := map[string]bool{}
	for i := range cfg.Runbooks {
		b := &cfg.Runbooks[i]
		path := "runbooks[" + strconv.Itoa(i) + "]"
		approval := nodeOf(doc, path+".approval")
		b.fill(nodeOf(doc, path+".approval.quorum") != approval && approval != nodeOf(doc, path))
		r.name(doc, path+".name", b.Name, names)
		if b.URL == "" {
			r.say(doc, path+".url", "is missing")
		} else if why := unfitURL(b.URL); why != "" {
			r.say(doc, path+".url", "%s", why)
		}
		if b.Secret.Empty() {
			r.say(doc, path+".secret", "is missing: the runbook could not tell our calls from others, nor we its answers")
		}
		for key, s := range map[string]secret.String{"secret": b.Secret, "previous_secret": b.Previous} {
			if !s.Empty() && !strings.HasPrefix(s.Reveal(), "${") && !standardKey(s) {
				r.say(doc, path+"."+key, "wants whsec_ and base64 of 24 to 64 random bytes: echo whsec_$(openssl rand -base64 32)")
			}
		}
		if err := runbook.CheckWhen(b.When); err != nil {
			r.say(doc, path+".when", "%v", err)
		}
		r.checkRunbookApproval(doc, path+".approval", &b.Approval)
		if t := b.Timeout.Std(); t < leastTimeout || t > mostTimeout {
			r.say(doc, path+".timeout", "is between one minute and 31 days")
		}
		if b.MaxRunning < 1 || b.MaxRunning > mostRunning {
			r.say(doc, path+".max_running", "is between 1 and %d", mostRunning)
		}
	}
}

func (r *reader) checkRunbookApproval(doc *yaml.Node, path string, a *RunbookApproval) {
	if a.Quorum < 0 || a.Quorum > mostQuorum {
		r.say(doc, path+".quorum", "is between 0 and %d", mostQuorum)
	}
	for i, who := range a.Approvers {
		if !exception.ValidApprover(who) {
			r.say(doc, path+".approvers["+strconv.Itoa(i)+"]", "%q is not %s, %s, %s or a person as @NAME", who, exception.OwnerManager, exception.ScopeOwner, exception.RoleApprover)
		}
		if slices.Contains(a.Approvers[:i], who) {
			r.say(doc, path+".approvers["+strconv.Itoa(i)+"]", "%q is named twice", who)
		}
	}
	if e := a.Expires.Std(); e < time.Hour || e > 90*24*time.Hour {
		r.say(doc, path+".expires", "is between an hour and 90 days")
	}
	if a.Remind.Std() < time.Minute {
		r.say(doc, path+".remind", "is a minute at least")
	}
}

// unfitURL says what is wrong with an address that is called; empty: nothing.
func unfitURL(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return "wants https:// or http:// and a host"
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "wants to end with the path, and holds neither a password nor ? or #: calls are signed"
	}
	return ""
}

// standardKey reports whether a key is one that Standard Webhooks takes.
func standardKey(s secret.String) bool {
	text, ok := strings.CutPrefix(s.Reveal(), "whsec_")
	raw, err := base64.StdEncoding.DecodeString(text)
	return ok && err == nil && len(raw) >= leastRunbook && len(raw) <= longestRunbook
}
