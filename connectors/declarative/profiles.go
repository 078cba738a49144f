package declarative

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/quellsec/quell/connectors/report"
)

//go:embed profiles/*.yaml
var profileFiles embed.FS

// readyMade is one profile, compiled when it is first needed. It never changes.
type readyMade struct {
	mapping Mapping
	compile func() (*compiled, error)
}

// readyMades reads all profiles, by name.
var readyMades = sync.OnceValue(func() map[string]*readyMade { //nolint:gochecknoglobals // constants, read once
	files, err := fs.Glob(profileFiles, "profiles/*.yaml")
	if err != nil {
		return nil // the pattern is a constant, and good
	}
	out := make(map[string]*readyMade, len(files))
	for _, file := range files {
		m, err := readProfile(file)
		out[strings.TrimSuffix(path.Base(file), ".yaml")] = &readyMade{m, sync.OnceValues(func() (*compiled, error) {
			if err != nil {
				return nil, err
			}
			env, err := language()
			if err != nil {
				return nil, err
			}
			c, problems := compileMapping(env, m)
			return c, errors.Join(problems...)
		})}
	}
	return out
})

func readProfile(file string) (Mapping, error) {
	var m Mapping
	text, err := profileFiles.ReadFile(file)
	if err != nil {
		return m, fmt.Errorf("reading %s: %w", file, err)
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&m); err != nil {
		return m, fmt.Errorf("reading %s: %w", file, err)
	}
	return m, nil
}

// Profiles are the names of the ready-made mappings.
func Profiles() []string { return slices.Sorted(maps.Keys(readyMades())) }

// profile gives a ready-made mapping.
func profile(name string) (*readyMade, error) {
	p := readyMades()[name]
	if p == nil {
		return nil, fmt.Errorf("there is no %q; there are %s", name, strings.Join(Profiles(), ", "))
	}
	return p, nil
}

// marked gives the profile whose marks a body's beginning bears; the most of them win.
func marked(head []byte) (name string, marks int) {
	for _, candidate := range Profiles() {
		r := readyMades()[candidate].mapping.Read
		if len(r.Marks) <= marks || !bears(head, r) {
			continue
		}
		name, marks = candidate, len(r.Marks)
	}
	return name, marks
}

// bears reports whether a body's beginning is of a format: by its first character, and by
// the marks.
func bears(head []byte, r Read) bool {
	head = report.Head(head)
	if len(head) == 0 {
		return false
	}
	switch r.Format {
	case "json", "jsonl":
		if head[0] != '{' && head[0] != '[' {
			return false
		}
	case "xml":
		if head[0] != '<' {
			return false
		}
	}
	for _, mark := range r.Marks {
		if !bytes.Contains(head, []byte(mark)) {
			return false
		}
	}
	return true
}
