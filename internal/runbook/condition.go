package runbook

import (
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

const (
	longestCondition = 4 << 10
	costliest        = 100_000
)

// language is what conditions see: an exposure and its asset, and nothing that reaches
// outside. Every field has its type, so that a name which isn't there is found when the
// configuration is read.
func language() (*cel.Env, error) {
	text, list, truth, dict := cel.StringType, cel.ListType(cel.StringType), cel.BoolType, cel.MapType(cel.StringType, cel.StringType)
	return cel.NewEnv( //nolint:wrapcheck // it is wrapped where it is called
		cel.Variable("exposure.id", text), cel.Variable("exposure.weakness", text), cel.Variable("exposure.title", text), cel.Variable("exposure.location", text),
		cel.Variable("exposure.severity", text), cel.Variable("exposure.decision", text), cel.Variable("exposure.state", text), cel.Variable("exposure.owner", text),
		cel.Variable("exposure.fix", text), cel.Variable("exposure.fixed_in", text), cel.Variable("exposure.verdict", text),
		cel.Variable("exposure.kev", truth), cel.Variable("exposure.internet", truth),
		cel.Variable("exposure.cves", list), cel.Variable("exposure.scopes", list), cel.Variable("exposure.sources", list),
		cel.Variable("asset.id", text), cel.Variable("asset.kind", text), cel.Variable("asset.name", text), cel.Variable("asset.os", text), cel.Variable("asset.zone", text),
		cel.Variable("asset.tags", dict), cel.Variable("asset.scopes", list), cel.Variable("asset.sources", list),
		cel.ParserExpressionSizeLimit(longestCondition), ext.Strings(ext.StringsVersion(2)),
	)
}

// compile reads a condition; empty: always.
func compile(condition string) (cel.Program, error) {
	if strings.TrimSpace(condition) == "" {
		condition = "true"
	}
	env, err := language()
	if err != nil {
		return nil, fmt.Errorf("making the language of conditions: %w", err)
	}
	checked, issues := env.Compile(condition)
	if issues.Err() != nil {
		if all := issues.Errors(); len(all) > 0 {
			message, _, _ := strings.Cut(all[0].Message, "\n")
			return nil, fmt.Errorf("column %d: %s", all[0].Location.Column()+1, message)
		}
		return nil, errors.New("it can't be read as CEL")
	}
	if !checked.OutputType().IsExactType(cel.BoolType) {
		return nil, fmt.Errorf("gives a %s, and no truth", checked.OutputType())
	}
	program, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(costliest), cel.InterruptCheckFrequency(100))
	if err != nil {
		return nil, fmt.Errorf("compiling: %w", err)
	}
	return program, nil
}

// CheckWhen says what is wrong with a condition.
func CheckWhen(condition string) error {
	_, err := compile(condition)
	return err
}

func fits(program cel.Program, e *exposure.Exposure, a *asset.Asset) (bool, error) {
	v, _, err := program.Eval(seen(e, a))
	if err != nil {
		return false, fmt.Errorf("evaluating when: %w", err)
	}
	return v == types.True, nil
}

// seen is what conditions see. All of it is there, empty or not.
func seen(e *exposure.Exposure, a *asset.Asset) map[string]any {
	verdict := ""
	if e.Verdict != nil {
		verdict = string(e.Verdict.Outcome)
	}
	tags := a.Tags
	if tags == nil {
		tags = map[string]string{}
	}
	return map[string]any{
		"exposure.id": string(e.ID), "exposure.weakness": e.Weakness, "exposure.title": e.Title, "exposure.location": e.Location,
		"exposure.severity": string(e.Severity), "exposure.decision": string(e.Decision.Outcome), "exposure.state": string(e.State), "exposure.owner": e.Owner.Team,
		"exposure.fix": e.Fix, "exposure.fixed_in": fixedIn(e), "exposure.verdict": verdict,
		"exposure.kev": e.Decision.Inputs["kev"] == "yes", "exposure.internet": e.Decision.Inputs["publicly_exposed"] == "yes",
		"exposure.cves": filled(e.CVEs), "exposure.scopes": filled(e.Scopes), "exposure.sources": filled(e.Sources),
		"asset.id": string(a.ID), "asset.kind": string(a.Kind), "asset.name": a.Name, "asset.os": a.OS, "asset.zone": a.Zone,
		"asset.tags": tags, "asset.scopes": filled(a.Scopes), "asset.sources": filled(a.Sources),
	}
}

func filled(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// fixedIn is the version that mends it, as a source knows it.
func fixedIn(e *exposure.Exposure) string {
	for i := range e.Findings {
		if p := e.Findings[i].Package; p != nil && p.FixedIn != "" {
			return p.FixedIn
		}
	}
	return ""
}
