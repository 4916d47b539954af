// Package watch shows people in a terminal what a running daemon says of itself: tables,
// events as they happen, and the live view of `trunkline top`.
//
// Data flow:
//
//	admin.Client ─▶ State, page by page ─▶ table ─▶ Screen
//	             ─▶ State, History, Events ─▶ model (bubbletea) ─▶ Screen
//
// Nothing here holds more than one page of associations. The goroutine that calls a
// function runs it; top has bubbletea's, and one that follows events.
package watch
