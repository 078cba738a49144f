package main

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"

	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/scope"
	"github.com/quellsec/quell/internal/secret"
)

// fieldTables writes a table of the keys of a struct, then one for each struct inside it.
type fieldTables struct {
	b       strings.Builder
	level   int
	visited map[reflect.Type]string // where a type is described already
}

// table writes the keys of one struct, given with its defaults.
func (f *fieldTables) table(v reflect.Value, path string) {
	type inner struct {
		value reflect.Value
		path  string
		doc   string
	}
	var inside []inner
	header(&f.b, "key", "value", "default", "what it does")
	each(v, func(name string, field reflect.StructField, value reflect.Value) {
		where := join(path, name)
		kind, element := kindOf(field.Type)
		doc := field.Tag.Get("doc")
		if element != nil {
			if known, ok := f.visited[element]; ok {
				doc += " Keys as of `" + known + "`."
			} else {
				if strings.HasPrefix(kind, "list") {
					where += "[]"
				}
				f.visited[element] = where
				inside = append(inside, inner{structValue(value, element), where, field.Tag.Get("doc")})
				kind += ", see [below](#" + anchor(where) + ")"
			}
		}
		row(&f.b, "`"+name+"`", kind, defaultOf(value), doc)
	})
	f.b.WriteString("\n")
	for _, in := range inside {
		f.b.WriteString(strings.Repeat("#", f.level+strings.Count(in.path, ".")) + " " + in.path + "\n\n" + in.doc + "\n\n")
		f.table(in.value, in.path)
	}
}

// each visits the keys of a struct, those of inlined structs too.
func each(v reflect.Value, visit func(name string, field reflect.StructField, value reflect.Value)) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case !field.IsExported() || name == "-":
		case strings.Contains(options, "inline"):
			each(v.Field(i), visit)
		default:
			if name == "" {
				name = strings.ToLower(field.Name)
			}
			visit(name, field, v.Field(i))
		}
	}
}

// structValue is the value of a nested struct with its defaults, where it has any.
func structValue(v reflect.Value, t reflect.Type) reflect.Value {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Type() == t {
		return v
	}
	return reflect.New(t).Elem()
}

// kindOf names a type for people, and gives the struct that it is made of, if any.
func kindOf(t reflect.Type) (name string, element reflect.Type) {
	switch t {
	case reflect.TypeFor[secret.String]():
		return "secret: `${env:NAME}` or `${file:/path}`", nil
	case reflect.TypeFor[scope.Duration]():
		return "duration: `90m`, `14d`, `2w`", nil
	case reflect.TypeFor[config.Size]():
		return "size: `512MiB`", nil
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return "text", nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return kindOf(t.Elem())
	case reflect.Struct:
		return "keys", t
	case reflect.Slice:
		of, inner := kindOf(t.Elem())
		if inner != nil {
			return "list", inner
		}
		return "list of " + of, nil
	case reflect.Map:
		return "keys and values", nil
	case reflect.Bool:
		return "`true` or `false`", nil
	case reflect.Int, reflect.Int64:
		return "whole number", nil
	case reflect.Float64:
		return "number", nil
	case reflect.Interface:
		return "keys of the connector: see [its page](connectors/README.md)", nil
	default:
		return "text", nil
	}
}

// defaultOf writes a default; nothing where there is none.
func defaultOf(v reflect.Value) string {
	if v.IsZero() || v.Kind() == reflect.Struct || v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct {
		return ""
	}
	if s, ok := v.Interface().(secret.String); ok {
		return s.String()
	}
	if text, ok := v.Interface().(encoding.TextMarshaler); ok {
		b, err := text.MarshalText()
		if err == nil {
			return "`" + string(b) + "`"
		}
	}
	if v.Kind() == reflect.Slice {
		items := make([]string, v.Len())
		for i := range items {
			items[i] = fmt.Sprint(v.Index(i).Interface())
		}
		return "`" + strings.Join(items, ", ") + "`"
	}
	return "`" + fmt.Sprint(v.Interface()) + "`"
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// anchor is the fragment that GitHub makes of a heading.
func anchor(heading string) string {
	return strings.ToLower(strings.NewReplacer(".", "", "[", "", "]", "", " ", "-").Replace(heading))
}
