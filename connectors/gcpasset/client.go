package gcpasset

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/url"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

const (
	assetHost = "cloudasset.googleapis.com"
	scanHost  = "websecurityscanner.googleapis.com"
)

// cursor says what is asked for next.
type cursor struct {
	Stage string `json:"s"`
	Token string `json:"t,omitempty"`
	At    int    `json:"n,omitempty"` // which configuration of the page
}

// The stages, in their order.
const (
	resources = "resources"
	policies  = "iam"
	scans     = "scans"
)

// Pull implements connectors.Puller.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.Scope == "" {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured, nor a scope", in.source)
	}
	at := cursor{Stage: resources}
	if req.Cursor != "" && json.Unmarshal([]byte(req.Cursor), &at) != nil {
		return connectors.Pulled{}, fault.New(fault.Invalid, "reading the cursor of Cloud Asset: it is none of ours")
	}
	var next cursor
	var err error
	switch at.Stage {
	case resources:
		next, err = in.search(ctx, at, "searchAllResources", page)
	case policies:
		next, err = in.search(ctx, at, "searchAllIamPolicies", page)
	case scans:
		next, err = in.scan(ctx, at, page)
	default:
		err = fault.New(fault.Invalid, "reading the cursor of Cloud Asset: it is none of ours")
	}
	if err != nil {
		return connectors.Pulled{}, err
	}
	next = in.skip(next)
	if next.Stage == "" {
		return connectors.Pulled{Run: exposure.Run{Kind: exposure.RunFull, Complete: true, Checks: in.checks()}}, nil
	}
	text, err := json.Marshal(next)
	if err != nil || len(text) > connectors.MaxCursor {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling Cloud Asset: a page's token is too long")
	}
	return connectors.Pulled{Next: string(text)}, nil
}

// checks are what the scans look for: all that the scanner knows. The inventory checks
// nothing.
func (in *Instance) checks() []string {
	if in.config.WebScanner {
		return []string{Name + ":web:*"}
	}
	return nil
}

// skip passes over the stages that are not wanted.
func (in *Instance) skip(at cursor) cursor {
	if at.Stage == policies && !in.config.IAM {
		at = cursor{Stage: scans}
	}
	if at.Stage == scans && !in.config.WebScanner {
		at = cursor{}
	}
	return at
}

func (in *Instance) search(ctx context.Context, at cursor, method string, page io.Writer) (cursor, error) {
	query := url.Values{"pageSize": {"500"}}
	if at.Token != "" {
		query.Set("pageToken", at.Token)
	}
	var body bytes.Buffer // the next page's token is in it
	if _, err := in.api.Copy(ctx, httpclient.Call{Path: "/v1/" + in.config.Scope + ":" + method, Query: query}, &body); err != nil {
		return cursor{}, err //nolint:wrapcheck // it says what was called
	}
	var answer struct {
		Results []json.RawMessage `json:"results"`
		Next    string            `json:"nextPageToken"`
	}
	if json.Unmarshal(body.Bytes(), &answer) != nil {
		return cursor{}, fault.New(fault.Unavailable, "reading a search of Google Cloud: the answer is not the JSON that was asked for")
	}
	if len(answer.Results) > 0 {
		if _, err := page.Write(body.Bytes()); err != nil {
			return cursor{}, fault.Wrap(fault.Internal, err, "keeping a page")
		}
	}
	if answer.Next != "" && answer.Next != at.Token {
		return cursor{Stage: at.Stage, Token: answer.Next}, nil
	}
	return cursor{Stage: map[string]string{resources: policies, policies: scans}[at.Stage]}, nil
}

// scan reads one configuration of Web Security Scanner with its newest finished scan and
// all that this found, since absence is judged by site.
func (in *Instance) scan(ctx context.Context, at cursor, page io.Writer) (cursor, error) {
	query := url.Values{}
	if at.Token != "" {
		query.Set("pageToken", at.Token)
	}
	var configs struct {
		Items []json.RawMessage `json:"scanConfigs"`
		Next  string            `json:"nextPageToken"`
	}
	if _, err := in.scans.Get(ctx, httpclient.Call{Path: "/v1/" + in.config.Scope + "/scanConfigs", Query: query}, &configs); err != nil {
		return cursor{}, err //nolint:wrapcheck // it says what was called
	}
	next := cursor{Stage: scans, Token: at.Token, At: at.At + 1}
	if next.At >= len(configs.Items) {
		next = cursor{Stage: scans, Token: configs.Next}
		if configs.Next == "" || configs.Next == at.Token {
			next = cursor{}
		}
	}
	if at.At >= len(configs.Items) {
		return next, nil
	}
	var config struct {
		Name string `json:"name"`
	}
	// The name becomes a path: it must be one of the project's own.
	_ = json.Unmarshal(configs.Items[at.At], &config) // what has no name is passed over
	if !below(config.Name, in.config.Scope+"/scanConfigs/") {
		return next, nil
	}
	var runs struct {
		Items []json.RawMessage `json:"scanRuns"` // newest first
	}
	if _, err := in.scans.Get(ctx, httpclient.Call{Path: "/v1/" + config.Name + "/scanRuns"}, &runs); err != nil {
		return cursor{}, err //nolint:wrapcheck // likewise
	}
	for _, item := range runs.Items {
		var run struct {
			Name  string `json:"name"`
			State string `json:"executionState"`
		}
		if json.Unmarshal(item, &run) != nil || run.State != "FINISHED" || !below(run.Name, config.Name+"/scanRuns/") {
			continue
		}
		found, whole, err := in.found(ctx, run.Name)
		if err != nil {
			return cursor{}, err
		}
		about := map[string]any{"config": configs.Items[at.At], "run": item, "whole": whole}
		return next, write(page, about, found)
	}
	return next, nil
}

// below reports whether a name is one more part after a prefix, and nothing else.
func below(name, prefix string) bool {
	rest, ok := strings.CutPrefix(name, prefix)
	return ok && rest != "" && !strings.ContainsAny(rest, "/?#%.\\")
}

// write begins with the scan, since its findings are read by it.
func write(page io.Writer, about map[string]any, found []json.RawMessage) error {
	first, err1 := json.Marshal(about)
	rest, err2 := json.Marshal(found)
	if err1 != nil || err2 != nil {
		return fault.New(fault.Internal, "writing a page of Cloud Asset")
	}
	_, err := io.Copy(page, io.MultiReader(strings.NewReader(`{"quell_scan":`), bytes.NewReader(first), strings.NewReader(`,"findings":`), bytes.NewReader(rest), strings.NewReader("}")))
	return fault.Wrap(fault.Internal, err, "writing a page of Cloud Asset")
}

func (in *Instance) found(ctx context.Context, run string) (found []json.RawMessage, whole bool, err error) {
	const mostPages = 50
	found = []json.RawMessage{}
	token := ""
	for range mostPages {
		query := url.Values{}
		if token != "" {
			query.Set("pageToken", token)
		}
		var answer struct {
			Items []json.RawMessage `json:"findings"`
			Next  string            `json:"nextPageToken"`
		}
		if _, err := in.scans.Get(ctx, httpclient.Call{Path: "/v1/" + run + "/findings", Query: query}, &answer); err != nil {
			return nil, false, err //nolint:wrapcheck // it says what was called
		}
		found = append(found, answer.Items...)
		if token = answer.Next; token == "" {
			return found, true, nil
		}
	}
	return found, false, nil
}
