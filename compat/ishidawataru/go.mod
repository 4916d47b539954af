module github.com/ishidawataru/sctp

go 1.26.0

require github.com/trunkline-sctp/trunkline v0.0.0

require golang.org/x/sys v0.49.0 // indirect

replace github.com/trunkline-sctp/trunkline => ../..
