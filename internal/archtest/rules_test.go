package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// rules is the table, made ready to be asked.
type rules struct {
	rows map[string]row
}

func newRules(rows []row) rules {
	r := rules{rows: map[string]row{}}
	for _, row := range rows {
		r.rows[row.pkg] = row
	}
	return r
}

// word is a package's import path as the table spells it.
func word(importPath string) string {
	path := strings.TrimPrefix(importPath, module)
	return strings.TrimPrefix(path, "internal/")
}

// rowOf finds the row of a package: its own, or that of its parent's children.
func (r rules) rowOf(pkg string) (row, bool) {
	if own, ok := r.rows[pkg]; ok {
		return own, true
	}
	parent, child, ok := strings.Cut(pkg, "/")
	if !ok || strings.Contains(child, "/") {
		return row{}, false
	}
	wildcard, ok := r.rows[parent+"/*"]
	return wildcard, ok
}

// grants reports whether a list of words covers a package.
func (r rules) grants(list, pkg string) bool {
	for _, w := range strings.Fields(list) {
		switch {
		case w == pkg:
			return true
		case w == "domain":
			if slices.Contains(strings.Fields(domain), pkg) {
				return true
			}
		case w == "*":
			if !slices.Contains(strings.Fields(nucleiMay), pkg) {
				return true
			}
		case strings.HasSuffix(w, "/*"):
			if found, ok := r.rowOf(pkg); ok && found.pkg == w {
				return true
			}
		}
	}
	return false
}

// check returns one sentence for everything about a package that the table does not grant.
func (r rules) check(pkg goPackage) []string {
	name := word(pkg.ImportPath)
	own, ok := r.rowOf(name)
	if !ok {
		return []string{fmt.Sprintf("%s has no row in the table: give it one in internal/archtest and say what it may import", name)}
	}
	var problems []string
	refuse := func(who string, imports []string, list string) {
		for _, path := range imports {
			if !strings.HasPrefix(path, module) {
				continue
			}
			if other := word(path); other != name && !r.grants(list, other) {
				problems = append(problems, fmt.Sprintf("%s imports %s, which row %q does not grant", who, other, own.pkg))
			}
		}
	}
	refuse(name, pkg.Imports, own.imports)
	refuse("a test of "+name, slices.Concat(pkg.TestImports, pkg.XTestImports), strings.Join([]string{own.imports, own.tests, testsMay}, " "))
	return problems
}

// checkPure returns one sentence for every import that costs a pure package its purity.
func checkPure(pkg goPackage, granted []string) []string {
	var problems []string
	for _, path := range pkg.Imports {
		first, _, _ := strings.Cut(path, "/")
		switch {
		case strings.HasPrefix(path, module):
			// The table's business.
		case slices.Contains(strings.Fields(impure), path):
			problems = append(problems, fmt.Sprintf("%s imports %s: the domain reaches nothing outside the process", word(pkg.ImportPath), path))
		case strings.Contains(first, ".") && !slices.ContainsFunc(granted, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") }):
			problems = append(problems, fmt.Sprintf("%s imports %s: the domain is the standard library and itself", word(pkg.ImportPath), path))
		}
	}
	return problems
}

// checkNuclei returns a sentence if a package that may not link nuclei does so, however indirectly.
func checkNuclei(pkg goPackage) []string {
	name := word(pkg.ImportPath)
	if slices.Contains(strings.Fields(nucleiMay), name) {
		return nil
	}
	if i := slices.IndexFunc(pkg.Deps, func(path string) bool { return strings.HasPrefix(path, nuclei) }); i >= 0 {
		return []string{fmt.Sprintf("%s links %s: the engine belongs to the probe alone", name, pkg.Deps[i])}
	}
	return nil
}
