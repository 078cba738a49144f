package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/quellsec/quell/api"
)

// operation is what the page needs of one route of the API's document.
type operation struct {
	method, path string

	Summary     string   `json:"summary"`
	Description string   `json:"description"`
	Tags        []string `json:"tags"`
	Role        string   `json:"x-role"`
	Parameters  []struct {
		Name string `json:"name"`
		In   string `json:"in"`
	} `json:"parameters"`
}

const apiIntro = `# The API

REST under ` + "`/api/v1`" + `, JSON, described by an OpenAPI 3.1 document at ` + "`/api/v1/openapi.json`" + `. Send a token as
` + "`Authorization: Bearer quell_…`" + `; ` + "`quell token create`" + ` makes one. Each role includes the ones before it: viewer, operator, approver, admin;
probe stands apart. Errors are RFC 9457 problems whose ` + "`code`" + ` is one of invalid, not_found, denied, conflict, throttled, unavailable and
internal. Lists come in pages: pass ` + "`next`" + ` of one as ` + "`cursor`" + ` of the next. Decisions take an ` + "`Idempotency-Key`" + `, and an
` + "`If-Match`" + ` with the ETag of what was read.

`

func apiPage() (string, error) {
	var doc struct {
		Tags []struct {
			Name        string `json:"name"`
			Description string `json:"description"`
		} `json:"tags"`
		Paths map[string]map[string]operation `json:"paths"`
	}
	if err := json.Unmarshal(api.OpenAPI(), &doc); err != nil {
		return "", fmt.Errorf("reading the API's document: %w", err)
	}
	var all []operation
	for path, methods := range doc.Paths {
		for method, op := range methods {
			op.method, op.path = strings.ToUpper(method), path
			all = append(all, op)
		}
	}
	slices.SortFunc(all, func(a, b operation) int { return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.method, b.method)) })
	var b strings.Builder
	b.WriteString(apiIntro)
	for _, tag := range doc.Tags {
		b.WriteString("## " + tag.Name + "\n\n" + tag.Description + ".\n\n")
		header(&b, "call", "role", "what it does", "parameters")
		for _, op := range all {
			if slices.Contains(op.Tags, tag.Name) {
				row(&b, "`"+op.method+" "+op.path+"`", op.Role, op.about(), op.parameters())
			}
		}
		b.WriteString("\n")
	}
	return b.String(), nil
}

func (o *operation) about() string {
	text := o.Summary + "."
	// The role has a column of its own.
	if rest, _, _ := strings.Cut(o.Description, "Needs the role"); strings.TrimSpace(rest) != "" {
		text += " " + strings.TrimSpace(rest)
	}
	return text
}

func (o *operation) parameters() string {
	var names []string
	for _, p := range o.Parameters {
		if p.In != "path" {
			names = append(names, "`"+p.Name+"`")
		}
	}
	return strings.Join(names, ", ")
}
