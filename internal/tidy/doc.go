// Package tidy holds the project to its own rules: its tests compare the tree in
// ARCHITECTURE.md with the folders that exist, the imports of each package with
// what it may import, and every file and function with the limits of style. It
// has no code of its own.
package tidy
