package wire

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
)

// Rest is what a vendor's object says beyond the fields that were mapped: the object
// without them, for a finding's Vendor. Values stay as they are, except that credentials
// are hidden; keys are sorted, so that the same object gives the same text. Nil where
// nothing is left. Where it would be larger than exposure.MaxVendor its largest fields
// go, and are named under "_left_out".
//
// A name with dots leads into objects: "cve.id" takes id out of cve.
func Rest(object []byte, mapped ...string) json.RawMessage {
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	var fields map[string]any
	if d.Decode(&fields) != nil {
		return nil
	}
	for _, name := range mapped {
		remove(fields, strings.Split(name, "."))
	}
	return Fields(fields)
}

// Fields makes a finding's Vendor of fields that have no place of ours, as Rest does.
// Empty values are left out.
func Fields(fields map[string]any) json.RawMessage {
	const least = 2 // {}
	kept, _ := hidden("", fields).(map[string]any)
	if len(kept) == 0 {
		return nil
	}
	out := encode(kept)
	var left []string
	for len(out) > exposure.MaxVendor && len(kept) > 0 {
		name := largest(kept)
		delete(kept, name)
		if len(name) <= 64 {
			left = append(left, name)
		}
		kept["_left_out"] = left
		out = encode(kept)
		if len(kept) == 1 {
			break
		}
	}
	if len(out) <= least || len(out) > exposure.MaxVendor {
		return nil
	}
	return out
}

func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return nil
	}
	return bytes.TrimSpace(b.Bytes())
}

func largest(fields map[string]any) (name string) {
	most := -1
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if key == "_left_out" {
			continue
		}
		if n := len(key) + len(encode(fields[key])); n > most {
			name, most = key, n
		}
	}
	return name
}

func remove(fields map[string]any, path []string) {
	if len(path) == 1 {
		delete(fields, path[0])
		return
	}
	if inner, ok := fields[path[0]].(map[string]any); ok {
		remove(inner, path[1:])
	}
}

// hidden gives a value without credentials and without empty containers and texts.
func hidden(key string, v any) any {
	switch v := v.(type) {
	case string:
		if credential(key) && v != "" {
			return "[redacted]"
		}
		if v = connectors.Redact(strings.ReplaceAll(v, "\x00", "")); v == "" {
			return nil
		}
		return v
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, inner := range v {
			if inner = hidden(k, inner); inner != nil {
				out[k] = inner
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, inner := range v {
			if inner = hidden(key, inner); inner != nil {
				out = append(out, inner)
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []string:
		if len(v) == 0 {
			return nil
		}
		out := make([]any, len(v))
		for i := range v {
			out[i] = v[i]
		}
		return hidden(key, out)
	case Text:
		return hidden(key, string(v))
	case Texts:
		return hidden(key, []string(v))
	case json.RawMessage:
		d := json.NewDecoder(bytes.NewReader(v))
		d.UseNumber()
		var inner any
		if d.Decode(&inner) != nil {
			return nil
		}
		return hidden(key, inner)
	}
	return v
}

var separators = strings.NewReplacer("-", "", "_", "", " ", "")

// credential reports whether a field of this name holds a secret.
func credential(key string) bool {
	key = strings.ToLower(separators.Replace(key))
	switch key {
	case "password", "passwd", "pwd", "secret", "secretkey", "clientsecret", "token", "accesstoken", "refreshtoken", "apikey", "apitoken",
		"authorization", "proxyauthorization", "cookie", "setcookie", "privatekey", "accesskey", "sessiontoken", "sessionid", "xapikey":
		return true
	}
	return false
}
