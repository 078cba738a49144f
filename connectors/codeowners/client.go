package codeowners

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// Instance is one configured source of CODEOWNERS files.
type Instance struct {
	source string
	config Config
	http   *http.Client
}

// envelope is a file with whose it is.
type envelope struct {
	Version    int    `json:"quell_codeowners"`
	Repository string `json:"repository"`
	Text       string `json:"text"`
}

func write(page io.Writer, repository, text string) error {
	return fault.Wrap(fault.Unavailable, json.NewEncoder(page).Encode(envelope{1, repository, text}), "writing a page")
}

// places are where GitHub looks for the file, in this order.
var places = []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"} //nolint:gochecknoglobals // a constant table

// Pull implements connectors.Puller: one repository a step, of which the cursor is the
// number. One without a file has no step to its name.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	files := slices.Sorted(maps.Keys(in.config.Files))
	total := len(in.config.Repositories) + len(files)
	if total == 0 {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	at, without := 0, 0
	if req.Cursor != "" {
		if _, err := fmt.Sscanf(req.Cursor, "%d %d", &at, &without); err != nil || at < 0 || at >= total {
			return connectors.Pulled{}, connectors.ErrExpired // of another configuration: begin anew
		}
	}
	var repository, text string
	var err error
	if at < len(in.config.Repositories) {
		repository = in.config.GitHost + "/" + in.config.Repositories[at]
		text, err = in.fromGitHub(ctx, in.config.Repositories[at])
	} else {
		repository = files[at-len(in.config.Repositories)]
		text, err = in.get(ctx, in.config.Files[repository], httpclient.Call{Path: in.config.Files[repository], Accept: "text/plain"})
	}
	if err != nil {
		return connectors.Pulled{}, fmt.Errorf("fetching the file of %s: %w", repository, err)
	}
	if _, named := describe(repository, text, func(string) {}); named {
		if err := write(page, repository, text); err != nil {
			return connectors.Pulled{}, err
		}
	} else {
		without++
	}
	if at++; at < total {
		return connectors.Pulled{Next: strconv.Itoa(at) + " " + strconv.Itoa(without)}, nil
	}
	return connectors.Pulled{Run: exposure.Run{Kind: exposure.RunFull, Complete: true, Tool: Name, Counts: map[string]int{"received": total, "without_owners": without}}}, nil
}

// fromGitHub looks where GitHub does. A repository without the file has none; one that
// doesn't exist, or that the token may not see, looks the same, so that is asked for.
func (in *Instance) fromGitHub(ctx context.Context, repository string) (string, error) {
	for _, place := range places {
		text, err := in.get(ctx, in.config.URL, httpclient.Call{Path: "/repos/" + repository + "/contents/" + place, Accept: "application/vnd.github.raw+json", Header: http.Header{"X-Github-Api-Version": {"2022-11-28"}}})
		if !fault.Is(err, fault.NotFound) {
			return text, err
		}
	}
	_, err := in.get(ctx, in.config.URL, httpclient.Call{Path: "/repos/" + repository, Header: http.Header{"X-Github-Api-Version": {"2022-11-28"}}})
	return "", err
}

func (in *Instance) get(ctx context.Context, base string, call httpclient.Call) (string, error) {
	api := httpclient.API{HTTP: in.http, Base: strings.TrimSuffix(base, "/"), Vendor: "the repositories' host", Largest: largestFile, Auth: func(r *http.Request) {
		if !in.config.Token.Empty() {
			r.Header.Set("Authorization", "Bearer "+in.config.Token.Reveal())
		}
	}}
	var body bytes.Buffer
	_, err := api.Copy(ctx, call, &body)
	return body.String(), err
}
