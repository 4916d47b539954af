package config

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// reader walks one file's syntax tree and collects its problems.
type reader struct {
	file     string
	opt      Options
	problems Problems
	places   map[string]*token.Token // of values, by key with its path
	known    map[string][]string     // the keys of each section, for a test that asks
}

// section is one mapping of the file while it is read, key by key.
type section struct {
	r      *reader
	path   string       // "" at the top, else with a dot at the end
	at     *token.Token // of the first key; nil if there is no mapping
	values map[string]ast.Node
	meant  map[string]bool // keys that a misspelt one was taken for
}

// section takes the mapping n apart; keys are all that it may have.
func (r *reader) section(n ast.Node, path string, keys ...string) *section {
	s := &section{r: r, path: path, values: map[string]ast.Node{}, meant: map[string]bool{}}
	if r.known != nil {
		r.known[path] = keys
	}
	if n == nil {
		return s
	}
	s.at = n.GetToken()
	entries, ok := mapping(n)
	if !ok {
		r.report(s.at, "write it as `key: value` lines; the keys are "+strings.Join(keys, ", "),
			"%s must be a mapping, not %s", s.name(), kind(n))
		s.at = nil
		return s
	}
	if len(entries) > 0 {
		s.at = entries[0].Key.GetToken()
	}
	for _, e := range entries {
		s.add(e, keys)
	}
	return s
}

func (s *section) add(e *ast.MappingValueNode, keys []string) {
	at := e.Key.GetToken()
	key := at.Value
	if _, dup := s.values[key]; dup {
		s.r.report(at, "keep one of them", "%s%s is given twice", s.path, key)
		return
	}
	for _, k := range keys {
		if k == key {
			s.values[key] = e.Value
			s.r.places[s.path+key] = e.Value.GetToken()
			return
		}
	}
	mend := "the keys here are " + strings.Join(keys, ", ")
	if near := nearest(key, keys); near != "" {
		mend = fmt.Sprintf("did you mean %q?", near)
		s.meant[near] = true
	}
	s.r.report(at, mend, "unknown key %s%s", s.path, key)
}

// name is the section's own name for messages.
func (s *section) name() string {
	if s.path == "" {
		return "the file"
	}
	return strings.TrimSuffix(s.path, ".")
}

// get is the value of a key, nil if it is absent or null.
func (s *section) get(key string) ast.Node {
	n := s.values[key]
	if n == nil || n.Type() == ast.NullType {
		return nil
	}
	return n
}

// need is get that reports an absent key with what to write.
func (s *section) need(key, mend string) ast.Node {
	n := s.get(key)
	if n == nil && s.at != nil && !s.meant[key] {
		s.r.report(s.at, mend, "%s%s is missing", s.path, key)
	}
	return n
}

// list is the entries of a key that holds a sequence.
func (s *section) list(key string) []ast.Node {
	n := s.get(key)
	if n == nil {
		return nil
	}
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		s.r.report(n.GetToken(), fmt.Sprintf("write `%s: [ … ]` or lines that begin with `- `", key),
			"%s%s must be a list, not %s", s.path, key, kind(n))
		return nil
	}
	return seq.Values
}

func mapping(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	case *ast.NullNode:
		return nil, true
	}
	return nil, false
}

// kind says in words what a value is.
func kind(n ast.Node) string {
	switch n.Type() {
	case ast.MappingType, ast.MappingValueType:
		return "a mapping"
	case ast.SequenceType:
		return "a list"
	case ast.NullType:
		return "nothing"
	case ast.IntegerType, ast.FloatType:
		return "the number " + n.GetToken().Value
	case ast.BoolType:
		return n.GetToken().Value
	case ast.AnchorType, ast.AliasType, ast.TagType, ast.MergeKeyType:
		return "an anchor, alias or tag (not used here)"
	}
	return fmt.Sprintf("%q", n.GetToken().Value)
}
