package cli

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/fault"
)

// defaultConfig is the configuration file where none is named.
const defaultConfig = "quell.yaml"

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check and show the configuration", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(a.configCheckCommand(), a.configShowCommand())
	return cmd
}

func (a *app) configCheckCommand() *cobra.Command {
	var resolve bool
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Check a configuration file, offline: every problem at once",
		Long: "Check a configuration file (quell.yaml if none is named) without a daemon. Every problem is printed with its file, line, column and what to do; " +
			"the exit status is 1 if there is any. References to secrets are left alone unless --resolve is given.",
		Example: "  quell config check deploy/quell.yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			name := fileArg(args)
			cfg, err := a.load(name, !resolve)
			var problems *config.ProblemsError
			if errors.As(err, &problems) {
				return a.problems(problems)
			}
			if err != nil {
				return err
			}
			a.sayf("%s: no problems (%s, %s, %s)", clean(name), count(len(cfg.Sources), "source"), count(len(cfg.Scopes), "scope"), count(len(cfg.Owners.Teams), "team"))
			return nil
		},
	}
	cmd.Flags().BoolVar(&resolve, "resolve", false, "also read the secrets that the file refers to")
	return cmd
}

// problems prints what is wrong with a file as compilers do, so that editors can jump to it.
func (a *app) problems(p *config.ProblemsError) error {
	for _, one := range p.List {
		if a.json {
			line := struct {
				File   string `json:"file"`
				Line   int    `json:"line,omitempty"`
				Column int    `json:"column,omitempty"`
				Path   string `json:"path,omitempty"`
				Text   string `json:"text"`
			}{p.File, one.Line, one.Column, one.Path, one.Text}
			b, err := json.Marshal(line)
			if err != nil {
				return fault.Wrap(fault.Internal, err, "encoding a problem")
			}
			if err := a.line(raw(b)); err != nil {
				return err
			}
		}
	}
	if !a.json {
		a.notef("%s", cleanLines(p.Error(), ""))
	}
	return exitError{code: ExitFailed}
}

func (a *app) configShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show [FILE]",
		Short: "Show a configuration with its defaults, without its secrets",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			cfg, err := a.load(fileArg(args), true)
			if err != nil {
				return err
			}
			var b bytes.Buffer
			enc := yaml.NewEncoder(&b)
			enc.SetIndent(2)
			if err := enc.Encode(shown(reflect.ValueOf(cfg))); err != nil {
				return fault.Wrap(fault.Internal, err, "writing the configuration")
			}
			a.sayf("%s", cleanLines(b.String(), ""))
			return nil
		},
	}
}

func fileArg(args []string) string {
	if len(args) == 0 {
		return defaultConfig
	}
	return args[0]
}

// load reads a configuration. Its name in messages is the one that the caller used.
func (a *app) load(name string, unresolved bool) (*config.Config, error) {
	cfg, err := config.Load(a.path(name), config.Options{Connectors: builtin.Catalog{}, Environ: a.Environ, Unresolved: unresolved})
	if err != nil {
		return nil, err
	}
	return cfg, nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// shown is a configuration as a YAML node: keys in the order of the structs, secrets as
// "[redacted]" where there are any, and nothing for what is empty.
func shown(v reflect.Value) *yaml.Node {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	// A secret marshals itself as "[redacted]", and is zero where there is none.
	if text, ok := v.Interface().(encoding.TextMarshaler); ok {
		if v.IsZero() {
			return nil
		}
		b, err := text.MarshalText()
		if err != nil {
			return scalar("(" + err.Error() + ")")
		}
		return scalar(string(b))
	}
	switch v.Kind() {
	case reflect.Struct:
		return shownStruct(v)
	case reflect.Slice:
		return shownList(v)
	case reflect.Map:
		node := &yaml.Node{Kind: yaml.MappingNode}
		keys := v.MapKeys() // of strings, in every configuration there is
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			put(node, key.String(), shown(v.MapIndex(key)))
		}
		return orNil(node)
	default:
		if v.IsZero() {
			return nil
		}
		var node yaml.Node
		if err := node.Encode(v.Interface()); err != nil {
			return scalar("(" + err.Error() + ")")
		}
		return &node
	}
}

func shownStruct(v reflect.Value) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case !f.IsExported() || name == "-":
		case strings.Contains(options, "inline"):
			if inner := shown(v.Field(i)); inner != nil {
				node.Content = append(node.Content, inner.Content...)
			}
		default:
			if name == "" {
				name = strings.ToLower(f.Name)
			}
			put(node, name, shown(v.Field(i)))
		}
	}
	return orNil(node)
}

func shownList(v reflect.Value) *yaml.Node {
	node := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range v.Len() {
		item := shown(v.Index(i))
		if item == nil {
			item = &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
		}
		node.Content = append(node.Content, item)
	}
	return orNil(node)
}

func orNil(node *yaml.Node) *yaml.Node {
	if len(node.Content) == 0 {
		return nil
	}
	return node
}

func put(node *yaml.Node, key string, value *yaml.Node) {
	if value != nil {
		node.Content = append(node.Content, scalar(key), value)
	}
}

func scalar(text string) *yaml.Node {
	var node yaml.Node
	node.SetString(text)
	return &node
}
