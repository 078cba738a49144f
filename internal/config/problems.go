package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Problem is one thing that is wrong in the file.
type Problem struct {
	Line   int // from 1; 0 where the problem is of no single line
	Column int
	Path   string // sources[2].connector
	Text   string // what is wrong and what to do
}

// ProblemsError is all that is wrong with a file. Never empty.
type ProblemsError struct {
	File string
	List []Problem
}

// Error lists every problem on a line of its own: "quell.yaml:12:3: sources[0].name: …".
func (p *ProblemsError) Error() string {
	var b strings.Builder
	for i, problem := range p.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.File)
		if problem.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", problem.Line, problem.Column)
		}
		b.WriteString(": ")
		if problem.Path != "" {
			b.WriteString(problem.Path + ": ")
		}
		b.WriteString(problem.Text)
	}
	return b.String()
}

// at adds a problem at a node.
func (p *ProblemsError) at(n *yaml.Node, path, format string, args ...any) {
	problem := Problem{Path: path, Text: fmt.Sprintf(format, args...)}
	if n != nil {
		problem.Line, problem.Column = n.Line, n.Column
	}
	p.List = append(p.List, problem)
}

// err gives the problems in the order of the file, or nil.
func (p *ProblemsError) err() error {
	if len(p.List) == 0 {
		return nil
	}
	slices.SortStableFunc(p.List, func(a, b Problem) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
	p.List = slices.Compact(p.List)
	return p
}
