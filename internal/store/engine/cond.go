package engine

import (
	"slices"
	"strings"
)

// Meets reports whether a value of a document meets the condition. It is the meaning of
// conditions; engines translate them into their own language.
func (c Cond) Meets(value any) bool {
	switch c.Op {
	case Has:
		return value != nil
	case Lacks:
		return value == nil
	case In:
		if many, ok := value.([]string); ok {
			return slices.ContainsFunc(c.Values, func(v any) bool { s, ok := v.(string); return ok && slices.Contains(many, s) })
		}
		return value != nil && slices.Contains(c.Values, value)
	case NotIn:
		return value != nil && !slices.Contains(c.Values, value)
	case Below, From:
		n, ok := value.(int64)
		limit, known := c.Values[0].(int64)
		return ok && known && (n < limit) == (c.Op == Below)
	case Contains:
		s, ok := value.(string)
		part, known := c.Values[0].(string)
		return ok && known && strings.Contains(s, part)
	}
	return false
}
