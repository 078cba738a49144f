package declarative

import (
	"fmt"
	"html"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
)

// mostTexts is how many of a list's elements are taken.
const mostTexts = 1000

// functions are ours, beside CEL's own and its strings, encoders and regex extensions.
// Those that take a value of any type take a missing one too.
func functions() cel.EnvOption {
	lax := func(name string, result *cel.Type, of func(ref.Val) ref.Val) cel.EnvOption {
		return cel.Function(name, cel.Overload(name+"_dyn", []*cel.Type{cel.DynType}, result, cel.OverloadIsNonStrict(), cel.UnaryBinding(func(v ref.Val) ref.Val { return of(present(v)) })))
	}
	onText := func(name string, of func(string) string) cel.EnvOption {
		return lax(name, cel.StringType, func(v ref.Val) ref.Val { return types.String(of(textOf(v))) })
	}
	all := []cel.EnvOption{
		onText("text", func(s string) string { return s }),
		onText("plain", connectors.Plain),
		onText("slug", slug),
		onText("host", func(s string) string { return connectors.ParseAddress(s).Host }),
		onText("port", func(s string) string { return connectors.ParseAddress(s).Port }),
		onText("path", func(s string) string { return connectors.ParseAddress(s).Path }),
		onText("origin", origin),
		onText("location", func(s string) string { return connectors.ParseAddress(s).Location() }),
		onText("time", func(s string) string { return stamp(wire.Moment(s)) }),
		lax("number", cel.DynType, func(v ref.Val) ref.Val {
			if f, ok := numberOf(v); ok {
				return types.Double(f)
			}
			return types.NullValue
		}),
		lax("listOf", cel.ListType(cel.DynType), listOf),
		lax("links", cel.ListType(cel.StringType), func(v ref.Val) ref.Val {
			return types.DefaultTypeAdapter.NativeToValue(links(textOf(v)))
		}),
		cel.Function("time", cel.Overload("time_dyn_string", []*cel.Type{cel.DynType, cel.StringType}, cel.StringType, cel.OverloadIsNonStrict(),
			cel.BinaryBinding(func(v, layout ref.Val) ref.Val {
				t, err := time.Parse(textOf(layout), strings.TrimSpace(textOf(present(v))))
				if err != nil {
					return types.String("")
				}
				return types.String(stamp(t))
			}))),
	}
	return func(env *cel.Env) (*cel.Env, error) {
		var err error
		for _, option := range all {
			if env, err = option(env); err != nil {
				return nil, err
			}
		}
		return env, nil
	}
}

// present makes nil of what is missing.
func present(v ref.Val) ref.Val {
	if v == nil || types.IsUnknownOrError(v) || v == types.NullValue {
		return nil
	}
	if o, ok := v.(*types.Optional); ok {
		if !o.HasValue() {
			return nil
		}
		return present(o.GetValue())
	}
	return v
}

// textOf is a value as text: an element's own text, a list's texts in lines.
func textOf(v ref.Val) string {
	switch v := present(v).(type) {
	case nil:
		return ""
	case types.String:
		return string(v)
	case types.Double:
		return strconv.FormatFloat(float64(v), 'f', -1, 64)
	case types.Timestamp:
		return stamp(v.Time)
	case traits.Mapper:
		if own, ok := v.Find(types.String("#text")); ok {
			return textOf(own)
		}
		return ""
	case traits.Lister:
		return strings.Join(textsOf(v), "\n")
	case types.Bool, types.Int, types.Uint:
		return fmt.Sprint(v.Value())
	}
	return ""
}

// textsOf is a value as texts: of a list each element's, else the one.
func textsOf(v ref.Val) []string {
	list, ok := present(v).(traits.Lister)
	if !ok {
		if s := textOf(v); s != "" {
			return []string{s}
		}
		return nil
	}
	var out []string
	for it := list.Iterator(); it.HasNext() == types.True && len(out) < mostTexts; {
		if s := textOf(it.Next()); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func numberOf(v ref.Val) (float64, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(textOf(v)), 64)
	return f, err == nil && f == f && f-f == 0 // neither NaN nor infinite
}

// listOf makes a list of what is one, one of what isn't, and an empty one of nothing.
func listOf(v ref.Val) ref.Val {
	switch v := v.(type) {
	case nil:
		return types.DefaultTypeAdapter.NativeToValue([]ref.Val{})
	case traits.Lister:
		return v.(ref.Val) //nolint:forcetypeassert // every CEL list is a value
	case types.String:
		if v == "" { // an element without content
			return types.DefaultTypeAdapter.NativeToValue([]ref.Val{})
		}
	}
	return types.DefaultTypeAdapter.NativeToValue([]ref.Val{v})
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func origin(target string) string {
	a := connectors.ParseAddress(target)
	if a.Scheme == "" || a.Host == "" {
		return ""
	}
	host := a.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if a.Port == "" || a.Scheme == "http" && a.Port == "80" || a.Scheme == "https" && a.Port == "443" {
		return a.Scheme + "://" + host
	}
	return a.Scheme + "://" + net.JoinHostPort(a.Host, a.Port)
}

// slug makes an ID of a name: "Backup file" is backup-file.
func slug(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(text), func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9')
	}), "-")
}

// link is how an address begins in a text, and how far it goes.
var link = regexp.MustCompile(`https?://[^\s"'<>()]+`)

// links gives the addresses in a text, each once.
func links(text string) []string {
	out := []string{}
	seen := map[string]bool{}
	for _, address := range link.FindAllString(text, mostTexts) {
		if address = strings.TrimRight(html.UnescapeString(address), ".,;"); !seen[address] {
			seen[address] = true
			out = append(out, address)
		}
	}
	return out
}
