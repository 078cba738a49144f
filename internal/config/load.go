package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/quellsec/quell/internal/fault"
)

// Connectors tells what the configuration of a connector looks like.
type Connectors interface {
	// Defaults makes a new configuration value of a connector holding its defaults: a
	// pointer to a struct. The second result is false where there is no such connector.
	Defaults(connector string) (any, bool)
	// Names are the connectors that there are.
	Names() []string
}

// Options say how to read.
type Options struct {
	Connectors Connectors
	// Environ looks up an environment variable; nil means os.LookupEnv.
	Environ func(name string) (string, bool)
	// Unresolved leaves references to secrets alone instead of reading them, to check a
	// file on a machine that doesn't hold them.
	Unresolved bool
}

// maxFile bounds the configuration file.
const maxFile = 4 << 20

// Load reads and checks a file. The error is a *ProblemsError that names everything wrong.
func Load(path string, opts Options) (*Config, error) {
	f, err := os.Open(path) // the operator names the file
	if err != nil {
		return nil, fault.New(fault.Invalid, "reading the configuration: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	body, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fault.New(fault.Invalid, "reading the configuration: %w", err)
	}
	return Parse(path, body, opts)
}

// Parse checks a file's text. The name is for messages.
func Parse(name string, body []byte, opts Options) (*Config, error) {
	if opts.Environ == nil {
		opts.Environ = os.LookupEnv
	}
	r := &reader{opts: opts, problems: &ProblemsError{File: name}}
	cfg := Default()
	if len(body) > maxFile {
		r.problems.at(nil, "", "the file is larger than %d bytes", maxFile)
		return nil, r.problems
	}
	var doc yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(body)).Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		r.yamlError(err, nil, "")
		return nil, r.problems.err()
	}
	if len(doc.Content) > 0 {
		r.decode(doc.Content[0], reflect.ValueOf(cfg).Elem(), "")
	}
	r.connectorConfigs(&doc, cfg)
	r.check(&doc, cfg)
	if err := r.problems.err(); err != nil {
		return nil, err
	}
	return cfg, nil
}

// reader collects the problems of one file.
type reader struct {
	opts     Options
	problems *ProblemsError
}

// decode resolves references, refuses unknown keys, and decodes a node into a value that
// holds the defaults.
func (r *reader) decode(n *yaml.Node, into reflect.Value, path string) {
	r.strict(n, into.Type(), path)
	if err := n.Decode(into.Addr().Interface()); err != nil {
		r.yamlError(err, n, path)
	}
}

// quoted is what package yaml repeats of a value in its messages: it may be a secret.
var quoted = regexp.MustCompile("`[^`]*`")

// located is the line that package yaml puts in front of its messages.
var located = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)

func (r *reader) yamlError(err error, n *yaml.Node, path string) {
	var types *yaml.TypeError
	texts := []string{err.Error()}
	if errors.As(err, &types) {
		texts = types.Errors
	}
	for _, text := range texts {
		p := Problem{Path: path, Column: 1}
		if n != nil {
			p.Line, p.Column = n.Line, n.Column
		}
		if m := located.FindStringSubmatch(text); m != nil {
			p.Line, _ = strconv.Atoi(m[1]) // the expression takes digits only
			text = text[len(m[0]):]
		}
		p.Text = strings.TrimPrefix(quoted.ReplaceAllString(text, "the value"), "yaml: ")
		r.problems.List = append(r.problems.List, p)
	}
}

var reference = regexp.MustCompile(`^\$\{(env|file):([^}]+)\}$`)

// resolve replaces a scalar that is a reference by what it refers to. A secret that is
// written out is refused.
func (r *reader) resolve(n *yaml.Node, path string, isSecret bool) {
	m := reference.FindStringSubmatch(n.Value)
	if m == nil {
		if isSecret && n.Value != "" && n.Tag != "!!null" {
			r.problems.at(n, path, "a secret is never written into the file: use ${env:NAME} or ${file:/path}")
			n.SetString("")
		}
		return
	}
	if r.opts.Unresolved {
		return
	}
	value, err := r.lookUp(m[1], m[2])
	if err != nil {
		r.problems.at(n, path, "%v", err)
		return
	}
	n.SetString(value)
}

// maxSecret bounds a file that holds a secret.
const maxSecret = 64 << 10

func (r *reader) lookUp(kind, name string) (string, error) {
	if kind == "env" {
		value, ok := r.opts.Environ(name)
		if !ok {
			return "", fmt.Errorf("the environment variable %s is not set", name)
		}
		return value, nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return "", fmt.Errorf("reading the file that holds the value: %w", err)
	}
	if info.Size() > maxSecret || !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no regular file of at most %d bytes", name, maxSecret)
	}
	b, err := os.ReadFile(name) // the operator names the file
	if err != nil {
		return "", fmt.Errorf("reading the file that holds the value: %w", err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}
