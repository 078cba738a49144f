package defendercloud

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// cursor says what is asked for next: a list of a subscription, from its beginning or at
// the address that Azure gave for the next page.
type cursor struct {
	At    int    `json:"n"` // which subscription
	Stage int    `json:"s"`
	Next  string `json:"u,omitempty"`
}

// lists are what is read of each subscription, in their order.
var lists = []string{ //nolint:gochecknoglobals // a constant table
	"/providers/Microsoft.Security/assessments?api-version=2021-06-01",
	"/providers/Microsoft.Security/subAssessments?api-version=2019-01-01-preview",
	"/providers/Microsoft.Security/alerts?api-version=2022-01-01",
}

const metadata = "/providers/Microsoft.Security/assessmentMetadata?api-version=2021-06-01"

// Pull implements connectors.Puller: one page of one list of one subscription.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.Tenant == "" {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured, nor a tenant", in.source)
	}
	var at cursor
	if req.Cursor != "" && json.Unmarshal([]byte(req.Cursor), &at) != nil || at.At < 0 || at.Stage < 0 || at.Stage >= len(lists) {
		return connectors.Pulled{}, fault.New(fault.Invalid, "reading the cursor of Defender for Cloud: it is none of ours")
	}
	subscriptions, err := in.login.Visible(ctx, in.api)
	if err != nil {
		return connectors.Pulled{}, err //nolint:wrapcheck // it says what was called
	}
	if at.At >= len(subscriptions) {
		return in.done(len(subscriptions)), nil
	}
	scope := "/subscriptions/" + subscriptions[at.At]
	path := at.Next
	if path == "" {
		path = scope + lists[at.Stage]
	}
	next, err := in.list(ctx, scope, path, at.Stage == 0, page)
	if err != nil {
		return connectors.Pulled{}, err
	}
	follow := cursor{At: at.At, Stage: at.Stage, Next: next}
	if next == "" || next == at.Next {
		follow = cursor{At: at.At, Stage: at.Stage + 1}
		if last := len(lists) - 1; follow.Stage > last || follow.Stage == last && !in.config.Alerts {
			follow = cursor{At: at.At + 1}
		}
	}
	if follow.At >= len(subscriptions) {
		return in.done(len(subscriptions)), nil
	}
	text, err := json.Marshal(follow)
	if err != nil || len(text) > connectors.MaxCursor {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling Defender for Cloud: the address of the next page is too long")
	}
	return connectors.Pulled{Next: string(text)}, nil
}

// done says what the sync came to. What it proves is said by the coverage of machines.
func (in *Instance) done(subscriptions int) connectors.Pulled {
	run := exposure.Run{Kind: exposure.RunFull, Complete: subscriptions > 0, Checks: []string{Name + ":vulnerability:*"}}
	if subscriptions == 0 {
		run.Why = "the application sees no subscription"
	}
	return connectors.Pulled{Run: run}
}

// list reads one page. Assessments come without their severity, so their metadata is put
// before them.
func (in *Instance) list(ctx context.Context, scope, path string, described bool, page io.Writer) (next string, err error) {
	var body bytes.Buffer // the next page's address is in it
	if _, err := in.api.Copy(ctx, httpclient.Call{Path: path}, &body); err != nil {
		return "", err //nolint:wrapcheck // it says what was called
	}
	var answer struct {
		Value []json.RawMessage `json:"value"`
		Next  string            `json:"nextLink"`
	}
	if json.Unmarshal(body.Bytes(), &answer) != nil {
		return "", fault.New(fault.Unavailable, "reading an answer of Azure: it is not the JSON that was asked for")
	}
	if answer.Next != "" {
		if err := in.api.Same(answer.Next); err != nil {
			return "", err //nolint:wrapcheck // it says what was refused
		}
	}
	if len(answer.Value) == 0 {
		return answer.Next, nil
	}
	if !described {
		_, err := page.Write(body.Bytes())
		return answer.Next, fault.Wrap(fault.Internal, err, "keeping a page")
	}
	about, err := in.metadata(ctx, scope, answer.Value)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{"metadata": about})
	if err != nil {
		return "", fault.Wrap(fault.Internal, err, "writing a page of assessments")
	}
	_, err = io.Copy(page, io.MultiReader(strings.NewReader(`{"quell_azure":`), bytes.NewReader(text), strings.NewReader(`,`), bytes.NewReader(bytes.TrimPrefix(bytes.TrimSpace(body.Bytes()), []byte("{")))))
	return answer.Next, fault.Wrap(fault.Internal, err, "keeping a page")
}

// metadata gives what is known of the kinds of assessments on a page, by name.
func (in *Instance) metadata(ctx context.Context, scope string, items []json.RawMessage) (map[string]json.RawMessage, error) {
	wanted := map[string]bool{}
	for _, item := range items {
		var v struct {
			Name string `json:"name"`
		}
		if json.Unmarshal(item, &v) == nil {
			wanted[strings.ToLower(v.Name)] = true
		}
	}
	const mostPages = 50
	out := map[string]json.RawMessage{}
	path := scope + metadata
	for range mostPages {
		var answer struct {
			Value []struct {
				Name       string          `json:"name"`
				Properties json.RawMessage `json:"properties"`
			} `json:"value"`
			Next string `json:"nextLink"`
		}
		if _, err := in.api.Get(ctx, httpclient.Call{Path: path}, &answer); err != nil {
			return nil, err //nolint:wrapcheck // it says what was called
		}
		for _, m := range answer.Value {
			if name := strings.ToLower(m.Name); wanted[name] && len(m.Properties) > 0 {
				out[name] = m.Properties
			}
		}
		if path = answer.Next; path == "" {
			break
		}
	}
	return out, nil
}
