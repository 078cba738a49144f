package declarative

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"

	"github.com/quellsec/quell/connectors/wire"
)

// Limits of an expression. One that costs more gives nothing, and is counted.
const (
	longestExpression = 8 << 10
	deepestExpression = 64
	costliest         = 2_000_000
	// checkEvery is after how many steps of a loop the context is asked.
	checkEvery = 1000
)

// The names that expressions see.
const (
	nameItem     = "item"     // the element that is being read
	namePart     = "part"     // one of those that read.each gives
	nameDoc      = "doc"      // the document around it, as far as it was read
	nameParams   = "params"   // the source's own values
	nameReceived = "received" // how many items came so far
)

// language makes the environment in which every expression of a source is compiled. It
// has no functions that reach outside.
func language() (*cel.Env, error) {
	env, err := cel.NewEnv(
		cel.Variable(nameItem, cel.DynType), cel.Variable(namePart, cel.DynType), cel.Variable(nameDoc, cel.DynType),
		cel.Variable(nameParams, cel.MapType(cel.StringType, cel.StringType)), cel.Variable(nameReceived, cel.IntType),
		cel.OptionalTypes(), cel.CrossTypeNumericComparisons(true), cel.DefaultUTCTimeZone(true),
		cel.ParserRecursionLimit(deepestExpression), cel.ParserExpressionSizeLimit(longestExpression),
		ext.Strings(ext.StringsVersion(2)), ext.Bindings(), ext.Encoders(), ext.Regex(),
		functions(),
	)
	if err != nil {
		return nil, fmt.Errorf("making the language of expressions: %w", err)
	}
	return env, nil
}

// expression is a compiled CEL text. A nil one gives nothing.
type expression struct {
	key     string
	program cel.Program
	path    string // "a.b" where the whole of it is item.a.b, so that it says all that is there
	root    string // item or part, of path
}

// compile compiles a text; the error begins with the key it stands under. Empty is nil.
func compile(env *cel.Env, w written) (*expression, error) {
	if strings.TrimSpace(w.text) == "" {
		return nil, nil //nolint:nilnil // an expression that isn't there gives nothing
	}
	checked, issues := env.Compile(w.text)
	if err := issues.Err(); err != nil {
		return nil, fmt.Errorf("%s: %s", w.key, firstIssue(issues))
	}
	program, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize, cel.OptTrackCost), cel.CostLimit(costliest), cel.CostTracking(sizes{}), cel.InterruptCheckFrequency(checkEvery))
	if err != nil {
		return nil, fmt.Errorf("%s: %s", w.key, firstLine(err.Error()))
	}
	x := &expression{key: w.key, program: program}
	x.root, x.path = verbatim(checked.NativeRep().Expr())
	return x, nil
}

func firstIssue(issues *cel.Issues) string {
	if all := issues.Errors(); len(all) > 0 {
		return fmt.Sprintf("column %d: %s", all[0].Location.Column()+1, firstLine(all[0].Message))
	}
	return firstLine(issues.Err().Error())
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// verbatim gives the path of an expression that is nothing but item.a.b, or a conversion
// of it.
func verbatim(e ast.Expr) (root, path string) {
	for e.Kind() == ast.CallKind && e.AsCall().FunctionName() != operators.Index {
		call := e.AsCall()
		switch call.FunctionName() {
		case "text", "listOf", "number", "plain", "time":
			e = call.Args()[0]
		default:
			return "", ""
		}
	}
	var names []string
	for {
		switch e.Kind() {
		case ast.SelectKind:
			s := e.AsSelect()
			names = append(names, s.FieldName())
			e = s.Operand()
		case ast.CallKind:
			args := e.AsCall().Args()
			if e.AsCall().FunctionName() != operators.Index || args[1].Kind() != ast.LiteralKind {
				return "", ""
			}
			name, ok := args[1].AsLiteral().Value().(string)
			if !ok {
				return "", ""
			}
			names = append(names, name)
			e = args[0]
		case ast.IdentKind:
			for i, j := 0, len(names)-1; i < j; i, j = i+1, j-1 {
				names[i], names[j] = names[j], names[i]
			}
			return e.AsIdent(), strings.Join(names, ".")
		default:
			return "", ""
		}
	}
}

// sizes charges what makes or walks long texts, which CEL's own count takes for one step.
type sizes struct{}

// CallCost implements interpreter.ActualCostEstimator.
func (sizes) CallCost(_, _ string, args []ref.Val, result ref.Val) *uint64 {
	cost := uint64(1)
	for _, v := range append(args, result) {
		if s, ok := v.(types.String); ok {
			cost += uint64(len(s)) / 64
		}
	}
	return &cost
}

// scope is what expressions see and who is told what failed.
type scope struct {
	ctx    context.Context //nolint:containedctx // of this one call
	vars   map[string]any
	failed func(key string)
}

// value evaluates; what is not there, and what fails, is nil.
func (s *scope) value(x *expression) ref.Val {
	if x == nil {
		return nil
	}
	v, _, err := x.program.ContextEval(s.ctx, s.vars)
	if err != nil {
		if !absent(err) && s.ctx.Err() == nil {
			s.failed(x.key)
		}
		return nil
	}
	if o, ok := v.(*types.Optional); ok {
		if !o.HasValue() {
			return nil
		}
		v = o.GetValue()
	}
	if types.IsUnknownOrError(v) || v == types.NullValue {
		return nil
	}
	return v
}

// absent reports whether an evaluation failed since a document lacks something, or has
// something of another type in its place.
func absent(err error) bool {
	text := err.Error()
	for _, clue := range []string{"no such key", "no such attribute", "no such overload", "index out of bounds", "unsupported index"} {
		if strings.Contains(text, clue) {
			return true
		}
	}
	return errors.Is(err, context.Canceled)
}

func (s *scope) text(x *expression) string            { return textOf(s.value(x)) }
func (s *scope) texts(x *expression) []string         { return textsOf(s.value(x)) }
func (s *scope) moment(x *expression) time.Time       { return wire.Moment(s.text(x)) }
func (s *scope) number(x *expression) (float64, bool) { return numberOf(s.value(x)) }

// truth is true for true alone, or its text.
func (s *scope) truth(x *expression) bool {
	return strings.EqualFold(strings.TrimSpace(s.text(x)), "true")
}
