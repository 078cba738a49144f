package api

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// OpenAPI is the OpenAPI 3.1 document of the API, made from the route table and the Go
// types of its requests and answers. It keeps to the vocabulary that 3.0 has, too.
func OpenAPI() []byte {
	d := document{schemas: newSchemas(), paths: map[string]any{}}
	for _, r := range routes() {
		d.add(&r)
	}
	d.schemas.of(Problem{})
	out, err := json.MarshalIndent(map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{
			"title":       "quell",
			"version":     "1",
			"description": "Exposures from discovery to a proven fix. Errors are RFC 9457 problems whose `code` is stable.",
			"license":     map[string]any{"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
		},
		"servers": []any{map[string]any{"url": "/"}},
		"tags":    tags(),
		"paths":   d.paths,
		"components": map[string]any{
			"schemas": d.schemas.named,
			"securitySchemes": map[string]any{"token": map[string]any{
				"type": "http", "scheme": "bearer", "description": "A token as `quell token create` gives it: quell_…",
			}},
			"responses": map[string]any{"problem": map[string]any{
				"description": "What went wrong, and what to do about it.",
				"content":     map[string]any{problemType: map[string]any{"schema": ref("Problem")}},
			}},
		},
	}, "", "  ")
	if err != nil { // maps and texts marshal; only a broken type could get here
		panic("encoding the OpenAPI document: " + err.Error())
	}
	return append(out, '\n')
}

func tags() []any {
	known := [...][2]string{
		{"exposures", "Exposures, their findings, and decisions on them"},
		{"deliveries", "What sources send, and what became of it"},
		{"inventory", "Assets, sources, scopes and owners"},
		{"work", "The built-in tracker and inbox"},
		{"evidence", "What verdicts rest on"},
		{"admin", "Intelligence, upkeep and tokens"},
		{"system", "Health, metrics and this document"},
	}
	out := make([]any, 0, len(known))
	for _, t := range known {
		out = append(out, map[string]any{"name": t[0], "description": t[1]})
	}
	return out
}

// document gathers the paths of the OpenAPI document.
type document struct {
	schemas *schemas
	paths   map[string]any
}

func (d *document) add(r *route) {
	op := map[string]any{
		"operationId": r.name, "tags": []string{r.tag}, "summary": r.summary, "responses": d.responses(r),
	}
	if text := r.describe(); text != "" {
		op["description"] = text
	}
	if r.access.role != "" {
		op["security"] = []any{map[string]any{"token": []string{}}}
		op["x-role"] = string(r.access.role)
	}
	if params := r.parameters(); len(params) > 0 {
		op["parameters"] = params
	}
	if body := d.requestBody(r); body != nil {
		op["requestBody"] = body
	}
	item, ok := d.paths[r.path].(map[string]any)
	if !ok {
		item = map[string]any{}
		d.paths[r.path] = item
	}
	item[strings.ToLower(r.method)] = op
}

// describe is the route's text, with who may call it.
func (r *route) describe() string {
	var parts []string
	if r.doc != "" {
		parts = append(parts, r.doc)
	}
	if r.access.role != "" {
		parts = append(parts, "Needs the role "+string(r.access.role)+".")
	}
	if r.access.whole {
		parts = append(parts, "Not for tokens that see some scopes only.")
	}
	return strings.Join(parts, " ")
}

var pathParam = regexp.MustCompile(`\{(\w+)\}`)

func (r *route) parameters() []any {
	var out []any
	for _, m := range pathParam.FindAllStringSubmatch(r.path, -1) {
		out = append(out, map[string]any{"name": m[1], "in": "path", "required": true, "schema": map[string]any{"type": "string"}})
	}
	for _, p := range r.query {
		out = append(out, p.parameter("query"))
	}
	for _, p := range r.headers {
		out = append(out, p.parameter("header"))
	}
	if r.etag {
		out = append(out, text("If-None-Match", "The ETag that you have: 304 if nothing changed.").parameter("header"))
	}
	return out
}

func (p param) parameter(in string) map[string]any {
	schema := map[string]any{"type": p.kind}
	switch {
	case p.kind == "time":
		schema = map[string]any{"type": "string", "format": "date-time"}
	case p.kind == "integer":
		schema["minimum"], schema["maximum"] = 1, maxLimit
	case len(p.enum) > 0:
		schema["enum"] = p.enum
	}
	if p.many {
		schema = map[string]any{"type": "array", "items": schema, "maxItems": maxValues}
	}
	return map[string]any{"name": p.name, "in": in, "description": p.doc, "schema": schema}
}

func (d *document) requestBody(r *route) map[string]any {
	switch {
	case r.in != nil:
		return map[string]any{"required": true, "content": map[string]any{jsonType: map[string]any{"schema": d.schemas.of(r.in)}}}
	case r.body == nil:
		return nil
	case r.body.form:
		file := map[string]any{"type": "array", "items": map[string]any{"type": "string", "format": "binary"}}
		return map[string]any{"required": true, "description": r.body.doc, "content": map[string]any{"multipart/form-data": map[string]any{
			"schema": map[string]any{"type": "object", "required": []string{"file"}, "properties": map[string]any{"source": map[string]any{"type": "string"}, "file": file}},
		}}}
	}
	content := map[string]any{}
	for _, t := range r.body.types {
		content[t] = map[string]any{"schema": map[string]any{"type": "string", "format": "binary"}}
	}
	return map[string]any{"required": true, "description": r.body.doc, "content": content}
}

func (d *document) responses(r *route) map[string]any {
	answer := map[string]any{"description": http.StatusText(r.success())}
	switch {
	case r.out != nil:
		answer["content"] = map[string]any{jsonType: map[string]any{"schema": d.schemas.of(r.out)}}
	case r.outType != "":
		answer["content"] = map[string]any{r.outType: map[string]any{"schema": map[string]any{"type": "string"}}}
	}
	out := map[string]any{
		strconv.Itoa(r.success()): answer,
		"default":                 map[string]any{"$ref": "#/components/responses/problem"},
	}
	if r.etag {
		out[strconv.Itoa(http.StatusNotModified)] = map[string]any{"description": "You have it already."}
	}
	if r.name == "readyz" {
		out[strconv.Itoa(http.StatusServiceUnavailable)] = answer
	}
	return out
}
