module example.com/ngap

go 1.26.0

require github.com/ishidawataru/sctp v0.0.0

require github.com/trunkline-sctp/trunkline v0.0.0 // indirect

replace github.com/ishidawataru/sctp => ../../../../compat/ishidawataru

replace github.com/trunkline-sctp/trunkline => ../../../..
