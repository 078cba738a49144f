package jira

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
)

// rules are the compiled expressions of a configuration.
type rules struct {
	routes      []cel.Program
	fields      map[string]cel.Program
	campaign    map[string]cel.Program // fields of campaigns' tickets
	transitions map[string]cel.Program
}

const (
	longestExpression = 4 << 10
	costliest         = 100_000
)

// language is what expressions see: an issue, and nothing that reaches outside.
func language() (*cel.Env, error) {
	text, list, dict := cel.StringType, cel.ListType(cel.StringType), cel.MapType(cel.StringType, cel.StringType)
	env, err := cel.NewEnv(
		cel.Variable("owner", text), cel.Variable("severity", text), cel.Variable("decision", text), cel.Variable("fix", text),
		cel.Variable("title", text), cel.Variable("marker", text), cel.Variable("due", text),
		cel.Variable("scopes", list), cel.Variable("cves", list), cel.Variable("sources", list),
		cel.Variable("facts", dict), cel.Variable("labels", dict),
		cel.OptionalTypes(), cel.CrossTypeNumericComparisons(true), cel.ParserExpressionSizeLimit(longestExpression),
		ext.Strings(ext.StringsVersion(2)),
	)
	if err != nil {
		return nil, fmt.Errorf("making the language of expressions: %w", err)
	}
	return env, nil
}

func compileRules(c *Config) (*rules, []error) {
	env, err := language()
	if err != nil {
		return nil, []error{err}
	}
	var problems []error
	compile := func(key, text string, boolean bool) cel.Program {
		program, err := compile(env, text, boolean)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", key, err))
		}
		return program
	}
	r := &rules{fields: map[string]cel.Program{}, campaign: map[string]cel.Program{}, transitions: map[string]cel.Program{}}
	for i := range c.Routes {
		r.routes = append(r.routes, compile(fmt.Sprintf("routes[%d].when", i), c.Routes[i].When, true))
	}
	for _, id := range slices.Sorted(maps.Keys(c.Fields)) {
		r.fields[id] = compile("fields."+id, c.Fields[id], false)
	}
	for _, id := range slices.Sorted(maps.Keys(c.CampaignFields)) {
		r.campaign[id] = compile("campaign_fields."+id, c.CampaignFields[id], false)
	}
	for _, id := range slices.Sorted(maps.Keys(c.TransitionFields)) {
		r.transitions[id] = compile("transition_fields."+id, c.TransitionFields[id], false)
	}
	return r, problems
}

func compile(env *cel.Env, text string, boolean bool) (cel.Program, error) {
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		if all := issues.Errors(); len(all) > 0 {
			message, _, _ := strings.Cut(all[0].Message, "\n")
			return nil, fmt.Errorf("column %d: %s", all[0].Location.Column()+1, message)
		}
		return nil, issues.Err()
	}
	if boolean && !checked.OutputType().IsExactType(cel.BoolType) && !checked.OutputType().IsExactType(cel.DynType) {
		return nil, fmt.Errorf("gives a %s, and no truth", checked.OutputType())
	}
	program, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(costliest), cel.InterruptCheckFrequency(100))
	if err != nil {
		return nil, fmt.Errorf("compiling: %w", err)
	}
	return program, nil
}

// seen is what expressions see of an issue. All of them are there, empty or not.
func seen(issue *connectors.Issue) map[string]any {
	fact := func(name string) string { return issue.Facts[name] }
	list := func(name string) []string {
		out := []string{}
		for part := range strings.SplitSeq(fact(name), ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
		return out
	}
	due := ""
	if !issue.Due.IsZero() {
		due = issue.Due.UTC().Format(time.DateOnly)
	}
	filled := func(m map[string]string) map[string]string {
		if m == nil {
			return map[string]string{}
		}
		return m
	}
	return map[string]any{
		"owner": or(issue.Team, fact("owner")), "severity": or(fact("severity"), issue.Labels["severity"]), "decision": or(issue.Priority, fact("decision")),
		"fix": fact("fix"), "title": issue.Title, "marker": issue.Marker, "due": due,
		"scopes": list("scopes"), "cves": list("cves"), "sources": list("sources"), "facts": filled(issue.Facts), "labels": filled(issue.Labels),
	}
}

// destination is where a ticket goes.
func (t *Tracker) destination(issue *connectors.Issue) Route {
	out := Route{Project: t.config.Project, IssueType: t.config.IssueType, Components: t.config.Components, Assignee: t.config.Assignee}
	if issue.Campaign { // it is above tickets of many owners: no route is for it
		out.IssueType = or(t.config.CampaignType, "Epic")
		return out
	}
	vars := seen(issue)
	for i, program := range t.rules.routes {
		v, _, err := program.Eval(vars)
		if err != nil || v != types.True { // an expression that fails fits nothing
			continue
		}
		r := t.config.Routes[i]
		out.Project, out.IssueType, out.Assignee = or(r.Project, out.Project), or(r.IssueType, out.IssueType), or(r.Assignee, out.Assignee)
		if len(r.Components) > 0 {
			out.Components = r.Components
		}
		break
	}
	return out
}

// evaluate gives the value of a field as JSON.
func evaluate(key string, program cel.Program, issue *connectors.Issue) (json.RawMessage, error) {
	v, _, err := program.Eval(seen(issue))
	if err != nil {
		return nil, fault.New(fault.Invalid, "evaluating %s: %w", key, err)
	}
	native, err := v.ConvertToNative(reflect.TypeFor[*structpb.Value]())
	if err != nil {
		return nil, fault.New(fault.Invalid, "evaluating %s: what it gives is no JSON", key)
	}
	value, ok := native.(*structpb.Value)
	if !ok {
		return nil, fault.New(fault.Invalid, "evaluating %s: what it gives is no JSON", key)
	}
	raw, err := value.MarshalJSON()
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "evaluating "+key)
	}
	return raw, nil
}
