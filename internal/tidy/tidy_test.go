package tidy

import (
	"bufio"
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/trunkline-sctp/trunkline"

// root is the repository, seen from this package.
const root = "../.."

// Limits of style, outside tests.
const (
	maxFileLines     = 500
	maxFunctionLines = 70
)

// source is one Go file of the tree.
type source struct {
	path string // from the root, with slashes
	dir  string
	test bool
	file *ast.File
	text []byte
	fset *token.FileSet
}

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if name := d.Name(); rel != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin") {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(p, "go.mod")); err == nil && rel != "." {
				return filepath.SkipDir // a module of its own: not the product
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, rel, text, parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(rel))
		all = append(all, source{rel, dir, strings.HasSuffix(rel, "_test.go"), f, text, fset})
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

// mayImport lists, for each package that has a rule, what of ours it may import;
// outside tests. A name ending in /... is that package and all below it.
var mayImport = map[string][]string{
	"ring":                 {},
	"sctpcore/wire/crc32c": {},
	"sctpcore/wire":        {"sctpcore/wire/crc32c"},
	"sctpcore":             {"sctpcore/wire"},
	"nic":                  {},
	"nic/internal/offload": {"nic", "sctpcore/wire"},
	"nic/mem":              {"nic", "nic/internal/offload", "ring"},
	"nic/fault":            {"nic", "nic/internal/offload"},
	"nic/tape":             {"nic", "nic/internal/offload", "ring"},
	"nic/pcap":             {"nic", "nic/tape"},
	"nic/nictest":          {"nic"},
	"nic/dpdk":             {"nic"},
	"dataplane/inet":       {"nic", "sctpcore/wire"},
	"dataplane":            {"dataplane/inet", "nic", "nic/mem", "nic/tape", "ring", "sctpcore", "sctpcore/wire"},
	"sockets":              {"dataplane", "internal/unixsock", "sockets/lane", "sockets/proto", "sctpcore", "sctpcore/wire"},
	"sockets/lane":         {"sockets/proto"},
	"sockets/proto":        {},
	"internal/unixsock":    {},
	"internal/admin":       {"internal/observe", "internal/unixsock"},
	"internal/capture":     {"dataplane", "dataplane/inet", "nic", "nic/pcap", "sctpcore/wire"},
	"internal/watch":       {"internal/admin", "internal/observe"},
	"internal/metrics":     {"internal/observe"},
	"sockets/shim":         {},
}

// forbidden lists standard packages that a package may not use: the core has no
// input, output, clock or threads, rings have nothing but atomics, and SCTP's
// checksum has one home.
var forbidden = map[string][]string{
	"sctpcore":      {"net", "os", "sync", "sync/atomic", "time", "context", "log", "log/slog"},
	"sctpcore/wire": {"net", "os", "sync", "sync/atomic", "time", "context", "log", "log/slog"},
	"ring":          {"net", "os", "time", "sync"},

	"nic/internal/offload": {"hash/crc32"},
}

func TestImports(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, spec := range s.file.Imports {
			name := strings.Trim(spec.Path.Value, `"`)
			if name == "C" && s.dir != "nic/dpdk" {
				t.Errorf("%s: cgo is for nic/dpdk only", s.path)
			}
			if name == "unsafe" && s.dir != "nic/dpdk" && !strings.HasSuffix(s.path, "_unsafe.go") {
				t.Errorf("%s: unsafe is for nic/dpdk and files that end in _unsafe.go", s.path)
			}
			if slices.Contains(forbidden[s.dir], name) {
				t.Errorf("%s: %s may not import %s", s.path, s.dir, name)
			}
			ours, ok := strings.CutPrefix(name, module+"/")
			rule, ruled := mayImport[s.dir]
			if ok && ruled && !slices.Contains(rule, ours) {
				t.Errorf("%s: %s may not import %s", s.path, s.dir, ours)
			}
			if ok && strings.HasPrefix(ours, "cmd/") {
				t.Errorf("%s: nothing may import %s", s.path, ours)
			}
		}
	}
}

// TestCoreUsesNoGoroutines: the core is one thread's, and starts none.
func TestCoreUsesNoGoroutines(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !strings.HasPrefix(s.dir, "sctpcore") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n.(type) {
			case *ast.GoStmt, *ast.ChanType, *ast.SelectStmt:
				t.Errorf("%s: goroutines and channels do not belong in the core", s.fset.Position(n.Pos()))
			}
			return true
		})
	}
}

func TestSizes(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		if n := bytes.Count(s.text, []byte("\n")); n > maxFileLines {
			t.Errorf("%s has %d lines; split it (limit %d)", s.path, n, maxFileLines)
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			n := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1
			if n > maxFunctionLines {
				t.Errorf("%s: %s has %d lines; split it (limit %d)", s.path, f.Name.Name, n, maxFunctionLines)
			}
		}
	}
}

// TestSizesOfC: the limits hold for C, too. A function ends with a brace at the
// beginning of a line.
func TestSizesOfC(t *testing.T) {
	checked := 0
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == "testdata" {
			return filepath.SkipDir
		}
		if ext := filepath.Ext(p); ext != ".c" && ext != ".h" {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		checked++
		lines, begin := strings.Split(string(text), "\n"), 0
		if len(lines) > maxFileLines {
			t.Errorf("%s has %d lines; split it (limit %d)", p, len(lines), maxFileLines)
		}
		for i, line := range lines {
			if strings.HasSuffix(line, "{") && line[0] != '\t' && line[0] != ' ' {
				begin = i
			}
			if strings.HasPrefix(line, "}") && i-begin+1 > maxFunctionLines {
				t.Errorf("%s:%d: a function has %d lines; split it (limit %d)", p, begin+1, i-begin+1, maxFunctionLines)
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.NotZero(t, checked)
}

// TestPackageDocs: every package says in doc.go (a command in main.go) what it is for.
func TestPackageDocs(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		base := filepath.Base(s.path)
		if (base == "doc.go" || base == "main.go") && s.file.Doc != nil {
			documented[s.dir] = true
		} else if !documented[s.dir] {
			documented[s.dir] = false
		}
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: no doc.go with a package comment", dir)
		}
	}
}

// TestExportedDocs: what is exported says what it is.
func TestExportedDocs(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.file.Name.Name == "main" {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() || f.Doc != nil || wellKnown[f.Name.Name] || !exportedReceiver(f) {
				continue
			}
			// A method right below a documented one may share its comment.
			if line := s.fset.Position(f.Pos()).Line; sharesDoc(s, line) {
				continue
			}
			t.Errorf("%s: %s is exported and has no comment", s.fset.Position(f.Pos()), f.Name.Name)
		}
	}
}

// wellKnown are methods whose interface says what they do.
var wellKnown = map[string]bool{"String": true, "Error": true, "Unwrap": true, "Is": true}

func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return true
	}
	typ := f.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

func sharesDoc(s source, line int) bool {
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && s.fset.Position(f.End()).Line == line-1 {
			return f.Doc != nil || sharesDoc(s, s.fset.Position(f.Pos()).Line)
		}
	}
	return false
}

var treeLine = regexp.MustCompile("^\\| `([a-z0-9/_.-]+?)/?` \\|")

// TestTree: the code map in ARCHITECTURE.md names every package, and only those.
func TestTree(t *testing.T) {
	f, err := os.Open(filepath.Join(root, "ARCHITECTURE.md"))
	require.NoError(t, err)
	defer f.Close()
	mapped := map[string]bool{}
	for in := bufio.NewScanner(f); in.Scan(); {
		if m := treeLine.FindStringSubmatch(in.Text()); m != nil {
			mapped[m[1]] = true
		}
	}
	require.NotEmpty(t, mapped)
	real := map[string]bool{}
	for _, s := range sources(t) {
		real[s.dir] = true
	}
	for dir := range real {
		if !mapped[dir] {
			t.Errorf("ARCHITECTURE.md's code map does not name %s", dir)
		}
	}
	for dir := range mapped {
		if _, err := os.Stat(filepath.Join(root, dir)); err != nil {
			t.Errorf("ARCHITECTURE.md's code map names %s, which does not exist", dir)
		}
	}
}
