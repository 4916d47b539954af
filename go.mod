module github.com/trunkline-sctp/trunkline

go 1.25.0
