# Two commands do everything on a fresh machine: `make demo` and `make test`. They fetch what they need into .tools.
# `make demo COORDINATION=etcd` joins the relays through three etcd members; NODES=geth, hardhat or kaia runs the chains on those nodes.
# A recipe is at most five lines; logic lives in devnet or in a tested tool.

.DEFAULT_GOAL := help
.SUFFIXES:
.DELETE_ON_ERROR:

CARGO ?= cargo
CARGO_FLAGS ?= --locked
TARGET := $(or $(CARGO_TARGET_DIR),target)
COORDINATION ?= embedded
NODES ?= anvil
# What the devnet is told about its parts, and which of them must be fetched first.
PARTS = --coordination $(COORDINATION) --nodes $(NODES)
FETCHED = $(filter etcd,$(COORDINATION)) $(filter geth hardhat kaia,$(NODES:geth-archive=geth))
FORGE := $(CURDIR)/.tools/bin/forge
DENY_VERSION := 0.20.2
DENY_ROOT := .tools/cargo/cargo-deny-$(DENY_VERSION)
DENY := $(DENY_ROOT)/bin/cargo-deny

# $(call need,COMMAND,WHAT TO INSTALL): an error that names the cure when the command is missing.
need = @command -v $(1) >/dev/null 2>&1 || { echo "make: '$(1)' is missing; install $(2)" >&2; exit 1; }

.PHONY: help
help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# ---- what must be there ----

.PHONY: rust node python tools protoc etcd geth kaia hardhat
rust:
	$(call need,$(CARGO),Rust 1.94.1 or newer: https://rustup.rs)
	$(call need,cc,a C compiler (Debian: apt-get install build-essential))

node:
	$(call need,node,Node.js 20 or newer (Debian: apt-get install nodejs))
	$(call need,npm,npm (Debian: apt-get install npm))

python:
	$(call need,python3,Python 3 (Debian: apt-get install python3))

.PHONY: python-tools
python-tools: node python
	@tools/fetch python

# What cargo build needs to make the messages of etcd; cargo finds it through .cargo/config.toml.
protoc: python
	@tools/fetch protoc

etcd: python ## Find or fetch etcd for devnet and tests, and say which one it is
	@tools/fetch etcd

geth: ## Build geth from its Go modules into .tools, once (needs Go 1.25 or newer)
	@tools/fetch geth

kaia: ## Build Kaia's nodes from their Go modules into .tools, once (needs Go 1.25 or newer)
	@tools/fetch kaia

hardhat: node ## Fetch Hardhat 3 and the Node.js that it needs into .tools, once
	@tools/fetch hardhat

tools: node ## Fetch anvil, forge, solc and OpenZeppelin Contracts into .tools, once
	@tools/fetch

# Not optimised: it runs for a second.
$(DENY): | rust
	CARGO_PROFILE_DEV_DEBUG=false $(CARGO) install --debug cargo-deny --version $(DENY_VERSION) --locked --quiet --root $(DENY_ROOT)

# ---- build ----

.PHONY: build
build: rust protoc ## Build every binary
	$(CARGO) build $(CARGO_FLAGS) --workspace --bins

# ---- run ----

.PHONY: demo devnet bench
demo devnet: $(FETCHED)

demo: tools build ## Two chains, eight relays, 60 transfers, three of the relays killed on the way
	@$(TARGET)/debug/devnet demo $(PARTS)

devnet: tools build ## The same network, left running for you to try
	@$(TARGET)/debug/devnet up $(PARTS)

bench: tools build ## Gas per request and per transfer, against the goals
	@$(TARGET)/debug/devnet bench gas

# What takes time is measured with optimised programs.
.PHONY: release bench-failover bench-throughput bench-recovery bench-start bench-kaia kaia-migrate scenarios
bench-failover bench-throughput: $(FETCHED)

release: rust
	$(CARGO) build $(CARGO_FLAGS) --release -p polyspan-cli -p polyspan-devnet

bench-failover: tools release ## Time without a payout when the leader of a lane dies or freezes (COORDINATION=etcd)
	@$(TARGET)/release/devnet bench failover $(PARTS) $(BENCH_FLAGS)

bench-start: tools release ## Start and memory of a relay with a million transfers behind it (BENCH_FLAGS='--transfers 100000')
	@$(TARGET)/release/devnet bench start $(BENCH_FLAGS)

bench-throughput: tools release ## Transfers a second, beside what the chains can do (BENCH_FLAGS='--threshold 1', COORDINATION=etcd)
	@$(TARGET)/release/devnet bench throughput $(PARTS) $(BENCH_FLAGS)

bench-recovery: tools release ## Backlogs of 10 000 and 100 000 requests after all relays were down (BENCH_FLAGS='--requests 1000')
	@$(TARGET)/release/devnet bench recovery $(BENCH_FLAGS)

bench-kaia: tools kaia release ## The bridge of Kaia's nodes and this one on the same nodes (BENCH_FLAGS='--requests 100')
	@$(TARGET)/release/devnet bench kaia $(BENCH_FLAGS)

kaia-migrate: tools kaia build ## Rehearse moving from the bridge of Kaia's nodes to this one
	@$(TARGET)/debug/devnet kaia migrate

scenarios: tools build etcd ## Every scenario, the long ones too (needs root)
	@$(TARGET)/debug/devnet scenario run --all

# ---- prove ----

.PHONY: check check-format check-lints check-dependencies check-docs check-contracts check-slither check-symbolic
check: check-format check-lints check-dependencies check-docs check-contracts check-slither check-symbolic ## Format, lints, dependencies, docs, committed ABI, slither, the core of the proofs

check-format: rust tools
	$(CARGO) fmt --all --check
	cd contracts && $(FORGE) fmt --check

# Tests with `test = false` are none of Cargo's "all targets".
NAMED_TESTS = $(shell sed -n '/^\[\[test\]\]$$/{n;s/^name = "\(.*\)"$$/--test \1/p}' devnet/Cargo.toml)

check-lints: rust protoc
	$(CARGO) clippy $(CARGO_FLAGS) --workspace --all-targets --all-features -- -D warnings
	$(CARGO) clippy $(CARGO_FLAGS) --workspace $(NAMED_TESTS) --all-features -- -D warnings

check-dependencies: $(DENY)
	$(DENY) --locked check --hide-inclusion-graph bans licenses sources

check-docs: rust protoc python
	docs/check_cases
	docs/test_check_cases.py
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc $(CARGO_FLAGS) --workspace --all-features --no-deps

check-contracts: tools python
	cd contracts && $(FORGE) build
	contracts/export --check
	contracts/test_tools.py

check-slither: python-tools
	contracts/slither

check-symbolic: python-tools
	contracts/symbolic --core

.PHONY: test test-contracts test-rust test-system test-nodes test-kaia
test: test-contracts test-rust ## Every test that needs no root, Solidity and Rust, on real anvil processes

test-contracts: tools python
	contracts/effective

# `make build` would compile a part of the dependencies twice: without what tests add to their features, and with it.
test-rust: tools rust protoc etcd python
	CARGO="$(CARGO)" tools/run_tests $(CARGO_FLAGS)

# What needs root, other nodes or much time is `test = false` in devnet/Cargo.toml: it is run by name. The programs are built
# with the features of the whole workspace, so that nothing is compiled again after `make test`.
# $(call run-tests,TESTS,TESTS AT A TIME)
define run-tests
$(CARGO) build $(CARGO_FLAGS) --workspace --bins $(addprefix --test ,$(1))
$(CARGO) test $(CARGO_FLAGS) --workspace $(addprefix --test ,$(1)) -- --test-threads $(2)
endef

# A scenario mostly waits for blocks.
test-system: tools rust protoc etcd ## The tests that need root: a full disk, a network that is cut, the short scenarios
	@[ "$$(id -u)" = 0 ] || { echo "make: test-system mounts a file system and makes network namespaces; run it as root" >&2; exit 1; }
	$(call need,ip,iproute2 (Debian: apt-get install iproute2))
	$(call run-tests,system lan scenarios,4)

test-nodes: tools rust protoc geth kaia hardhat ## The core of the end-to-end tests on geth, Kaia and Hardhat, finality a thousand blocks away (needs Go)
	$(call run-tests,nodes far_finality,3)
	$(call run-tests,kaia,1)

# A network of Kaia is 26 nodes, so that one at a time is enough for two cores.
test-kaia: tools rust protoc kaia ## Every fault of nodes that Kaia can have, on Kaia's nodes: before a release (needs Go)
	$(call run-tests,kaia kaia_long,1)

# A build of its own, with a feature that is off by default: `make check` compiles and lints it, and this runs it.
.PHONY: test-kms
test-kms: tools protoc ## Keys of everybody in AWS KMS, on a server that speaks its API
	@tools/fetch kms
	$(CARGO) test $(CARGO_FLAGS) --workspace --features polyspan-cli/aws-kms --test kms

# What takes longer than a check or a test may: docs/proving.md says what each shows, and what it does not.
.PHONY: coverage prove prove-invariants prove-symbolic prove-mutation
coverage: tools python ## Line and branch coverage of the contracts, at least 95 % of each
	contracts/coverage

prove: prove-invariants prove-symbolic prove-mutation ## Invariants 100 times as long, symbolic proofs, mutation (hours)

# How many times as many runs as `make test` has.
TIMES ?= 100
prove-invariants: tools python ## Invariants and fuzz tests 100 times as long, in rounds; one that was ended goes on
	contracts/prolong --times $(TIMES) $(PROLONG_FLAGS)

prove-symbolic: python-tools ## Threshold, votes, nonces and roots for all values at once (halmos)
	contracts/symbolic

prove-mutation: tools python ## One small fault at a time in the contracts: every one must be noticed
	contracts/mutate $(MUTATE_FLAGS)
