package priority_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/quellsec/quell/internal/priority"
)

func TestItIsConfiguredAsPeopleWriteIt(t *testing.T) {
	var got priority.Policy
	dec := yaml.NewDecoder(strings.NewReader(`
intel_max_age: 7d
epss_poc: 0.1
admit_from: attend
admit_within: 2w
due: {act: 72h, attend: 14d, track_star: 45d, track: 90d}
max_open: 2000
rate_per_minute: 120
urgent_within: 7d
pauses: {max: 30d}
exceptions:
  rules:
    - {decisions: [act], quorum: 2, max_term: 30d}
    - {decisions: [attend], quorum: 1, max_term: 90d}
    - {quorum: 1, max_term: 180d}
  approvers: [owner_manager, scope_owner, role_approver]
  mitigate: true
  false_positive_unasked: 90d
  request_expires: 14d
  remind: 3d
  ends_on: [kev, approver_gone]
`))
	dec.KnownFields(true)
	require.NoError(t, dec.Decode(&got))
	require.Equal(t, priority.DefaultPolicy(), got)
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
		if f.Tag.Get("yaml") == "-" || f.Type == reflect.TypeFor[[]priority.Policy]() {
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
	require.Empty(t, undocumented(reflect.TypeFor[priority.Policy](), ""))
}
