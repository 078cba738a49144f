package backstage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
)

// Limits of what is held at once. An API's definition is part of its entity.
const (
	largestEntity = 4 << 20
	largestFile   = 16 << 20
)

// entity is one of a catalog's, with what all kinds share.
type entity struct {
	APIVersion wire.Text `json:"apiVersion"`
	Kind       wire.Text `json:"kind"`
	Metadata   struct {
		Name        wire.Text            `json:"name"`
		Namespace   wire.Text            `json:"namespace"`
		Title       wire.Text            `json:"title"`
		Description wire.Text            `json:"description"`
		UID         wire.Text            `json:"uid"`
		Annotations map[string]wire.Text `json:"annotations"`
		Labels      map[string]wire.Text `json:"labels"`
		Tags        wire.Texts           `json:"tags"`
	} `json:"metadata"`
	Spec struct {
		Type           wire.Text  `json:"type"`
		Lifecycle      wire.Text  `json:"lifecycle"`
		Owner          wire.Text  `json:"owner"`
		System         wire.Text  `json:"system"`
		SubcomponentOf wire.Text  `json:"subcomponentOf"`
		DependsOn      wire.Texts `json:"dependsOn"`
		Provides       wire.Texts `json:"providesApis"`
		Consumes       wire.Texts `json:"consumesApis"`
		Parent         wire.Text  `json:"parent"`
		MemberOf       wire.Texts `json:"memberOf"`
		Profile        struct {
			DisplayName wire.Text `json:"displayName"`
			Email       wire.Text `json:"email"`
		} `json:"profile"`
	} `json:"spec"`
	Relations wire.List[relation] `json:"relations"`
}

// relation is one that the catalog has worked out.
type relation struct {
	Type   wire.Text `json:"type"`
	Ref    wire.Text `json:"targetRef"`
	Target struct {  // before targetRef
		Kind      wire.Text `json:"kind"`
		Namespace wire.Text `json:"namespace"`
		Name      wire.Text `json:"name"`
	} `json:"target"`
}

// fromYAML gives the documents of a catalog file as JSON, one after the other. What is
// wrong with the file comes up where it was found, behind the documents before it. A
// file is small and held whole: the parser of YAML can't be stopped in the middle.
func fromYAML(body io.Reader) io.Reader {
	text, err := io.ReadAll(io.LimitReader(body, largestFile+1))
	var out bytes.Buffer
	if len(text) > largestFile {
		err = syntax(fmt.Errorf("it is larger than %d bytes", largestFile))
	}
	if err != nil {
		return io.MultiReader(&out, failing{err})
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var document map[string]any
		switch err := d.Decode(&document); {
		case errors.Is(err, io.EOF):
			return &out
		case err != nil:
			return io.MultiReader(&out, failing{syntax(errors.New("it is no YAML of a catalog"))}) // the parser's words would repeat the file's
		case document == nil: // an empty document
			continue
		}
		line, err := json.Marshal(document)
		if err != nil {
			return io.MultiReader(&out, failing{syntax(errors.New("it has keys that are no texts"))})
		}
		out.Write(append(line, '\n'))
	}
}

func syntax(err error) error {
	return &connectors.SyntaxError{Position: connectors.Position{Line: 1}, Format: format, Err: err}
}

// failing is a reader that has gone wrong.
type failing struct{ err error }

// Read implements io.Reader.
func (f failing) Read([]byte) (int, error) { return 0, f.err }

// parse reads an entity; one has an API version, a kind and a name.
func parse(raw []byte) (*entity, bool) {
	var x entity
	if len(raw) == 0 || !wire.Unmarshal(raw, &x) || x.Kind == "" || x.Metadata.Name == "" || x.APIVersion == "" {
		return nil, false
	}
	return &x, true
}
