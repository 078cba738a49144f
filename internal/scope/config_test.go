package scope_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/quellsec/quell/internal/scope"
)

func TestItIsConfiguredAsPeopleWriteIt(t *testing.T) {
	var got []scope.Scope
	dec := yaml.NewDecoder(strings.NewReader(`
- name: prod
  include:
    - tags: {env: prod}
    - network: 10.0.0.0/8
      kind: host
  exclude: [{name: "toy*"}]
  owner: web
  mission_impact: high
  internet: yes
  tolerance: track
  engagement:
    probe: true
    consent: Ann, CHG-1
    vantage: dc1
    windows: [{days: [mon, sun], from: "22:00", to: "06:00", location: Europe/Berlin}]
    rate_per_host: 2.5
    protocols: [http, ssl]
    networks: [10.0.0.0/8]
    ports: ["443", 8000-8999]
`))
	dec.KnownFields(true)
	require.NoError(t, dec.Decode(&got))
	_, errs := scope.Compile(got)
	require.Empty(t, errs)
	require.Equal(t, "yes", got[0].Internet)
	require.Equal(t, []scope.Day{scope.Day(time.Monday), scope.Day(time.Sunday)}, got[0].Engagement.Windows[0].Days)
}

// undocumented finds fields without a sentence for the reference, or a name in YAML.
func undocumented(typ reflect.Type, path string) []string {
	for typ.Kind() == reflect.Slice || typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct {
		return nil
	}
	var found []string
	for i := range typ.NumField() {
		f := typ.Field(i)
		if f.Tag.Get("yaml") == "-" || f.Type == reflect.TypeFor[[]scope.Engagement]() {
			continue
		}
		if f.Tag.Get("yaml") == "" || f.Tag.Get("json") == "" || !strings.HasSuffix(f.Tag.Get("doc"), ".") {
			found = append(found, path+"."+f.Name)
		}
		found = append(found, undocumented(f.Type, path+"."+f.Name)...)
	}
	return found
}

func TestEveryFieldHasASentence(t *testing.T) {
	require.Empty(t, undocumented(reflect.TypeFor[[]scope.Scope](), ""))
}
