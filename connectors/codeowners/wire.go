package codeowners

import (
	"regexp"
	"strings"

	"github.com/hmarr/codeowners"
)

// Limits of a file. GitHub ignores files of more than 3 MB.
const (
	largestFile  = 3 << 20
	mostRules    = 10_000
	mostCompared = 500 // rules of which it is asked whether one overrules another
	mostOwners   = 20  // of a rule
)

// rule is a line of a file.
type rule struct {
	section string // of GitLab's files; empty outside of all
	pattern string
	owners  []string
	matches codeowners.Rule
}

// owner is a team, a person, a role (GitLab: @@developer) or a mail address.
var owner = regexp.MustCompile(`^(?:@{1,2}[A-Za-z0-9][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.-]+)*|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,})$`)

// sectionHead is GitLab's: [Name], ^[Optional], [Name][2], with owners of its own behind.
var sectionHead = regexp.MustCompile(`^\^?\[([^\]]{1,200})\](?:\[\d{1,3}\])?(?:\s+(.*))?$`)

// parse reads the lines of a file. What is no rule is counted by its reason.
func parse(text string, skip func(reason string)) []rule {
	var out []rule
	section, inherited := "", []string(nil)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "\ufeff"))
		if line == "" || line[0] == '#' {
			continue
		}
		if len(out) >= mostRules {
			skip("rule_beyond_the_limit")
			continue
		}
		if head := sectionHead.FindStringSubmatch(line); head != nil {
			section, inherited = strings.ToLower(head[1]), ownersIn(strings.Fields(uncommented(head[2])))
			continue
		}
		r, reason := parseRule(line)
		if reason != "" {
			skip(reason)
			continue
		}
		r.section = section
		if len(r.owners) == 0 && section != "" {
			r.owners = inherited
		}
		out = append(out, r)
	}
	return out
}

// parseRule reads one line: a pattern, in which a backslash keeps a space, and owners.
func parseRule(line string) (r rule, reason string) {
	line = uncommented(line)
	words := splitEscaped(line)
	if len(words) == 0 {
		return r, "line_without_pattern"
	}
	r.pattern = words[0]
	if strings.HasPrefix(r.pattern, "!") { // GitLab's way to take a path out; GitHub has none
		return r, "rule_that_takes_out"
	}
	r.owners = ownersIn(words[1:])
	if len(r.owners) < len(words)-1 {
		return r, "line_with_malformed_owner"
	}
	parsed, err := codeowners.ParseFile(strings.NewReader(strings.ReplaceAll(r.pattern, " ", `\ `)))
	if err != nil || len(parsed) != 1 {
		return r, "line_with_malformed_pattern"
	}
	r.matches = parsed[0]
	return r, ""
}

func ownersIn(words []string) []string {
	var out []string
	for _, w := range words {
		if owner.MatchString(w) && len(out) < mostOwners {
			out = append(out, w)
		}
	}
	return out
}

// uncommented cuts a comment behind a rule.
func uncommented(line string) string {
	for i := 1; i < len(line); i++ {
		if line[i] == '#' && (line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i]
		}
	}
	return line
}

func splitEscaped(line string) []string {
	var out []string
	var b strings.Builder
	escaped := false
	for _, c := range line {
		switch {
		case escaped:
			if c != ' ' && c != '#' {
				b.WriteByte('\\')
			}
			b.WriteRune(c)
			escaped = false
		case c == '\\':
			escaped = true
		case c == ' ' || c == '\t':
			if b.Len() > 0 {
				out = append(out, b.String())
				b.Reset()
			}
		default:
			b.WriteRune(c)
		}
	}
	if b.Len() > 0 {
		out = append(out, b.String())
	}
	return out
}
