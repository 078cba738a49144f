package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// goPackage is what `go list` says about a package, as far as the rules look at it.
type goPackage struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	CgoFiles     []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string // transitive, without those of tests
}

func TestEveryPackageImportsOnlyWhatItsRowGrants(t *testing.T) {
	t.Parallel()
	r := newRules(table)
	for _, pkg := range packages(t) {
		assert.Empty(t, r.check(pkg))
	}
}

func TestTheTableNamesEachPackageOnceAndGrantsOnlyWhatItNames(t *testing.T) {
	t.Parallel()
	r := newRules(table)
	assert.Len(t, r.rows, len(table), "a package has two rows")
	for _, row := range table {
		for _, w := range strings.Fields(row.imports + " " + row.tests) {
			if w == "domain" || w == "*" {
				continue
			}
			_, ok := r.rowOf(w)
			assert.True(t, ok, "row %s grants %s, which has no row", row.pkg, w)
		}
	}
}

func TestTheDomainIsPure(t *testing.T) {
	t.Parallel()
	for _, pkg := range packages(t) {
		granted, ok := pure[word(pkg.ImportPath)]
		if !ok {
			continue
		}
		assert.Empty(t, checkPure(pkg, granted))
		for _, file := range pkg.GoFiles {
			source, err := parser.ParseFile(token.NewFileSet(), filepath.Join(pkg.Dir, file), nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			assert.Empty(t, clockReads(source), "%s/%s: time is a parameter", word(pkg.ImportPath), file)
		}
	}
}

func TestOnlyTheProbeLinksNuclei(t *testing.T) {
	t.Parallel()
	for _, pkg := range packages(t) {
		assert.Empty(t, checkNuclei(pkg))
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	for _, pkg := range packages(t) {
		files := slices.Concat(pkg.GoFiles, pkg.CgoFiles)
		if len(files) == 0 {
			files = slices.Concat(pkg.TestGoFiles, pkg.XTestGoFiles)
		}
		documented := slices.ContainsFunc(files, func(file string) bool {
			source, err := parser.ParseFile(token.NewFileSet(), filepath.Join(pkg.Dir, file), nil, parser.PackageClauseOnly|parser.ParseComments)
			require.NoError(t, err)
			return source.Doc != nil
		})
		assert.True(t, documented, "%s has no package comment", word(pkg.ImportPath))
	}
}

func TestAnImportThatNoRowGrantsIsFound(t *testing.T) {
	t.Parallel()
	r := newRules([]row{
		{pkg: "asset"},
		{pkg: "store"},
		{pkg: "exposure", imports: "asset", tests: "store"},
		{pkg: "store/storetest"},
		{pkg: "connectors/*"},
		{pkg: "connectors/builtin", imports: "connectors/*"},
		{pkg: "connectors/fake"},
		{pkg: "probe"},
		{pkg: "api", imports: "domain"},
		{pkg: "app", imports: "*"},
	})
	tests := []struct {
		name     string
		pkg      goPackage
		problems int
	}{
		{"granted", goPackage{ImportPath: module + "internal/exposure", Imports: []string{"fmt", module + "internal/asset"}}, 0},
		{"not granted", goPackage{ImportPath: module + "internal/asset", Imports: []string{module + "internal/exposure"}}, 1},
		{"unknown package", goPackage{ImportPath: module + "internal/util"}, 1},
		{"unknown package deeper down", goPackage{ImportPath: module + "connectors/nessus/internal/xml"}, 1},
		{"a test may use its own package, its row's extra and the suites", goPackage{ImportPath: module + "internal/exposure", XTestImports: []string{
			module + "internal/exposure", module + "internal/store", module + "internal/store/storetest",
		}}, 0},
		{"a test's grant is not its package's", goPackage{ImportPath: module + "internal/exposure", Imports: []string{module + "internal/store"}}, 1},
		{"a test may not use the rest", goPackage{ImportPath: module + "internal/asset", TestImports: []string{module + "internal/store"}}, 1},
		{"one connector may not use another", goPackage{ImportPath: module + "connectors/nessus", Imports: []string{module + "connectors/nmap"}}, 1},
		{"the list may name every connector", goPackage{ImportPath: module + "connectors/builtin", Imports: []string{module + "connectors/nmap"}}, 0},
		{"the domain is a word", goPackage{ImportPath: module + "api", Imports: []string{module + "internal/asset"}}, 0},
		{"the domain is not everything", goPackage{ImportPath: module + "api", Imports: []string{module + "internal/store"}}, 1},
		{"the wiring may see everything", goPackage{ImportPath: module + "internal/app", Imports: []string{module + "internal/store", module + "api"}}, 0},
		{"except the probe", goPackage{ImportPath: module + "internal/app", Imports: []string{module + "internal/probe"}}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			assert.Len(t, r.check(tt.pkg), tt.problems)
		})
	}
}

func TestWhatCostsPurityIsFound(t *testing.T) {
	t.Parallel()
	pkg := func(imports ...string) goPackage {
		return goPackage{ImportPath: module + "internal/priority", Imports: imports}
	}
	granted := []string{"github.com/pandatix/go-cvss"}
	assert.Empty(t, checkPure(pkg("fmt", "time", "net/netip", "encoding/json", "github.com/pandatix/go-cvss/31"), granted))
	assert.Len(t, checkPure(pkg("os", "net/http", "github.com/pandatix/go-cvssx", "golang.org/x/sync/errgroup"), granted), 4)

	assert.Empty(t, checkNuclei(goPackage{ImportPath: module + "internal/probe", Deps: []string{nuclei + "nuclei/v3/lib"}}))
	assert.Len(t, checkNuclei(goPackage{ImportPath: module + "cmd/quell", Deps: []string{"fmt", nuclei + "nuclei/v3/lib"}}), 1)
}

func TestReadingTheClockIsFound(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		reads      []string
	}{
		{"as itself", `import "time"; var _ = time.Now()`, []string{"time.Now"}},
		{"under another name", `import clock "time"; var _ = clock.Since`, []string{"time.Since"}},
		{"arithmetic is none", `import "time"; var _ = time.Unix(0, 0).Add(time.Hour)`, nil},
		{"somebody else's Now is none", `import "example.org/time"; var _ = time.Now()`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			source, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x; "+tt.body, parser.SkipObjectResolution)
			require.NoError(t, err)
			assert.Equal(t, tt.reads, clockReads(source))
		})
	}
}

// clockReads names the uses of the clock in a file, under whatever name it imports package time.
func clockReads(source *ast.File) []string {
	name := ""
	for _, spec := range source.Imports {
		if spec.Path.Value != `"time"` {
			continue
		}
		name = "time"
		if spec.Name != nil {
			name = spec.Name.Name
		}
	}
	var reads []string
	ast.Inspect(source, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := selector.X.(*ast.Ident); ok && name != "" && x.Name == name && slices.Contains(strings.Fields(clock), selector.Sel.Name) {
			reads = append(reads, "time."+selector.Sel.Name)
		}
		return true
	})
	return reads
}

// packages lists the packages of the module. `go list` is asked once for each test that needs it, which takes it a second.
func packages(t *testing.T) []goPackage {
	t.Helper()
	const fields = "ImportPath,Dir,GoFiles,CgoFiles,TestGoFiles,XTestGoFiles,Imports,TestImports,XTestImports,Deps"
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json="+fields, "./...")
	cmd.Dir = filepath.Join("..", "..")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())

	var list []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var pkg goPackage
		err := decoder.Decode(&pkg)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		list = append(list, pkg)
	}
	require.NotEmpty(t, list)
	return list
}
