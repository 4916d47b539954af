# make help lists the targets. SETUP= skips the installation of what is missing.
GO          ?= go
SETUP       ?= scripts/setup.sh
BIN         := bin/trunkline
PRELOAD     := sockets/shim/lib/libtrunkline.so
NFPM        := github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.0
DEB         ?= bin
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 50000x
BENCHTIME   ?= 1s
INTEROPTIME ?= 60
KERNELTIME  ?= 600
# What has neither cgo nor C below it, and so works under the race detector.
PURE        := ./sctpcore/... ./ring ./nic ./nic/mem ./nic/fault ./nic/tape ./nic/pcap ./dataplane/... ./sockets/... \
               ./internal/observe ./internal/admin ./internal/watch ./internal/capture

# bench/peers is a module of its own; without libusrsctp it names what is missing.
PEERTAGS    = $(shell pkg-config --exists usrsctp || echo -tags=nousrsctp)

.PHONY: help demo testbed build deb test test-sockets test-system race lint interop test-kernel bench bench-quick bench-sockets fuzz pure clean setup setup-test setup-sockets setup-testbed setup-kernel setup-system

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

testbed: ENGINE ?= auto
testbed: VARIANT ?= all
testbed: setup-testbed ## two nodes and a foreign peer in containers, or in network namespaces: see docker/README.md
	$(GO) run ./docker -engine $(ENGINE) -variant $(VARIANT) $(if $(HOLD),-hold)

demo: setup build ## install what is missing, build, and run the demo
	$(BIN) demo

build: $(PRELOAD) ## build bin/trunkline
	@mkdir -p bin
	$(GO) build -o $(BIN) ./cmd/trunkline

# The library that `trunkline exec` gives to programs, embedded into the binary.
$(PRELOAD): scripts/preload.sh $(wildcard sockets/preload/*.[ch])
	CC="$(CC)" scripts/preload.sh $@

deb: export GOPROXY := file://$(shell $(GO) env GOMODCACHE)/cache/download,$(shell $(GO) env GOPROXY)
deb: setup build ## make a Debian package in bin (or in the folder DEB)
	NFPM="$(GO) run $(NFPM)" scripts/deb.sh $(DEB)

test: setup-test ## install what is missing and run all tests, the pure Go ones under the race detector too
	$(GO) build ./...
	$(GO) test -count=1 -p 1 -timeout 8m ./...
	cd bench/peers && $(GO) test -count=1 $(PEERTAGS) ./...
	$(MAKE) race

# One at a time, and some must be root: they need a network namespace.
test-sockets: setup-sockets build ## install and run Debian's SCTP programs, and a Go program's API, on the sockets API
	cd compat/ishidawataru && $(GO) test -count=1 -timeout 3m ./...
	cd sockets/e2e && TRUNKLINE_PROGRAMS=1 $(GO) test -count=1 -timeout 10m -run TestPrograms

# What needs a browser and other large programs of Debian's: tests named TestSystem…
SYSTEM := ./internal/page ./internal/metrics ./deploy ./internal/testbed

test-system: setup-system build ## install and run what a deployed system is tested with
	TRUNKLINE_SYSTEM=1 $(GO) test -count=1 -p 1 -timeout 10m -run TestSystem $(SYSTEM)

# Package by package (-p 1): polling threads of several packages at once would
# starve each other on a small machine.
race: ## run the tests of what is pure Go under the race detector
	$(GO) test -count=1 -race -p 1 -short -timeout 8m $(PURE)

# The linter comes out of the module cache if it is there: no network is needed then.
lint: export GOPROXY := file://$(shell $(GO) env GOMODCACHE)/cache/download,$(shell $(GO) env GOPROXY)
lint: ## gofmt, go vet, staticcheck, go mod tidy, of all modules
	@out=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); if [ -n "$$out" ]; then echo "not formatted (gofmt -w them):"; echo "$$out"; exit 1; fi
	$(GO) mod tidy -diff
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	cd bench/peers && $(GO) mod tidy -diff
	cd bench/peers && $(GO) vet $(PEERTAGS) ./...
	cd bench/peers && $(GO) run $(STATICCHECK) $(PEERTAGS) ./...
	cd compat/ishidawataru && $(GO) mod tidy -diff && $(GO) vet ./... && $(GO) run $(STATICCHECK) ./...

interop: setup-test ## against usrsctp at full speed for INTEROPTIME seconds, with and without loss; needs root
	TRUNKLINE_INTEROP_SECONDS=$(INTEROPTIME) $(GO) test -count=1 -v -timeout 30m -run TestFullSpeed ./interop

# modprobe is where only root's PATH has it.
test-kernel: setup-kernel ## against Linux's SCTP in QEMU, KERNELTIME seconds of it random messages and cuts
	PATH="$$PATH:/usr/sbin:/sbin" TRUNKLINE_KERNEL=$(KERNELTIME) $(GO) test -count=1 -v -timeout 30m -run TestKernel ./interop

bench: setup-test ## run every benchmark, then the comparison with other stacks and testpmd (some 30 minutes)
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) -timeout 60m ./...
	cd bench/peers && $(GO) run $(PEERTAGS) ./cmd/targets

bench-quick: setup-test ## a short comparison (some 4 minutes), nothing written
	cd bench/peers && $(GO) run $(PEERTAGS) ./cmd/targets -quick -out ""

bench-sockets: setup-test $(PRELOAD) ## the sockets API against the Go API (a minute); with iperf3 if that is there
	$(GO) run ./bench/sockets

fuzz: ## run every fuzz target on FUZZTIME inputs each (or for a time: FUZZTIME=10m)
	GO="$(GO)" scripts/fuzz.sh $(FUZZTIME)

pure: ## prove the build without cgo: build, vet, quick tests
	GO="$(GO)" scripts/pure.sh

setup:
	$(if $(SETUP),$(SETUP))

setup-test:
	$(if $(SETUP),$(SETUP) test)

setup-testbed:
	$(if $(SETUP),$(SETUP) testbed)

setup-sockets:
	$(if $(SETUP),$(SETUP) sockets)

setup-kernel:
	$(if $(SETUP),$(SETUP) kernel)

setup-system:
	$(if $(SETUP),$(SETUP) system)

clean: ## remove what was built
	rm -rf bin $(PRELOAD)
