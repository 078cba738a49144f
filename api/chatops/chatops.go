// Package chatops takes in what people do in Slack: commands, buttons and forms, over
// signed HTTP or over Socket Mode. What somebody decides is stored before it is
// acknowledged, carried out by whoever comes to it, once, and answered with what really
// happened. What goes out to Slack is connectors/slack.
package chatops

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"time"

	kit "github.com/slack-go/slack"

	"github.com/quellsec/quell/api"
	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/priority"
)

// Verifier knows whether a call is Slack's.
type Verifier interface {
	VerifyWebhook(h http.Header, body []byte, now time.Time) (string, error)
}

// Faces knows who is who in the workspace.
type Faces interface {
	Me(ctx context.Context) (slack.Self, error)
	Member(ctx context.Context, id string) (slack.Member, error)
}

// Screens shows forms and homes.
type Screens interface {
	OpenForm(ctx context.Context, trigger string, view kit.ModalViewRequest) error
	PublishHome(ctx context.Context, user string, blocks []kit.Block) error
}

// Voice answers one person.
type Voice interface {
	Respond(ctx context.Context, address string, answer slack.Answer) error
	Answerable(address string) error
	Whisper(ctx context.Context, channel, user, text string, blocks []kit.Block) error
}

// Slack is the workspace. connectors/slack fills it.
type Slack interface {
	Verifier
	Faces
	Screens
	Voice
}

// Presses keeps what people decide.
type Presses interface {
	AddPress(ctx context.Context, p lifecycle.Press) (lifecycle.Press, bool, error)
	SwapPress(ctx context.Context, p lifecycle.Press) (bool, error)
	Press(ctx context.Context, id string) (lifecycle.Press, error)
	PendingPresses(ctx context.Context, by time.Time, most int) ([]lifecycle.Press, error)
}

// Exposures reads exposures and what happened to them.
type Exposures interface {
	Exposure(ctx context.Context, id exposure.ID) (exposure.Exposure, error)
	FindExposures(ctx context.Context, f exposure.Filter, l exposure.List) (exposure.Page[exposure.Exposure], error)
	CountExposures(ctx context.Context, f exposure.Filter, by string) (map[string]int64, error)
	Events(ctx context.Context, id exposure.ID) ([]exposure.Event, error)
}

// Remediations reads what tickets are about.
type Remediations interface {
	Remediation(ctx context.Context, id string) (lifecycle.Remediation, error)
	RemediationByTicket(ctx context.Context, key string) (lifecycle.Remediation, error)
}

// Assets finds assets.
type Assets interface {
	FindAssets(ctx context.Context, f asset.Filter, l exposure.List) (exposure.Page[asset.Asset], error)
}

// Deps is what chat needs of the rest of quell. Every field without "optional" must be set.
type Deps struct {
	Chat         string // name of the configured notifier
	Slack        Slack
	Presses      Presses
	Exposures    Exposures
	Remediations Remediations
	Assets       Assets
	Decider      api.Decider
	Owners       api.Owners
	Sources      api.Sources
	Scopes       api.Scopes
	Gaps         api.Gaps
	Campaigns    Campaigns // optional
	Runs         Runs      // optional: of runbooks
	People       func() []ownership.Person
	Policy       func() priority.Policy
	Rules        *exception.Rules // of exceptions: who may approve what
	// Visible gives the scopes that a person may see; nil is all.
	Visible   func(ctx context.Context, person string) ([]string, error)
	Command   string // the slash command: /quell
	PublicURL string // of quell; empty: answers have no links
	Log       *slog.Logger
	Now       func() time.Time
	After     func(d time.Duration) <-chan time.Time // optional: the clock that waits
}

// Chat is one workspace's way in.
type Chat struct {
	Deps
	tasks sync.WaitGroup

	mu      sync.Mutex
	members map[string]known
}

// New makes the way in of a workspace.
func New(d Deps) *Chat {
	if d.After == nil {
		d.After = time.After
	}
	if d.Command == "" {
		d.Command = "/quell"
	}
	return &Chat{Deps: d, members: map[string]known{}}
}

// patience is how long an answer is waited for before it is put off to the response URL:
// Slack gives a command three seconds.
const patience = 2 * time.Second

// taskTime bounds what is done for one press at a time.
const taskTime = 2 * time.Minute

// background does something that outlives its call. Drain waits for it.
func (c *Chat) background(ctx context.Context, do func(ctx context.Context)) {
	c.tasks.Add(1)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), taskTime)
	go func() {
		defer c.tasks.Done()
		defer cancel()
		defer func() {
			if r := recover(); r != nil {
				c.Log.Error("working on a press panicked", "panic", r)
			}
		}()
		do(ctx)
	}()
}

// Drain waits for what is under way, or for ctx to end: the sweep does the rest.
func (c *Chat) Drain(ctx context.Context) {
	done := make(chan struct{})
	go func() { c.tasks.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// say is an answer to one person.
type say struct {
	text   string
	blocks []kit.Block
}

func (s say) answer() slack.Answer {
	return slack.Answer{Text: slack.Escape(s.text), Blocks: s.blocks, Type: "ephemeral"}
}

func (s say) empty() bool { return s.text == "" && len(s.blocks) == 0 }

// body is the answer as it stands in a response.
func (s say) body() []byte {
	if s.empty() {
		return nil
	}
	b, err := json.Marshal(s.answer())
	if err != nil { // texts and blocks all marshal
		return []byte(`{"response_type":"ephemeral","text":"The answer could not be written."}`)
	}
	return b
}
