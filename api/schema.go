package api

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// schemas makes JSON Schemas of Go types as encoding/json writes them. Structs become
// components, named as in Go.
type schemas struct {
	named map[string]any
	types map[string]reflect.Type // whose name it is
	enums map[reflect.Type][]string
}

func newSchemas() *schemas {
	return &schemas{named: map[string]any{}, types: map[string]reflect.Type{}, enums: map[reflect.Type][]string{
		reflect.TypeFor[exposure.State]():           strs(exposure.States()),
		reflect.TypeFor[exposure.DecisionOutcome](): append(strs(outcomes()), ""),
		reflect.TypeFor[exposure.Severity]():        strs(severities()),
		reflect.TypeFor[exposure.EventKind]():       strs(exposure.EventKinds()),
		reflect.TypeFor[exposure.Mode]():            {string(exposure.ModeStore), string(exposure.ModeWorkflow)},
		reflect.TypeFor[exposure.DeliveryStatus]():  strs(deliveryStatuses()),
		reflect.TypeFor[exposure.HoldOutcome]():     {"approved", "rejected", "timed_out", "superseded"},
		reflect.TypeFor[exposure.Condition]():       strs(exposure.Conditions()),
		reflect.TypeFor[asset.Kind]():               strs(assetKinds()),
		reflect.TypeFor[lifecycle.DecisionKind]():   strs(lifecycle.DecisionKinds()),
		reflect.TypeFor[Role]():                     strs(Roles()),
		reflect.TypeFor[fault.Kind]():               strs(kinds()),
	}}
}

func kinds() []fault.Kind {
	return []fault.Kind{fault.Invalid, fault.NotFound, fault.Denied, fault.Conflict, fault.Throttled, fault.Unavailable, fault.Internal}
}

func strs[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

func ref(name string) map[string]any { return map[string]any{"$ref": "#/components/schemas/" + name} }

// of is the schema of a value's type.
func (s *schemas) of(v any) map[string]any { return s.ofType(reflect.TypeOf(v)) }

func (s *schemas) ofType(t reflect.Type) map[string]any {
	switch {
	case t.Kind() == reflect.Pointer:
		return s.ofType(t.Elem())
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[json.RawMessage]():
		return map[string]any{} // any value
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return map[string]any{"type": "string"}
	}
	switch t.Kind() {
	case reflect.String:
		if values, ok := s.enums[t]; ok {
			return map[string]any{"type": "string", "enum": values}
		}
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return map[string]any{"type": "integer", "format": "int64"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": s.ofType(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": s.ofType(t.Elem())}
	case reflect.Interface:
		return map[string]any{}
	case reflect.Struct:
		return s.ofStruct(t)
	default: // the tests meet every type of the table
		panic("no JSON Schema for " + t.String())
	}
}

func (s *schemas) ofStruct(t reflect.Type) map[string]any {
	name := schemaName(t)
	if other, ok := s.types[name]; ok {
		if other != t {
			panic("two types are called " + name + " in the OpenAPI document: " + t.String() + " and " + other.String())
		}
		return ref(name)
	}
	s.types[name] = t
	properties, required := map[string]any{}, []string{}
	s.fields(t, properties, &required)
	schema := map[string]any{"type": "object", "properties": properties}
	if len(required) > 0 {
		schema["required"] = required
	}
	s.named[name] = schema
	return ref(name)
}

// schemaName is the type's name, with those of its arguments: Page[api.Summary] is
// PageSummary. The two kinds of events, and packages' own names, are told apart.
func schemaName(t reflect.Type) string {
	name, args, generic := strings.Cut(t.Name(), "[")
	if generic {
		arg := args[strings.LastIndexByte(args, '.')+1:]
		return name + strings.TrimSuffix(arg, "]")
	}
	if t == reflect.TypeFor[lifecycle.Comment]() {
		return "TicketComment"
	}
	if campaigns := reflect.TypeFor[campaign.Campaign](); t.PkgPath() == campaigns.PkgPath() && t != campaigns {
		return "Campaign" + name
	}
	return name
}

// fields adds the fields of a struct as encoding/json writes them, embedded ones among
// the others.
func (s *schemas) fields(t reflect.Type, properties map[string]any, required *[]string) {
	for f := range t.Fields() {
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && tag == "" {
			s.fields(f.Type, properties, required)
			continue
		}
		if !f.IsExported() || tag == "-" {
			continue
		}
		if tag == "" {
			tag = f.Name
		}
		properties[tag] = s.ofType(f.Type)
		if !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero") {
			*required = append(*required, tag)
		}
	}
}
