package config

import (
	"encoding"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/quellsec/quell/internal/scope"
	"github.com/quellsec/quell/internal/secret"
)

var (
	secretType      = reflect.TypeFor[secret.String]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	yamlUnmarshaler = reflect.TypeFor[yaml.Unmarshaler]()
)

// strict walks a node along the type that it will be decoded into: it resolves references
// and reports keys that the type doesn't have.
func (r *reader) strict(n *yaml.Node, t reflect.Type, path string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n.Kind == yaml.AliasNode {
		r.problems.at(n, path, "anchors and aliases are not supported: write the value out")
		return
	}
	if n.Kind == yaml.ScalarNode {
		r.resolve(n, path, t == secretType)
		r.text(n, t, path)
		r.sort(n, t, path)
		return
	}
	if t == secretType {
		r.problems.at(n, path, "a secret is a reference: ${env:NAME} or ${file:/path}")
		return
	}
	if reflect.PointerTo(t).Implements(textUnmarshaler) || reflect.PointerTo(t).Implements(yamlUnmarshaler) {
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		r.strictStruct(n, t, path)
	case reflect.Slice:
		for i, item := range n.Content {
			if n.Kind == yaml.SequenceNode {
				r.strict(item, t.Elem(), path+"["+strconv.Itoa(i)+"]")
			}
		}
	case reflect.Map:
		for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			r.strict(n.Content[i+1], t.Elem(), join(path, n.Content[i].Value))
		}
	default: // an interface is decoded by whoever knows what belongs there
	}
}

// text tries a scalar on a type that reads itself from text, so that its complaint gets a
// line. The value is not repeated: it may be a secret in the wrong place.
func (r *reader) text(n *yaml.Node, t reflect.Type, path string) {
	into, ok := reflect.New(t).Interface().(encoding.TextUnmarshaler)
	if !ok || t == secretType || n.Tag == "!!null" {
		return
	}
	if err := into.UnmarshalText([]byte(n.Value)); err != nil {
		text := err.Error()
		if n.Value != "" {
			text = strings.ReplaceAll(text, n.Value, "…")
		}
		r.problems.at(n, path, "%s", text)
		n.Tag, n.Value = "!!null", ""
	}
}

// sort complains of a scalar that is of another sort than its key wants, as the decoder
// would, but in the words of whoever writes the file.
func (r *reader) sort(n *yaml.Node, t reflect.Type, path string) {
	into := reflect.New(t)
	_, reads := into.Interface().(encoding.TextUnmarshaler)
	if n.Tag == "!!null" || reads || reference.MatchString(n.Value) || reflect.PointerTo(t).Implements(yamlUnmarshaler) {
		return
	}
	var wants string
	switch t.Kind() {
	case reflect.Bool:
		wants = "is true or false"
	case reflect.Int, reflect.Int64:
		wants = "is a whole number"
	case reflect.Float64:
		wants = "is a number"
	case reflect.Slice:
		wants = "is a list: write it in brackets, or each entry on a line that begins with a dash"
	case reflect.Struct, reflect.Map:
		wants = "has keys of its own below it"
	default:
		return
	}
	cut := t.Kind() != reflect.Float64 && n.Tag == "!!float" // which the decoder does without a word
	if cut || n.Decode(into.Interface()) != nil {
		r.problems.at(n, path, "%s", wants)
		n.Tag, n.Value = "!!null", ""
	}
}

func (r *reader) strictStruct(n *yaml.Node, t reflect.Type, path string) {
	if n.Kind != yaml.MappingNode {
		return // the decoder says what it wants instead
	}
	fields := map[string]reflect.Type{}
	collectFields(t, fields)
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		field, ok := fields[key.Value]
		switch {
		case seen[key.Value]:
			r.problems.at(key, join(path, key.Value), "is given twice")
		case ok:
			r.strict(value, field, join(path, key.Value))
		default:
			r.unknown(key, fields, path)
		}
		seen[key.Value] = true
	}
}

func (r *reader) unknown(key *yaml.Node, fields map[string]reflect.Type, path string) {
	known := make([]string, 0, len(fields))
	for name := range fields {
		known = append(known, name)
	}
	slices.Sort(known)
	if like := scope.Nearest(key.Value, known); like != "" {
		r.problems.at(key, path, "unknown key %q; did you mean %q?", key.Value, like)
		return
	}
	r.problems.at(key, path, "unknown key %q; known are %s", key.Value, strings.Join(known, ", "))
}

// collectFields finds the keys of a struct by its yaml tags, those of inlined structs too.
func collectFields(t reflect.Type, into map[string]reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case strings.Contains(options, "inline"):
			collectFields(f.Type, into)
		case name == "-":
		case name != "":
			into[name] = f.Type
		default:
			into[strings.ToLower(f.Name)] = f.Type
		}
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
