package cli

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/scope"
)

// raw is JSON that is written already.
type raw string

// MarshalJSON gives the text.
func (r raw) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// quote is a text as JSON.
func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil { // a string always marshals
		return `""`
	}
	return string(b)
}

// sorted gives the keys of a map in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// exactly takes so many arguments and says what they are where there are others.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < n:
			return usage(cmd.CommandPath(), "%s wants %s", cmd.CommandPath(), what)
		case len(args) > n:
			return usage(cmd.CommandPath(), "%s wants %s, and nothing after it: %q", cmd.CommandPath(), what, args[n])
		}
		return nil
	}
}

// atMost takes up to one argument.
func atMost(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return usage(cmd.CommandPath(), "%s wants %s, and nothing after it: %q", cmd.CommandPath(), what, args[n])
		}
		return nil
	}
}

// some takes at least so many arguments.
func some(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return usage(cmd.CommandPath(), "%s wants %s", cmd.CommandPath(), what)
		}
		return nil
	}
}

// complete offers words for a flag.
func complete(cmd *cobra.Command, flag string, words []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	if err != nil { // only if the flag isn't there or has one: a slip of ours
		panic(err)
	}
}

// words are texts of some named type as texts.
func words[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}

// until reads an end: a date (its end, UTC), a time, or a duration from now such as 30d.
func until(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t.Add(day - time.Millisecond), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC().Truncate(time.Millisecond), nil
	}
	d, err := scope.ParseDuration(text)
	if err != nil {
		return time.Time{}, fault.New(fault.Invalid, "%q is no end: write a date (2026-12-31), a time (2026-12-31T18:00:00Z) or a duration (30d)", text)
	}
	return now.Add(d.Std()).UTC().Truncate(time.Millisecond), nil
}

// listed joins words for a cell, the first few of them.
func listed(list []string) string {
	const most = 3
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:most], ", ") + ", …"
}
