package gitlab

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/signature"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// GitLab's Go client is not used: it speaks the REST API, whose vulnerabilities GitLab has
// deprecated for its GraphQL API, and it would drop what it doesn't know of an answer.

const (
	perPage     = 50 // a query with more of these fields is too complex for GitLab
	largestPage = 64 << 20
)

// vulnerabilities is what is asked of a group, or of a project, page by page.
const vulnerabilities = `query($path: ID!, $first: Int!, $after: String) {
  %s(fullPath: $path) {
    vulnerabilities(first: $first, after: $after, state: [DETECTED, CONFIRMED, DISMISSED, RESOLVED]) {
      pageInfo { hasNextPage endCursor }
      nodes {
        id title description solution state severity reportType detectedAt resolvedAt dismissedAt updatedAt
        resolvedOnDefaultBranch dismissalReason webUrl
        cvss { vector vendor }
        links { url }
        scanner { name }
        identifiers { externalType externalId name url }
        project { id webUrl }
        location {
          ... on VulnerabilityLocationSast { file startLine }
          ... on VulnerabilityLocationSecretDetection { file startLine }
          ... on VulnerabilityLocationDependencyScanning { file dependency { package { name } version } }
          ... on VulnerabilityLocationContainerScanning { image operatingSystem dependency { package { name } version } }
          ... on VulnerabilityLocationDast { hostname path param requestMethod }
        }
      }
    }
  }
}`

// call is a GraphQL request.
type call struct {
	Query     string `json:"query"`
	Variables struct {
		Path  string  `json:"path"`
		First int     `json:"first"`
		After *string `json:"after"`
	} `json:"variables"`
}

// answer is what is needed of one to go on.
type answer struct {
	Data map[string]*struct {
		Vulnerabilities *struct {
			PageInfo struct {
				More bool   `json:"hasNextPage"`
				End  string `json:"endCursor"`
			} `json:"pageInfo"`
		} `json:"vulnerabilities"`
	} `json:"data"`
	Errors []struct {
		Message string `json:"message"`
	} `json:"errors"`
}

// Pull implements connectors.Puller: one page of vulnerabilities. The cursor is GitLab's.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	c := &in.config
	kind, path := "group", c.Group
	if path == "" {
		_, project, _ := strings.Cut(c.Project, "/")
		kind, path = "project", project
	}
	if path == "" || c.URL == "" || in.http == nil {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured, or neither group nor project", in.source)
	}
	api := httpclient.API{HTTP: in.http, Base: c.URL, Vendor: "GitLab", Largest: largestPage, Auth: func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+c.Token.Reveal())
	}}
	question := call{Query: fmt.Sprintf(vulnerabilities, kind)}
	question.Variables.Path, question.Variables.First = path, perPage
	if req.Cursor != "" {
		question.Variables.After = &req.Cursor
	}
	var body bytes.Buffer
	if _, err := api.Copy(ctx, httpclient.Call{Path: "api/graphql", JSON: question}, &body); err != nil {
		return connectors.Pulled{}, fmt.Errorf("fetching vulnerabilities: %w", err)
	}
	var a answer
	if err := json.Unmarshal(body.Bytes(), &a); err != nil {
		return connectors.Pulled{}, fault.New(fault.Unavailable, "reading an answer of GitLab: it is not the JSON that was asked for")
	}
	switch {
	case len(a.Errors) > 0:
		return connectors.Pulled{}, fault.New(fault.Invalid, "fetching vulnerabilities: GitLab says %q", connectors.Redact(a.Errors[0].Message))
	case a.Data[kind] == nil || a.Data[kind].Vulnerabilities == nil:
		return connectors.Pulled{}, fault.New(fault.NotFound, "fetching vulnerabilities: GitLab knows no such %s, or does not show it to this token", kind)
	}
	if _, err := body.WriteTo(page); err != nil {
		return connectors.Pulled{}, fault.Wrap(fault.Unavailable, err, "writing a page")
	}
	info := a.Data[kind].Vulnerabilities.PageInfo
	switch {
	case !info.More || info.End == "":
		return connectors.Pulled{Run: exposure.Run{Kind: exposure.RunFull, Complete: true}}, nil
	case info.End == req.Cursor:
		return connectors.Pulled{}, fault.New(fault.Invalid, "fetching vulnerabilities: the next page is the same one")
	}
	return connectors.Pulled{Next: info.End}, nil
}

// VerifyWebhook implements connectors.WebhookVerifier: the signature of Standard Webhooks
// where there is one, else the shared token. What can't show the one can't fall back on the
// other, unless both are configured.
func (in *Instance) VerifyWebhook(header http.Header, body []byte, now time.Time) (string, error) {
	c := &in.config
	signed := !c.SigningToken.Empty() || !c.PreviousSigningToken.Empty()
	if signed && (header.Get("webhook-signature") != "" || c.Secret.Empty()) {
		return signature.StandardWebhooks().Verify(header, body, now, c.SigningToken, c.PreviousSigningToken)
	}
	if err := signature.Token(header, "X-Gitlab-Token", "", c.Secret, c.PreviousSecret); err != nil {
		return "", err
	}
	return cmp.Or(header.Get("Idempotency-Key"), header.Get("X-Gitlab-Event-UUID")), nil
}
