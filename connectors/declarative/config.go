package declarative

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"

	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one declarative source.
type Config struct {
	Profile string            `yaml:"profile" json:"profile,omitempty" doc:"A ready-made mapping, of those listed above; the keys below amend it. Without one, and without a mapping of its own, a source reads what one of them recognises."`
	Zone    string            `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the assets. Addresses, MACs and bare host names are only compared inside one zone."`
	Params  map[string]string `yaml:"params" json:"params,omitempty" doc:"Values that expressions see as params, for what a report doesn't say itself."`
	Read    Read              `yaml:"read" json:"read,omitzero" doc:"How a body is taken apart."`
	Asset   Asset             `yaml:"asset" json:"asset,omitzero" doc:"Which asset an item is about. Empty: the target."`
	Target  Target            `yaml:"target" json:"target,omitzero" doc:"What the document, or the element around the items, looked at as a whole, with findings or without."`
	Finding Finding           `yaml:"finding" json:"finding,omitzero" doc:"What an item reports. Without a check, items are assets alone."`
	Run     Run               `yaml:"run" json:"run,omitzero" doc:"What is known of the run: seen with doc as it is at the end."`
	Pull    Pull              `yaml:"pull" json:"pull,omitzero" doc:"The API that pages are pulled from."`
	Webhook Webhook           `yaml:"webhook" json:"webhook,omitzero" doc:"How webhooks are signed."`
}

// Pull says how an API is asked.
type Pull struct {
	URL          string            `yaml:"url" json:"url,omitempty" doc:"Address of the list, without a query."`
	Method       string            `yaml:"method" json:"method,omitempty" doc:"GET or POST. Empty: GET, or POST where there is a body."`
	Query        map[string]string `yaml:"query" json:"query,omitempty" doc:"Parameters of every request."`
	Headers      map[string]string `yaml:"headers" json:"headers,omitempty" doc:"Headers of every request; no credentials, which have keys of their own."`
	Body         string            `yaml:"body" json:"body,omitempty" doc:"JSON object to send with every request."`
	Token        secret.String     `yaml:"token" json:"token,omitzero" doc:"Credential, sent in header behind prefix."`
	Header       string            `yaml:"header" json:"header,omitempty" doc:"Header of the token. Empty: Authorization."`
	Prefix       string            `yaml:"prefix" json:"prefix,omitempty" doc:"What stands before the token. Empty: 'Bearer ' in Authorization, nothing elsewhere."`
	User         string            `yaml:"user" json:"user,omitempty" doc:"User of basic authentication."`
	Password     secret.String     `yaml:"password" json:"password,omitzero" doc:"Its password."`
	TokenURL     string            `yaml:"token_url" json:"token_url,omitempty" doc:"Where OAuth 2.0 client credentials are exchanged for a token."`
	ClientID     string            `yaml:"client_id" json:"client_id,omitempty" doc:"The client's ID there."`
	ClientSecret secret.String     `yaml:"client_secret" json:"client_secret,omitzero" doc:"The client's secret there."`
	Scopes       []string          `yaml:"scopes" json:"scopes,omitempty" doc:"Scopes to ask for."`
	Paging       Paging            `yaml:"paging" json:"paging,omitzero" doc:"How the list goes on."`
	SinceParam   string            `yaml:"since_param" json:"since_param,omitempty" doc:"Query parameter that asks for what changed since a time. Where it is set, all is asked for once a day only."`
	SinceFormat  string            `yaml:"since_format" json:"since_format,omitempty" doc:"How that time is written: rfc3339, date, unix or unix_ms. Empty: rfc3339."`
	Full         bool              `yaml:"full" json:"full,omitempty" doc:"Say true only if the list holds everything that is open: then what a whole sync doesn't list any more, on an asset that it lists, is gone. Needs run.checks."`
}

// Paging says how a list goes on.
type Paging struct {
	By        string `yaml:"by" json:"by,omitempty" doc:"cursor: next gives a text that is sent as param. next: next gives the address of the next page, on the same host. page: param is a number that rises by one. offset: param is how many items came. link: the Link header's rel=next. Empty: there is one page."`
	Next      string `yaml:"next" json:"next,omitempty" doc:"CEL over doc, item (the page's last) and received (of the page), for cursor and next. Empty at the end."`
	Param     string `yaml:"param" json:"param,omitempty" doc:"Query parameter, or key of the body, for cursor, page and offset."`
	In        string `yaml:"in" json:"in,omitempty" doc:"query or body: where param goes. Empty: query."`
	Start     int    `yaml:"start" json:"start,omitempty" doc:"Number of the first page."`
	Size      int    `yaml:"size" json:"size,omitempty" doc:"How many items a page holds: one with fewer is the last. Zero: an empty one is."`
	SizeParam string `yaml:"size_param" json:"size_param,omitempty" doc:"Query parameter, or key of the body, that size is sent as."`
	Until     string `yaml:"until" json:"until,omitempty" doc:"CEL over the same that is true on the last page."`
}

// Webhook says how webhooks are signed.
type Webhook struct {
	Secret          secret.String `yaml:"secret" json:"secret,omitzero" doc:"Key that webhooks are signed with, or the token that they show."`
	PreviousSecret  secret.String `yaml:"previous_secret" json:"previous_secret,omitzero" doc:"The key before it, while it is being changed."`
	Header          string        `yaml:"header" json:"header,omitempty" doc:"Header that holds the signature or token."`
	Algorithm       string        `yaml:"algorithm" json:"algorithm,omitempty" doc:"sha256, sha512 or sha1 for an HMAC, token for a plain secret, standard for Standard Webhooks, which needs none of the other keys. Empty: sha256."`
	Encoding        string        `yaml:"encoding" json:"encoding,omitempty" doc:"hex or base64. Empty: hex."`
	Prefix          string        `yaml:"prefix" json:"prefix,omitempty" doc:"What stands before the signature in its header: 'sha256='."`
	TimestampHeader string        `yaml:"timestamp_header" json:"timestamp_header,omitempty" doc:"Header with the time of sending, in Unix seconds or RFC 3339; more than five minutes off is refused."`
	IDHeader        string        `yaml:"id_header" json:"id_header,omitempty" doc:"Header with the delivery's ID, by which repeated deliveries are known."`
	Signed          string        `yaml:"signed" json:"signed,omitempty" doc:"What is signed, of {id}, {timestamp} and {body}. Empty: {body}."`
}

func defaults() *Config { return &Config{} }

// mapping is what the configuration itself maps.
func (c *Config) mapping() Mapping {
	return Mapping{Read: c.Read, Asset: c.Asset, Target: c.Target, Finding: c.Finding, Run: c.Run}
}

// unmapped reports whether it says nothing of a format, so that marks decide.
func (c *Config) unmapped() bool { return c.Profile == "" && reflect.ValueOf(c.mapping()).IsZero() }

// program is a configuration that is compiled: nil where marks decide.
func (c *Config) program(env *cel.Env) (*compiled, []error) {
	if c.unmapped() {
		return nil, nil
	}
	m := c.mapping()
	if c.Profile != "" {
		base, err := profile(c.Profile)
		if err != nil {
			return nil, []error{fmt.Errorf("profile: %w", err)}
		}
		m = overlay(base.mapping, m)
	}
	return compileMapping(env, m)
}

// Validate compiles every expression and reports every problem, with its key.
func (c *Config) Validate() []error {
	env, err := language()
	if err != nil {
		return []error{err}
	}
	m, problems := c.program(env)
	_, more := c.Pull.Paging.compile(env)
	return slices.Concat(problems, more, c.validatePull(m), c.Webhook.validate())
}

func (c *Config) validatePull(m *compiled) []error {
	p := &c.Pull
	var problems []error
	for key, address := range map[string]string{"pull.url": p.URL, "pull.token_url": p.TokenURL} {
		if err := httpclient.CheckURL(address); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", key, err))
		}
	}
	if p.URL == "" {
		return problems
	}
	if c.unmapped() {
		problems = append(problems, errors.New("pull.url: wants a profile or a mapping of what it answers"))
	}
	if p.Method != "" && p.Method != http.MethodGet && p.Method != http.MethodPost {
		problems = append(problems, errors.New("pull.method: wants to be GET or POST"))
	}
	if _, ok := object(p.Body); !ok {
		problems = append(problems, errors.New("pull.body: is no JSON object"))
	}
	if (p.TokenURL == "") != (p.ClientID == "") || (p.ClientID == "") != p.ClientSecret.Empty() {
		problems = append(problems, errors.New("pull.token_url: goes together with client_id and client_secret"))
	}
	for name := range p.Headers {
		if strings.EqualFold(name, "Authorization") || strings.EqualFold(name, "Cookie") {
			problems = append(problems, errors.New("pull.headers: credentials have keys of their own"))
		}
	}
	if p.SinceParam != "" && sinceText(p.SinceFormat, epoch) == "" {
		problems = append(problems, errors.New("pull.since_format: wants to be rfc3339, date, unix or unix_ms"))
	}
	if p.Full && m != nil && !m.has("run.checks") {
		problems = append(problems, errors.New("pull.full: needs run.checks, since a run that doesn't know its checks proves nothing"))
	}
	return append(problems, p.Paging.validate()...)
}

func (p Paging) validate() []error {
	var problems []error
	switch p.By {
	case "", "link":
	case "next":
		if p.Next == "" {
			problems = append(problems, errors.New("pull.paging.next: is needed"))
		}
	case "cursor":
		if p.Next == "" || p.Param == "" {
			problems = append(problems, errors.New("pull.paging.next: is needed, and param"))
		}
	case "page", "offset":
		if p.Param == "" {
			problems = append(problems, errors.New("pull.paging.param: is needed"))
		}
	default:
		problems = append(problems, errors.New("pull.paging.by: wants to be cursor, next, page, offset or link"))
	}
	if p.In != "" && p.In != "query" && p.In != "body" {
		problems = append(problems, errors.New("pull.paging.in: wants to be query or body"))
	}
	return problems
}
