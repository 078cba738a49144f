package caldera

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
)

// Limits of what is taken over from a report.
const (
	largestStep  = 4 << 20
	largestAgent = 16 << 20 // it repeats all of its links
	shortText    = 1 << 10
	mostAgents   = 10_000
)

// agent is what is known of the host that a paw is on.
type agent struct {
	Paw       wire.Text  `json:"paw"`
	Host      wire.Text  `json:"host"`
	Addresses wire.Texts `json:"host_ip_addrs"`
	Platform  wire.Text  `json:"platform"`
	User      wire.Text  `json:"username"`
	Privilege wire.Text  `json:"privilege"`
	Group     wire.Text  `json:"group"`
}

// attack is a technique.
type attack struct {
	Tactic    wire.Text `json:"tactic"`
	Technique wire.Text `json:"technique_id"`
	Name      wire.Text `json:"technique_name"`
}

// step is one step of a report.
type step struct {
	LinkID      wire.Text       `json:"link_id"`
	AbilityID   wire.Text       `json:"ability_id"`
	Name        wire.Text       `json:"name"`
	Description wire.Text       `json:"description"`
	Command     wire.Text       `json:"command"`
	Plaintext   wire.Text       `json:"plaintext_command"`
	Status      wire.Text       `json:"status"`
	Platform    wire.Text       `json:"platform"`
	Executor    wire.Text       `json:"executor"`
	PID         wire.Text       `json:"pid"`
	Run         wire.Time       `json:"run"`
	Attack      attack          `json:"attack"`
	Output      json.RawMessage `json:"output"`
}

// event is one event of a log.
type event struct {
	Command   wire.Text `json:"command"`
	Plaintext wire.Text `json:"plaintext_command"`
	Finished  wire.Time `json:"finished_timestamp"`
	Collected wire.Time `json:"collected_timestamp"`
	Status    wire.Text `json:"status"`
	Platform  wire.Text `json:"platform"`
	Executor  wire.Text `json:"executor"`
	PID       wire.Text `json:"pid"`
	Agent     agent     `json:"agent_metadata"`
	Ability   struct {
		ID          wire.Text `json:"ability_id"`
		Name        wire.Text `json:"ability_name"`
		Description wire.Text `json:"ability_description"`
	} `json:"ability_metadata"`
	Operation struct {
		Name      wire.Text `json:"operation_name"`
		Start     wire.Time `json:"operation_start"`
		Adversary wire.Text `json:"operation_adversary"`
	} `json:"operation_metadata"`
	Attack attack          `json:"attack_metadata"`
	Output json.RawMessage `json:"output"`
}

// step gives an event as the step of a report.
func (x *event) step() *step {
	s := &step{AbilityID: x.Ability.ID, Name: x.Ability.Name, Description: x.Ability.Description, Command: x.Command, Plaintext: x.Plaintext, Status: x.Status,
		Platform: x.Platform, Executor: x.Executor, PID: x.PID, Run: x.Finished, Attack: x.Attack, Output: x.Output}
	if s.Run.IsZero() {
		s.Run = x.Collected
	}
	return s
}

// command is what ran, which Caldera encodes.
func (s *step) command() string {
	if s.Plaintext != "" {
		return s.Plaintext.String()
	}
	return decoded(s.Command.String())
}

func decoded(text string) string {
	if b, err := base64.StdEncoding.DecodeString(text); err == nil {
		return strings.ToValidUTF8(string(b), "")
	}
	return text
}

// output is what the step wrote: an object since version 4.1, before that a text that may
// be encoded.
func (s *step) output() string {
	var object struct {
		Out wire.Text `json:"stdout"`
		Err wire.Text `json:"stderr"`
	}
	if wire.Unmarshal(s.Output, &object) {
		return strings.TrimSpace(object.Out.String() + "\n" + object.Err.String())
	}
	var text wire.Text
	_ = text.UnmarshalJSON(s.Output) // never fails
	return decoded(text.String())
}

// document reads a report, which is an object, or an event log, which is a list.
func (d *decoding) document(e *report.Emitter, r *jsonpull.Reader) error {
	switch r.Kind() {
	case jsonpull.Object:
		return d.report(e, r)
	case jsonpull.Array:
		for a := r.Array(); r.Elem(a); {
			var x event
			_, ok := r.Into(largestStep, &x)
			if !r.OK() { // half an event is none
				return nil
			}
			if !ok || x.Ability.ID == "" && x.Attack.Technique == "" {
				r.Fail("an element is no event of an operation")
				return nil
			}
			d.event(&x)
			if err := d.step(e, x.Agent, x.step()); err != nil {
				return err
			}
		}
	default:
		r.Fail("neither a report nor an event log")
	}
	return nil
}

func (d *decoding) report(e *report.Emitter, r *jsonpull.Reader) error {
	known := false
	err := r.Fields(func(key string) error {
		switch key {
		case "name":
			d.name = string(r.Text(shortText))
		case "start":
			d.started = wire.Moment(string(r.Text(shortText)))
		case "finish":
			d.finished = wire.Moment(string(r.Text(shortText)))
		case "adversary":
			var a struct {
				Name wire.Text `json:"name"`
			}
			if _, ok := r.Into(largestAgent, &a); ok {
				d.adversary = a.Name.String()
			}
		case "host_group":
			for a := r.Array(); r.Elem(a); {
				var x agent
				if _, ok := r.Into(largestAgent, &x); ok && x.Paw != "" && len(d.agents) < mostAgents {
					d.agents[x.Paw.String()] = x
				}
			}
		case "steps":
			known = true
			return d.steps(e, r)
		}
		return nil
	})
	if err == nil && r.OK() && !known {
		r.Fail("there are no steps in it: this is something else")
	}
	return err
}

// steps reads {"paw": {"steps": […]}}.
func (d *decoding) steps(e *report.Emitter, r *jsonpull.Reader) error {
	return r.Fields(func(paw string) error {
		a, ok := d.agents[paw]
		if !ok {
			a = agent{Paw: wire.Text(connectors.Ident(paw))}
		}
		return r.Fields(func(key string) error {
			if key != "steps" {
				return nil
			}
			for list := r.Array(); r.Elem(list); {
				var s step
				_, ok := r.Into(largestStep, &s)
				if !r.OK() { // half a step is none
					return nil
				}
				if !ok {
					e.Skip("step_too_large_or_no_object")
					continue
				}
				if err := d.step(e, a, &s); err != nil {
					return err
				}
			}
			return nil
		})
	})
}
