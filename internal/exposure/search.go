package exposure

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// Searches reports whether the filter asks for what no index knows: what stands in the
// vendor's own fields, or any text of an exposure. It is answered by looking.
func (f *Filter) Searches() bool { return f.Search != "" || len(f.Vendor) > 0 }

// Finds reports whether an exposure has what the filter searches for.
func (f *Filter) Finds(e *Exposure) bool {
	for _, want := range f.Vendor {
		if !vendorHas(e, want) {
			return false
		}
	}
	return f.Search == "" || mentions(e, strings.ToLower(f.Search))
}

// vendorHas reports whether a finding's vendor fields have KEY=VALUE, or KEY at all. Keys
// of inner objects are joined by dots. Case is no matter.
func vendorHas(e *Exposure, want string) bool {
	key, value, valued := strings.Cut(want, "=")
	path := strings.Split(key, ".")
	for i := range e.Findings {
		raw := e.Findings[i].Vendor
		if len(raw) == 0 {
			continue
		}
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		var fields any
		if dec.Decode(&fields) == nil && reaches(fields, path, func(v any) bool { return !valued || says(v, value) }) {
			return true
		}
	}
	return false
}

// reaches walks a path of keys, through lists too, and asks of what stands at its end. A
// key that has a dot itself is found as well.
func reaches(v any, path []string, ask func(any) bool) bool {
	if len(path) == 0 {
		return ask(v)
	}
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			for n := 1; n <= len(path); n++ {
				if strings.EqualFold(name, strings.Join(path[:n], ".")) && reaches(inner, path[n:], ask) {
					return true
				}
			}
		}
	case []any:
		for _, inner := range v {
			if reaches(inner, path, ask) {
				return true
			}
		}
	}
	return false
}

func says(v any, value string) bool {
	switch v := v.(type) {
	case string:
		return strings.EqualFold(v, value)
	case json.Number:
		return v.String() == value
	case bool:
		return strings.EqualFold(strconv.FormatBool(v), value)
	case []any:
		for _, inner := range v {
			if says(inner, value) {
				return true
			}
		}
	case nil:
		return value == "null"
	}
	return false
}

// mentions reports whether any text of an exposure has a text in it, in lower case.
func mentions(e *Exposure, text string) bool {
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	if has(e.Title) || has(e.Weakness) || has(e.Location) || has(e.AssetName) || has(e.Fix) {
		return true
	}
	for i := range e.Findings {
		f := &e.Findings[i]
		if has(f.Title) || has(f.Check) || has(f.Description) || has(f.Target) || has(strings.Join(f.CVEs, " ")) || has(strings.Join(f.Advisories, " ")) ||
			has(strings.Join(f.Tags, " ")) || bytes.Contains(bytes.ToLower(f.Vendor), []byte(text)) {
			return true
		}
	}
	return false
}
