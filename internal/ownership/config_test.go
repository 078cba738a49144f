package ownership_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/quellsec/quell/internal/ownership"
)

func TestItIsConfiguredAsPeopleWriteIt(t *testing.T) {
	var got ownership.Config
	dec := yaml.NewDecoder(strings.NewReader(`
teams:
  - {name: web, aliases: [shop-*], channel: "#web"}
route:
  reminder_before: [3d, 24h]
  escalation: [{after: 1d, to: "@ann"}]
  children:
    - match: ["tag.env=prod", "source!=lab-*"]
      team: web
      continue: true
      channel: "#shop"
unowned: [{after: 0s, to: escalation}, {after: 2w, to: web}]
`))
	dec.KnownFields(true)
	require.NoError(t, dec.Decode(&got))
	_, errs := ownership.Compile(got)
	require.Empty(t, errs)
	require.Equal(t, "3d", got.Route.ReminderBefore[0].String())
	require.Equal(t, "14d", got.Unowned[1].After.String())
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
		if f.Tag.Get("yaml") == "-" || f.Type == reflect.TypeFor[[]ownership.Node]() {
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
	require.Empty(t, undocumented(reflect.TypeFor[ownership.Config](), ""))
}
