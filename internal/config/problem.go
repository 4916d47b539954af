package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/printer"
	"github.com/goccy/go-yaml/token"
)

// Problem is one mistake in a configuration file.
type Problem struct {
	File         string
	Line, Column int    // from 1; 0 if the problem has no place in the file
	What         string // the key and what is wrong with it
	Mend         string // what to do
	Source       string // its line and a mark below the place, "" if there are none
}

// String is file:line:column: what; mend.
func (p Problem) String() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s; %s", p.File, p.What, p.Mend)
	}
	return fmt.Sprintf("%s:%d:%d: %s; %s", p.File, p.Line, p.Column, p.What, p.Mend)
}

// Problems are all the mistakes of one file, in the order of the file.
type Problems []Problem

// Error is the first problem and how many more there are, in one line.
func (ps Problems) Error() string {
	if len(ps) == 0 {
		return "no problem"
	}
	if len(ps) == 1 {
		return ps[0].String()
	}
	return fmt.Sprintf("%s (and %d more: run `trunkline check %s` to see all)", ps[0], len(ps)-1, ps[0].File)
}

// report adds a problem at a token; nil is the file as a whole.
func (r *reader) report(at *token.Token, mend, format string, args ...any) {
	r.problems = append(r.problems, problemAt(r.file, at, fmt.Sprintf(format, args...), mend))
}

// Problem says what is wrong with the value of a key, such as "ports[0].device", at its place, or
// at that of the section that it would be in.
func (f *File) Problem(key, what, mend string) Problem {
	at := key
	for f.places[at] == nil && at != "" {
		at = at[:max(0, strings.LastIndexByte(at, '.'))]
	}
	return problemAt(f.Path, f.places[at], key+" "+what, mend)
}

func problemAt(file string, at *token.Token, what, mend string) Problem {
	p := Problem{File: file, What: what, Mend: mend}
	if at != nil && at.Position != nil {
		p.Line, p.Column, p.Source = at.Position.Line, at.Position.Column, source(at)
	}
	return p
}

// source is the line of the token and, below it, a mark at its column.
func source(at *token.Token) string {
	var pr printer.Printer
	lines := strings.Split(pr.PrintErrorToken(at, false), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ">") && i+1 < len(lines) {
			return l + "\n" + lines[i+1]
		}
	}
	return ""
}

// Sorted are the problems in the order of the file.
func (ps Problems) Sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return ps
}

// nearest is the word of words that s was probably meant to be, "" if none is near.
func nearest(s string, words []string) string {
	best, distance := "", 1+max(2, len(s)/3)
	for _, w := range words {
		if d := editDistance(strings.ToLower(s), w); d < distance {
			best, distance = w, d
		}
	}
	return best
}

// editDistance counts the insertions, deletions and substitutions of bytes
// between a and b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
