package probe

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/quellsec/quell/internal/fault"
)

// What a template directory may hold before it is taken for a mistake or an attack.
const (
	maxTemplateSize = 1 << 20
	maxTemplates    = 200_000
)

// Template is one installed template that a probe may run. Its digest pins it: a file
// that changes after the start is no longer run.
type Template struct {
	ID        string
	Path      string
	Digest    string   // SHA-256 of the file, hex
	CVEs      []string // upper case
	Protocols []string // of http, dns, tcp, ssl
	pinsTLS   bool     // asks for particular TLS versions or ciphers, so a refused handshake is an answer
}

// Label is how verdicts name the template: its id and digest.
func (t Template) Label() string { return t.ID + "@sha256:" + t.Digest }

// Refusal is a file in a template directory that won't be run, and why.
type Refusal struct {
	Path, ID, Why string
}

// Index is what is installed.
type Index struct {
	byID    map[string]Template
	byCVE   map[string][]string // CVE → template ids, sorted
	refused []Refusal
}

// LoadIndex reads template directories. Files that can't be read as templates or that
// a probe must not run are listed as refused; only a directory that can't be read is an
// error. Where two files have one id, the first in the order of directories and paths wins.
func LoadIndex(dirs ...string) (*Index, error) {
	x := &Index{byID: map[string]Template{}, byCVE: map[string][]string{}}
	for _, dir := range dirs {
		if err := filepath.WalkDir(dir, x.visit); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "reading template directory "+dir)
		}
	}
	for _, ids := range x.byCVE {
		slices.Sort(ids)
	}
	return x, nil
}

func (x *Index) visit(path string, entry fs.DirEntry, err error) error {
	switch {
	case err != nil:
		return err
	case !entry.Type().IsRegular(): // nor symlinks: they lead out of what is pinned
		return nil
	case len(x.byID)+len(x.refused) >= maxTemplates:
		return fmt.Errorf("more than %d templates", maxTemplates)
	}
	if ext := filepath.Ext(path); ext != ".yaml" && ext != ".yml" {
		return nil
	}
	t, err := readTemplate(path)
	if err == nil {
		if first, taken := x.byID[t.ID]; taken {
			err = fmt.Errorf("its id is taken by %s", first.Path)
		}
	}
	if err != nil {
		x.refused = append(x.refused, Refusal{Path: path, ID: t.ID, Why: err.Error()})
		return nil //nolint:nilerr // one bad file doesn't spoil the rest; it is listed
	}
	x.byID[t.ID] = t
	for _, cve := range t.CVEs {
		x.byCVE[cve] = append(x.byCVE[cve], t.ID)
	}
	return nil
}

// Refused lists the files that won't be run.
func (x *Index) Refused() []Refusal { return slices.Clone(x.refused) }

// Len is how many templates can be run.
func (x *Index) Len() int { return len(x.byID) }

// ByID finds a template, or says why there is none.
func (x *Index) ByID(id string) (Template, error) {
	if t, ok := x.byID[id]; ok {
		return t, nil
	}
	for _, r := range x.refused {
		if r.ID == id && id != "" {
			return Template{}, fmt.Errorf("template %s is installed but refused: %s", id, r.Why)
		}
	}
	return Template{}, fmt.Errorf("template %q is not installed at this probe", id)
}

// ByCVE finds the templates that claim a CVE.
func (x *Index) ByCVE(cve string) []Template {
	ids := x.byCVE[strings.ToUpper(strings.TrimSpace(cve))]
	found := make([]Template, 0, len(ids))
	for _, id := range ids {
		found = append(found, x.byID[id])
	}
	return found
}

// read gives the template's text, if it is still the one that was indexed.
func (t Template) read() ([]byte, error) {
	body, err := readCapped(t.Path)
	if err != nil {
		return nil, err
	}
	if digest(body) != t.Digest {
		return nil, fmt.Errorf("template %s changed since the probe started", t.ID)
	}
	return body, nil
}

func readCapped(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxTemplateSize {
		return nil, fmt.Errorf("not a regular file of at most %d bytes", maxTemplateSize)
	}
	return os.ReadFile(path)
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

func readTemplate(path string) (Template, error) {
	body, err := readCapped(path)
	if err != nil {
		return Template{}, err
	}
	t, err := parseTemplate(body)
	t.Path = path
	return t, err
}

// sections are the top-level keys that a template may have, and the protocol of those
// that hold requests.
var sections = map[string]string{
	"id": "", "info": "", "flow": "", "variables": "", "constants": "", "stop-at-first-match": "",
	"http": "http", "requests": "http", "dns": "dns", "tcp": "tcp", "network": "tcp", "ssl": "ssl",
}

// calls out of the sandbox that the expression language would make for itself, around
// the dialer that keeps everything else on target.
var outside = regexp.MustCompile(`(?i)(\binteractsh|!include:|\bjarm\s*\(|\bresolve\s*\(|\bllm_prompt\s*\()`)

// plainFlow is a flow that only says in which order to run requests. Any other flow is a
// JavaScript program.
var plainFlow = regexp.MustCompile(`^(?:\s|&&|\|\||[()!]|(?:http|dns|tcp|network|ssl)\([0-9, ]*\))*$`)

// templateID is what the engine accepts, too; it ends up in file names and verdicts.
var templateID = regexp.MustCompile(`^[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*$`)

// parseTemplate reads what the index needs and refuses what a probe must not run. With
// an error it still gives the id, where there is one.
func parseTemplate(body []byte) (Template, error) {
	var whole yaml.Node
	var top map[string]yaml.Node
	if err := yaml.Unmarshal(body, &whole); err != nil {
		return Template{}, fmt.Errorf("not a template: %w", err)
	}
	if err := whole.Decode(&top); err != nil {
		return Template{}, fmt.Errorf("not a template: %w", err)
	}
	t := Template{Digest: digest(body)}
	id := top["id"]
	if err := id.Decode(&t.ID); err != nil || !templateID.MatchString(t.ID) {
		return Template{}, errors.New("not a template: it has no id of letters, digits, - and _")
	}
	if aliased(&whole) {
		return t, errors.New("it has YAML anchors, behind which a setting could hide")
	}
	for _, key := range slices.Sorted(maps.Keys(top)) {
		protocol, known := sections[key]
		node := top[key]
		switch {
		case key == "self-contained" && node.Value == "false":
		case key == "self-contained":
			return t, errors.New("self-contained templates choose their own targets")
		case key == "workflows":
			return t, errors.New("workflows are not run; name a template")
		case !known:
			return t, fmt.Errorf("section %q is not run by a probe: only http, dns, tcp and ssl are", key)
		case protocol != "" && !slices.Contains(t.Protocols, protocol):
			t.Protocols = append(t.Protocols, protocol)
		}
		if protocol != "" {
			if err := checkRequests(&t, &node, protocol); err != nil {
				return t, fmt.Errorf("section %s: %w", key, err)
			}
		}
	}
	flow := top["flow"]
	switch {
	case len(t.Protocols) == 0:
		return t, errors.New("it makes no request")
	case !plainFlow.MatchString(flow.Value):
		return t, errors.New("its flow is a program, not just an order of requests")
	case outside.Match(body):
		return t, fmt.Errorf("it uses %q, which reaches outside the target", strings.TrimRight(outside.FindString(string(body)), "( "))
	}
	info := top["info"]
	t.CVEs = claimed(&info)
	return t, nil
}

func aliased(node *yaml.Node) bool {
	return node.Kind == yaml.AliasNode || node.Anchor != "" ||
		slices.ContainsFunc(node.Content, aliased)
}

// refusedKeys are settings of a request that leave the target, the rate limit or the
// pinned file, and why.
var refusedKeys = map[string]string{
	"self-contained":  "self-contained requests choose their own targets",
	"race":            "racing requests can't be kept to a rate",
	"pipeline":        "pipelined requests can't be kept to a rate",
	"threads":         "parallel requests can't be kept to a rate",
	"fuzzing":         "fuzzing is not a re-test",
	"unsafe":          "the engine makes up answers to failed raw requests",
	"digest-username": "digest authentication opens connections of its own",
	"signature":       "signed requests need credentials, and a probe has none",
	"global-matchers": "global matchers judge other templates",
	"resolvers":       "it names its own resolvers",
	"trace":           "tracing asks name servers all over the world",
}

func checkRequests(t *Template, node *yaml.Node, protocol string) error {
	var requests []map[string]yaml.Node
	if err := node.Decode(&requests); err != nil {
		return fmt.Errorf("not a list of requests: %w", err)
	}
	for _, request := range requests {
		for _, key := range slices.Sorted(maps.Keys(request)) {
			value := request[key]
			if why, refused := refusedKeys[key]; refused && value.Value != "false" && value.Value != "0" {
				return errors.New(why)
			}
		}
		if mode := request["scan_mode"]; mode.Value == "openssl" {
			return errors.New("it wants the openssl program, and a probe runs none")
		}
		payloads := request["payloads"]
		if err := inlinePayloads(&payloads); err != nil {
			return err
		}
		if protocol == "ssl" && (hasValue(request, "max_version") || hasValue(request, "min_version") || hasValue(request, "cipher_suites")) {
			t.pinsTLS = true
		}
	}
	return nil
}

func hasValue(request map[string]yaml.Node, key string) bool {
	node, ok := request[key]
	return ok && (node.Value != "" || len(node.Content) > 0)
}

// inlinePayloads refuses payloads from files: the template's digest wouldn't pin them.
func inlinePayloads(node *yaml.Node) error {
	if node.IsZero() {
		return nil
	}
	var payloads map[string]yaml.Node
	if err := node.Decode(&payloads); err != nil {
		return fmt.Errorf("payloads are not a mapping: %w", err)
	}
	for name := range payloads {
		if value := payloads[name]; value.Kind == yaml.ScalarNode && !strings.Contains(strings.TrimSpace(value.Value), "\n") {
			return fmt.Errorf("payload %q comes from a file, which the template's digest doesn't pin", name)
		}
	}
	return nil
}

var cveID = regexp.MustCompile(`^CVE-[0-9]{4}-[0-9]{4,}$`)

// claimed are the CVEs that a template's classification claims: a list, or one text
// with commas.
func claimed(info *yaml.Node) []string {
	var shape struct {
		Classification struct {
			CVE yaml.Node `yaml:"cve-id"`
		} `yaml:"classification"`
	}
	if info.IsZero() || info.Decode(&shape) != nil { // no classification that can be read: it claims nothing
		return nil
	}
	values := []string{shape.Classification.CVE.Value}
	for _, item := range shape.Classification.CVE.Content {
		values = append(values, item.Value)
	}
	var cves []string
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			if cve := strings.ToUpper(strings.TrimSpace(part)); cveID.MatchString(cve) && !slices.Contains(cves, cve) {
				cves = append(cves, cve)
			}
		}
	}
	slices.Sort(cves)
	return cves
}
