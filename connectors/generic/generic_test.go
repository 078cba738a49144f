package generic_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/generic"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files")

func TestReportsBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range generic.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) {
			connectortest.Golden(t, generic.Registration(), nil, sample.File, *update)
		})
	}
}

func decode(t *testing.T, body string) (*connectortest.Recorder, error) {
	t.Helper()
	rec, err := connectortest.Decode(t, generic.Registration(), nil, []byte(body))
	for _, obs := range rec.Observed {
		connectortest.CheckObservation(t, obs)
	}
	return rec, err
}

// schema turns our JSON Schema into one of OpenAPI 3.1, for which there is a validator at
// hand: the same keywords, with definitions in another place.
func schema(t *testing.T) *openapi3.Schema {
	t.Helper()
	var doc map[string]any
	require.NoError(t, json.Unmarshal([]byte(strings.ReplaceAll(string(generic.Schema), "#/$defs/", "#/components/schemas/")), &doc))
	require.Equal(t, "https://json-schema.org/draft/2020-12/schema", doc["$schema"])
	schemas, ok := doc["$defs"].(map[string]any)
	require.True(t, ok)
	for _, key := range []string{"$schema", "$id", "$defs"} {
		delete(doc, key)
	}
	schemas["report"] = doc
	text, err := json.Marshal(map[string]any{"openapi": "3.0.3", "info": map[string]any{"title": "x", "version": "1"}, "paths": map[string]any{}, "components": map[string]any{"schemas": schemas}})
	require.NoError(t, err)
	api, err := openapi3.NewLoader().LoadFromData(text)
	require.NoError(t, err)
	return api.Components.Schemas["report"].Value
}

func TestTheSchemaDescribesWhatIsRead(t *testing.T) {
	s := schema(t)
	report, err := os.ReadFile("testdata/report.json")
	require.NoError(t, err)
	visit := func(body string) error {
		var v any
		require.NoError(t, json.Unmarshal([]byte(body), &v))
		return s.VisitJSON(v)
	}
	require.NoError(t, visit(string(report)))
	for _, wrong := range []string{
		`{}`, `{"findings":[{}]}`, `{"findings":[{"title":"a","status":"gone"}]}`, `{"run":{"completed":true},"findings":[]}`,
		`{"assets":[{"kind":"toaster"}],"findings":[]}`, `{"findings":[{"title":"a","cvss_score":11}]}`, `{"findings":[{"title":"a","asset":{"fqnd":"b"}}]}`,
	} {
		require.Error(t, visit(wrong), wrong)
	}
}

func TestEveryFieldOfTheSchemaIsRead(t *testing.T) {
	var doc struct {
		Defs map[string]struct{ Properties map[string]any } `json:"$defs"`
	}
	require.NoError(t, json.Unmarshal(generic.Schema, &doc))
	names := make([]string, 0, len(doc.Defs["finding"].Properties))
	for name := range doc.Defs["finding"].Properties {
		names = append(names, name)
	}
	_, err := decode(t, strings.Join(names, ",")) // an unknown column is an error
	require.NoError(t, err)
}

func TestARunIsCompleteOnlyIfItSaysAllOfIt(t *testing.T) {
	const assets, findings = `"assets":[{"fqdn":"a.quell-lab.net"}]`, `"findings":[]`
	const whole = `"run":{"complete":true,"checks":["a"],"finished":"2026-11-05T17:00:00Z"}`
	tests := []struct{ name, body, why string }{
		{"all of it", `{` + whole + `,` + assets + `,` + findings + `}`, ""},
		{"as lines", `{` + whole + `}` + "\n" + `{"asset":{"fqdn":"a.quell-lab.net"}}`, ""},
		{"not complete", `{"run":{"checks":["a"],"why":"switched off"},` + assets + `}`, "switched off"},
		{"no checks", `{"run":{"complete":true,"finished":"2026-11-05"},` + assets + `}`, "which checks"},
		{"no time", `{"run":{"complete":true,"checks":["a"]},` + assets + `}`, "when"},
		{"no assets", `{` + whole + `,` + findings + `}`, "assets"},
		{"no run", `{` + findings + `}`, "does not say that"},
		{"truncated", `{` + whole + `,` + assets + `,"findings":[`, "could not be read"},
		{"a table", "title,severity\n", "does not say that"},
		{"nothing", "", "does not say that"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec, _ := decode(t, tt.body)
			require.Equal(t, tt.why == "", rec.Last().Complete)
			require.Contains(t, rec.Last().Why, tt.why)
		})
	}
	rec, err := decode(t, `{`+whole+`,`+assets+`}`)
	require.NoError(t, err)
	require.Equal(t, []string{"generic:a"}, rec.Last().Checks)
	require.True(t, rec.Last().Covers(rec.Covered[0], "generic:a", "443/tcp"))
}

func TestChecksAndPlacesComeFromTheBestThatIsThere(t *testing.T) {
	tests := []struct{ finding, check, location string }{
		{`{"title":"Open  Port","port":23,"protocol":"UDP"}`, "generic:open-port", "23/udp"},
		{`{"title":"t","check":"nuclei:git-config","url":"https://h/x?y"}`, "nuclei:git-config", "443/tcp/x"},
		{`{"title":"t","check":"Weird:Thing"}`, "generic:Weird:Thing", ""},
		{`{"title":"t","vuln_id_from_tool":"T1","cve":"CVE-2024-1000"}`, "generic:T1", ""},
		{`{"title":"t","cve":["CVE-2024-1000"],"purl":"pkg:npm/%40a/b@1.2?x=y","file_path":"yarn.lock"}`, "generic:CVE-2024-1000", "pkg:npm/%40a/b#yarn.lock"},
		{`{"title":"t","check":"c\u0000","location":"l\u0000"}`, "generic:c", "l"},
		{`{"title":"t","check":"c","port":99999}`, "generic:c", ""},
	}
	for _, tt := range tests {
		t.Run(tt.finding, func(t *testing.T) {
			rec, err := decode(t, `{"findings":[`+tt.finding+`]}`)
			require.NoError(t, err)
			require.Equal(t, tt.check, rec.Observed[0].Finding.Check)
			require.Equal(t, tt.location, rec.Observed[0].Finding.Location)
		})
	}
}

func TestOnlyFixedIsMoreThanAnOpinion(t *testing.T) {
	for fields, want := range map[string]exposure.Status{
		`"status":"fixed"`: exposure.StatusFixed, `"is_mitigated":true`: exposure.StatusFixed, `"false_p":true`: exposure.StatusNotAffected,
		`"risk_accepted":true`: exposure.StatusSuppressed, `"duplicate":"yes"`: exposure.StatusSuppressed, `"active":false`: exposure.StatusSuppressed,
		`"active":true,"verified":false`: exposure.StatusOpen, `"status":"strange"`: exposure.StatusOpen,
	} {
		rec, err := decode(t, `[{"title":"t",`+fields+`}]`)
		require.NoError(t, err)
		require.Equal(t, want, rec.Observed[0].Finding.Status, fields)
	}
}

func TestTablesAreStrictInTheHeaderAndForgivingInRows(t *testing.T) {
	tests := []struct {
		name, body string
		findings   int
		skipped    map[string]int
		err        string
	}{
		{"DefectDojo's names", "Date,Title,CweId,Url,Severity,Description,Mitigation,Impact,References,Active,Verified,FalsePositive,Duplicate\n28/02/2021,A,1,https://h.quell-lab.net/x,Low,d,m,i,,TRUE,TRUE,FALSE,FALSE\n", 1, nil, ""},
		{"a byte order mark and tabs", "\xef\xbb\xbftitle\tseverity\na\tlow\n", 1, nil, ""},
		{"rows of another length", "title,severity\na\na,low,x\nb,low\n", 1, map[string]int{"row_of_another_length": 2}, ""},
		{"a stray quote", "title,severity\na\"b,low\nc,low\n", 1, map[string]int{"malformed_row": 1}, ""},
		{"an empty title", "title,severity\n,low\n", 0, map[string]int{"finding_without_title": 1}, ""},
		{"not UTF-8", "title,severity\na\xffb,low\n", 1, nil, ""},
		{"an unknown column", "title,severty\na,low\n", 0, nil, `column 2, "severty", is not known`},
		{"a column twice", "title,host,hostname\na,b,c\n", 0, nil, "is there twice"},
		{"no title", "severity\nlow\n", 0, nil, "no column title"},
		{"an open quote at the end", "title,severity\na,low\n\"b,low\n", 1, nil, "line 3"},
		{"UTF-16", "\xff\xfet\x00i\x00", 0, nil, "UTF-16"},
		{"XML", "<a/>", 0, nil, "unexpected '<'"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec, err := decode(t, tt.body)
			require.Len(t, rec.Observed, tt.findings)
			require.Equal(t, tt.skipped, rec.Skipped)
			if tt.err == "" {
				require.NoError(t, err)
				return
			}
			var syntax *connectors.SyntaxError
			require.ErrorAs(t, err, &syntax)
			require.ErrorContains(t, err, tt.err)
		})
	}
}

func TestATableOfOneEndlessRowIsRefused(t *testing.T) {
	body := &connectortest.Repeat{Head: "title\n\"", N: 1 << 20, Part: func(int) []byte { return []byte("0123456789abcdef") }}
	var rec connectortest.Recorder
	err := connectortest.Open(t, generic.Registration(), nil).Decode(t.Context(), body, &rec)
	require.ErrorContains(t, err, "more than 8 MiB")
}

func TestTheBodysOwnErrorIsPassedOn(t *testing.T) {
	broken := errors.New("broken gzip")
	for _, start := range []string{"title,severity\na,low\n", `{"findings":[`} {
		var rec connectortest.Recorder
		err := connectortest.Open(t, generic.Registration(), nil).Decode(t.Context(), io.MultiReader(strings.NewReader(start), iotest.ErrReader(broken)), &rec)
		require.ErrorIs(t, err, broken)
		require.False(t, rec.Last().Complete)
	}
}

func TestFormulasAreText(t *testing.T) {
	rec, err := decode(t, "title,severity,description\n=cmd|'/c calc'!A1,low,@SUM(1)\n")
	require.NoError(t, err)
	require.Equal(t, "=cmd|'/c calc'!A1", rec.Observed[0].Finding.Title)
	require.Equal(t, "@SUM(1)", rec.Observed[0].Finding.Description)
}

func TestDatesThatCouldBeSwappedAreNotGuessed(t *testing.T) {
	for text, want := range map[string]string{"28/02/2021": "2021-02-28", "02/28/2021": "0001-01-01", "01/02/2021": "0001-01-01", "03/03/2021": "2021-03-03", "2021-02-28": "2021-02-28"} {
		rec, err := decode(t, `[{"title":"t","date":"`+text+`"}]`)
		require.NoError(t, err)
		require.Equal(t, want, rec.Observed[0].Finding.FirstSeen.Format("2006-01-02"), text)
	}
}

func TestFindingsWithoutAnAssetBelongToTheSources(t *testing.T) {
	rec, err := connectortest.Decode(t, generic.Registration(), &generic.Config{Asset: "portal", Kind: "web_application"}, []byte(`[{"title":"t"}]`))
	require.NoError(t, err)
	require.Equal(t, "label|test-source|portal", rec.Observed[0].Asset.Identifiers[0].Key())
	require.EqualValues(t, "web_application", rec.Observed[0].Asset.Kind)
	require.Len(t, (&generic.Config{Kind: "toaster"}).Validate(), 1)
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, generic.Registration(), "generic") }

func BenchmarkDecode(b *testing.B) {
	rows := make([][]byte, 0, 1000)
	for i := range cap(rows) {
		rows = append(rows, fmt.Appendf(nil, `{"title":"Something %d","check":"check-%d","severity":"high","host":"h%d.quell-lab.net","port":443,"cve":["CVE-2024-%d"],"description":"A crafted input does what it should not.","remediation":"Update."}`+"\n", i, i%50, i/10, 10000+i))
	}
	for _, n := range []int{10_000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.SetBytes(int64(len(bytes.Join(rows, nil)) / len(rows) * n))
			connectortest.Benchmark(b, generic.Registration(), n, func() io.Reader {
				return &connectortest.Repeat{N: n, Part: func(i int) []byte { return rows[i%len(rows)] }}
			})
		})
	}
}
