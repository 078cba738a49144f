package sarif

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/asset"
)

// Limits of what is kept of one run while its results wait for it.
const (
	shortText    = 4 << 10
	largestItem  = 4 << 20 // one result, or one rule
	mostRules    = 20_000
	mostText     = 64 << 20  // of all rules together
	mostURIs     = 200_000   // of artifacts
	largestHeld  = 256 << 20 // results of a run, compressed
	mostBases    = 1000
	mostMentions = 100
)

// run is what a run says apart from its results.
type run struct {
	driver      component
	extensions  []component
	taxonomies  []component
	invocations []invocation
	bases       map[string]artifactLocation
	artifacts   []artifactLocation
	sources     []provenance
	props       runProperties
	id, guid    string // of automationDetails
	results     *jsonpull.Hold
	hasResults  bool
	external    bool // some of it lies in other files

	digest hash.Hash // of the results
	lost   int       // results that could not be read
	kept   int       // bytes of rules, so far
	asset  *asset.Description
	system string // of the packages in an image, in a report of trivy's
	root   []string
	rooted bool
}

// readRun reads a run. Its results are held: the tool, its rules and what was scanned may
// all come behind them.
func (d *decoding) readRun(e *report.Emitter, r *jsonpull.Reader) (*run, error) {
	n := &run{results: jsonpull.NewHold(largestHeld), bases: map[string]artifactLocation{}}
	err := r.Fields(func(key string) error {
		switch key {
		case "tool":
			return n.readTool(e, r)
		case "results":
			n.hasResults = n.hasResults || r.Kind() == jsonpull.Array
			return n.holdResults(e, r)
		case "invocations":
			list(r, &n.invocations, mostMentions)
		case "versionControlProvenance":
			list(r, &n.sources, mostMentions)
		case "artifacts":
			return n.readArtifacts(e, r)
		case "taxonomies":
			return n.readComponents(e, r, &n.taxonomies)
		case "originalUriBaseIds":
			r.Into(largestItem, &n.bases)
			if len(n.bases) > mostBases {
				n.bases = nil
			}
		case "automationDetails":
			var details struct{ ID, GUID string }
			r.Into(largestItem, &details)
			n.id, n.guid = details.ID, details.GUID
		case "properties":
			r.Into(largestItem, &n.props)
		case "externalPropertyFileReferences":
			var files struct{ Results, Artifacts []any }
			r.Into(largestItem, &files)
			n.external = len(files.Results) > 0
		}
		return nil
	})
	if err == nil && r.OK() && n.driver.name == "" {
		r.Fail("a run that doesn't name its tool: this is no SARIF")
	}
	return n, err
}

// list reads the elements of an array that have the shape, at most so many.
func list[T any](r *jsonpull.Reader, out *[]T, most int) {
	for a := r.Array(); r.Elem(a); {
		var v T
		if len(*out) == most {
			continue // Elem passes over it
		}
		if _, ok := r.Into(largestItem, &v); ok {
			*out = append(*out, v)
		}
	}
}

func (n *run) holdResults(e *report.Emitter, r *jsonpull.Reader) error {
	for a := r.Array(); r.Elem(a); {
		if err := e.Live(); err != nil {
			return err
		}
		raw := r.Raw(largestItem)
		switch {
		case !r.OK():
		case raw == nil:
			n.lost++
			e.Skip("result_too_large_or_null")
		case !n.results.Add(raw):
			r.Fail("more results in one run than fit: split the report")
		default:
			n.sum(raw)
		}
	}
	return nil
}

// sum adds a result to the digest that names a run which has no name.
func (n *run) sum(raw []byte) {
	if n.digest == nil {
		n.digest = sha256.New()
	}
	_, _ = n.digest.Write(raw) // a hash takes everything
}

// name is the run's own, if it has one, else a digest of its results.
func (n *run) name() string {
	if n.guid != "" {
		return connectors.Ident(n.guid)
	}
	if n.digest == nil {
		return connectors.Ident(n.id)
	}
	return connectors.Ident(n.id) + hex.EncodeToString(n.digest.Sum(nil)[:8])
}

func (n *run) readTool(e *report.Emitter, r *jsonpull.Reader) error {
	return r.Fields(func(key string) error {
		switch key {
		case "driver":
			return n.readComponent(e, r, &n.driver)
		case "extensions":
			return n.readComponents(e, r, &n.extensions)
		}
		return nil
	})
}

func (n *run) readComponents(e *report.Emitter, r *jsonpull.Reader, out *[]component) error {
	for a := r.Array(); r.Elem(a); {
		if len(*out) == mostBases {
			continue
		}
		var c component
		if err := n.readComponent(e, r, &c); err != nil {
			return err
		}
		*out = append(*out, c)
	}
	return nil
}

func (n *run) readComponent(e *report.Emitter, r *jsonpull.Reader, c *component) error {
	return r.Fields(func(key string) error {
		switch key {
		case "name":
			c.name = string(r.Text(shortText))
		case "fullName":
			c.fullName = string(r.Text(shortText))
		case "guid":
			c.guid = string(r.Text(shortText))
		case "semanticVersion":
			c.version = string(r.Text(shortText))
		case "version":
			if version := string(r.Text(shortText)); c.version == "" {
				c.version = version
			}
		case "globalMessageStrings":
			r.Into(largestItem, &c.messages)
		case "rules", "taxa":
			return n.readRules(e, r, c)
		}
		return nil
	})
}

// readRules keeps the rules as far as there is room for them. Those beyond keep their
// place, so that an index still leads to the right one.
func (n *run) readRules(e *report.Emitter, r *jsonpull.Reader, c *component) error {
	for a := r.Array(); r.Elem(a); {
		if err := e.Live(); err != nil {
			return err
		}
		if len(c.rules) == mostRules {
			continue
		}
		var v rule
		raw, _ := r.Into(largestItem, &v)
		if n.kept += len(raw); n.kept > mostText {
			v = rule{ID: v.ID}
		}
		c.rules = append(c.rules, v)
	}
	return nil
}

func (n *run) readArtifacts(e *report.Emitter, r *jsonpull.Reader) error {
	for a := r.Array(); r.Elem(a); {
		if err := e.Live(); err != nil {
			return err
		}
		if len(n.artifacts) == mostURIs {
			continue
		}
		var v struct{ Location artifactLocation }
		r.Into(largestItem, &v)
		if len(v.Location.URI) > shortText {
			v.Location.URI = ""
		}
		n.artifacts = append(n.artifacts, v.Location)
	}
	return nil
}

// ended reports whether the tool says that it ran to a good end.
func (n *run) ended() (well bool, why string) {
	for i := range n.invocations {
		v := &n.invocations[i]
		if v.Successful == nil || !bool(*v.Successful) {
			return false, "an invocation of the tool was not successful"
		}
		for _, note := range slices.Concat(v.Execution, v.Setup) {
			if note.Level == "error" {
				return false, "the tool tells of errors on the way"
			}
		}
	}
	return true, ""
}

// times are those of the first start and of the last end.
func (n *run) times() (start, end time.Time) {
	for i := range n.invocations {
		v := &n.invocations[i]
		if start.IsZero() || !v.Start.IsZero() && v.Start.Before(start) {
			start = v.Start.Time
		}
		if v.End.After(end) {
			end = v.End.Time
		}
	}
	return start, end
}

// tool is the tool as part of a check: "flawfinder", "codeql".
func (n *run) tool() string {
	name := strings.Join(strings.Fields(strings.ToLower(n.driver.name)), "-")
	if own, ok := own[name]; ok {
		return own
	}
	return "sarif:" + name
}

// checks are those which a whole scan of the tool's can vouch for. Trivy's scanners are
// switched on one by one, and one that found nothing leaves no trace in a SARIF report.
func (n *run) checks() []string {
	if !strings.EqualFold(n.driver.name, "trivy") {
		return []string{n.tool() + ":*"}
	}
	var out []string
	for i := range n.driver.rules {
		if scanner, ok := scanners[n.driver.rules[i].Name.String()]; ok && !slices.Contains(out, scanner) {
			out = append(out, scanner)
		}
	}
	return out
}
