// Package page is a picture of a running dataplane for the browser: a live map of ports,
// paths and peers, a time line of failovers and rates, and the tables behind them.
//
// Data flow:
//
//	GET v1/state, v1/history once a second ─▶ model.js ─▶ map.js, plots.js, main.js ─▶ document
//	GET v1/events, followed ────────────────┘
//
// It is files only, served as they are: no framework, nothing from elsewhere, and nothing that
// changes the daemon. It shows the 500 worst associations, joined by peer; what it says of
// all is from totals.
package page
