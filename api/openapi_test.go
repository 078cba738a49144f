package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares with a file, or writes it.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, got, 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "run go test ./api -update and read the difference")
}

func TestTheOpenAPIDocumentIsTheCommittedOne(t *testing.T) {
	golden(t, "openapi.json", OpenAPI())
}

// loaded is the document as kin-openapi reads it, which knows 3.0: the document keeps to
// what both versions share, so that only its version has to be changed for it.
func loaded(t *testing.T) *openapi3.T {
	t.Helper()
	require.Contains(t, string(OpenAPI()), `"openapi": "3.1.0"`)
	doc, err := openapi3.NewLoader().LoadFromData(bytes.Replace(OpenAPI(), []byte(`"3.1.0"`), []byte(`"3.0.3"`), 1))
	require.NoError(t, err)
	return doc
}

func TestTheOpenAPIDocumentIsValid(t *testing.T) {
	require.NoError(t, loaded(t).Validate(t.Context()))
	for _, word := range []string{"nullable", "exclusiveMinimum", "$schema", "examples"} {
		require.NotContains(t, string(OpenAPI()), `"`+word+`"`, "3.0 and 3.1 differ in it")
	}
}

func TestTheOpenAPIDocumentHasEveryRouteAndNoOther(t *testing.T) {
	r := newRig(t)
	all := r.server.echo.Routes()
	served := make([]string, 0, len(all))
	for _, route := range all {
		path := route.Path
		for _, part := range strings.Split(path, "/") {
			if name, ok := strings.CutPrefix(part, ":"); ok {
				path = strings.Replace(path, part, "{"+name+"}", 1)
			}
		}
		served = append(served, route.Method+" "+path)
	}
	documented, names := []string{}, map[string]bool{}
	for path, item := range loaded(t).Paths.Map() {
		for method, op := range item.Operations() {
			documented = append(documented, method+" "+path)
			require.False(t, names[op.OperationID], op.OperationID)
			names[op.OperationID] = true
			require.NotEmpty(t, op.Summary)
			require.NotNil(t, op.Responses.Default(), "%s %s has problems", method, path)
		}
	}
	require.ElementsMatch(t, served, documented)
}

// TestEveryAnswerIsAsDocumented asks every GET there is, with something to show for it.
func TestEveryAnswerIsAsDocumented(t *testing.T) {
	r, d := campaigning(t)
	kev := campaign.Campaign{ID: "kev", Name: "KEV", Lead: "ann", State: campaign.Open, Until: noon.Add(time.Hour), CreatedAt: noon, Where: campaign.Condition{KEV: true}}
	kev.Advance(campaign.Counts{Total: 2, Open: 2}, noon)
	d.all["kev"] = kev
	r.tickets["QT-1"] = lifecycle.Ticket{ID: "QT-1", Version: 1, Marker: "r-1", Title: "Patch", Status: "todo", Comments: []lifecycle.Comment{{By: "ann", Text: "when?"}}}
	r.messages["m-1"] = lifecycle.InboxMessage{ID: "m-1", Version: 1, To: "payments", Links: map[string]string{"a": "b"}}
	r.deliveries["nothing"] = exposure.Delivery{ID: "nothing", Source: "signed", Counts: map[string]int64{"findings": 1}, Status: exposure.DeliveryDone}
	sha := r.evidence(t, exposure.Evidence{Kind: "http", Target: "https://web-1/", Vantage: "internet", At: noon})
	path := prefix + "/exposures/" + string(r.first().ID) + "/decisions"
	require.Equal(t, http.StatusOK, r.ask(http.MethodPost, path, r.tokens[RoleApprover],
		DecisionRequest{Kind: lifecycle.DecideAcceptRisk, Reason: "replaced soon", Until: noon.AddDate(0, 0, 30)}).Code)
	doc := loaded(t)
	for _, route := range routes() {
		if route.method != http.MethodGet || route.out == nil {
			continue
		}
		t.Run(route.path, func(t *testing.T) {
			address := r.address(route.path)
			switch route.path {
			case prefix + "/assets/{id}", prefix + "/assets/{id}/edges":
				address = strings.Replace(route.path, "{id}", string(r.first().Asset), 1)
			case prefix + "/evidence/{sha256}":
				address = prefix + "/evidence/" + sha
			}
			if route.path == prefix+"/approvals" {
				address += "?all=true"
			}
			answer := r.ask(http.MethodGet, address, r.tokens[RoleAdmin], nil)
			require.Equal(t, route.success(), answer.Code, answer.Body)
			conforms(t, doc, &route, answer.Code, answer.Body.Bytes())
			require.Equal(t, []string{jsonType}, answer.Header()["Content-Type"])
			require.Equal(t, "nosniff", answer.Header().Get("X-Content-Type-Options"))
			require.NotContains(t, answer.Body.String(), ":null", "a list is one even when it is empty")
			require.Empty(t, answer.Header().Get("Access-Control-Allow-Origin"))
		})
	}
}

func TestProblemsAreAsDocumented(t *testing.T) {
	r := newRig(t)
	doc := loaded(t)
	schema := doc.Components.Schemas["Problem"].Value
	for _, path := range []string{"/nothing", prefix + "/exposures?x=1", prefix + "/exposures/nothing", prefix + "/tokens"} {
		var v any
		require.NoError(t, json.Unmarshal(r.get(path).Body.Bytes(), &v))
		require.NoError(t, schema.VisitJSON(v), path)
	}
}

// conforms holds an answer to the schema of its route.
func conforms(t *testing.T, doc *openapi3.T, route *route, status int, body []byte) {
	t.Helper()
	response := doc.Paths.Find(route.path).GetOperation(route.method).Responses.Status(status)
	require.NotNil(t, response)
	schema := response.Value.Content.Get(jsonType).Schema.Value
	var v any
	require.NoError(t, json.Unmarshal(body, &v))
	require.NoError(t, schema.VisitJSON(v, openapi3.MultiErrors()))
	undocumented(t, schema, v, "")
}

// undocumented finds fields that the schema does not name, which it would let pass.
func undocumented(t *testing.T, schema *openapi3.Schema, v any, at string) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		if schema.Items == nil {
			return // any value
		}
		for _, item := range v {
			undocumented(t, schema.Items.Value, item, at+"[]")
		}
	case map[string]any:
		for name, field := range v {
			property, ok := schema.Properties[name]
			if !ok && schema.AdditionalProperties.Schema != nil {
				property, ok = schema.AdditionalProperties.Schema, true
			}
			if len(schema.Properties) == 0 && !ok {
				continue // any value
			}
			require.True(t, ok, "%s.%s is not documented", at, name)
			undocumented(t, property.Value, field, at+"."+name)
		}
	}
}

func TestTheSchemasSayWhatIsAlwaysThere(t *testing.T) {
	schema := loaded(t).Components.Schemas["Detail"].Value
	for _, name := range []string{"id", "version", "state", "timeline", "evidence"} {
		require.True(t, slices.Contains(schema.Required, name), name)
	}
	require.NotContains(t, schema.Required, "claim")
	require.Len(t, schema.Properties["state"].Value.Enum, len(exposure.States()))
}
