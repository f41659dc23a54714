# The one front door. `make help` lists what there is; README.md tells the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help deps build test run bench fuzz sim tsan lint format docs install package clean

JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
BUILD = cmake --build
export CTEST_OUTPUT_ON_FAILURE = 1

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

deps: ## install the Debian packages that are missing
	@tools/deps.sh all

build: ## build the optimised program, build/posthorn (installs nothing)
	@tools/deps.sh build --check || echo "going on without them" >&2
	cmake --preset release --log-level=WARNING
	$(BUILD) build --target posthorn -j $(JOBS)

test: deps ## build with sanitizers, also for races between threads, and optimised; run every test
	cmake --preset dev --log-level=WARNING
	$(BUILD) build/dev -j $(JOBS)
	cmake --preset release --log-level=WARNING
	$(BUILD) build -j $(JOBS)
	cmake --preset tsan --log-level=WARNING
	$(BUILD) build/tsan --target posthorn -j $(JOBS)
	ctest --test-dir build/dev -j $(JOBS) --timeout 300 --no-tests=error --output-on-failure --repeat until-pass:2

run: ## build, start a complete server on loopback, send a mail through it, show it (ONCE=1: then end)
	@tools/deps.sh build
	@$(MAKE) --no-print-directory build
	@tools/run_demo.py $(if $(ONCE),--once)

bench: deps build ## beside Postfix, its smtp-source and smtp-sink, and a minimal durable server: ratios, and a table in build/bench.txt
	$(BUILD) build --target minimal_server sink load waiting -j $(JOBS)
	bench/run.py $(BENCH)
	bench/tls.py
	bench/pairs.py --at-least 1

fuzz: deps ## libFuzzer on each parser: make fuzz [TARGET=NAME] [SECONDS=60]
	tools/fuzz.py --target "$(TARGET)" --seconds "$(or $(SECONDS),60)"

sim: deps build ## the whole server in a simulated world: many seeds, every cut point of short histories, planted faults (SEEDS=1-20000)
	$(BUILD) build --target posthorn_planted -j $(JOBS)
	tools/sim.py seeds $(or $(SEEDS),1-20000)
	tools/sim.py exhaustive 1
	tools/sim.py exhaustive 2
	tools/sim.py exhaustive 3
	tools/sim.py hunt

tsan: deps ## the program under load, built with ThreadSanitizer
	cmake --preset tsan --log-level=WARNING
	$(BUILD) build/tsan --target posthorn -j $(JOBS)
	POSTHORN=build/tsan/posthorn tests/program/threads_test.py

lint: deps ## long functions and files, and clang-tidy: places to look
	cmake --preset dev --log-level=WARNING
	tools/lint.py

format: ## set every source in the project's style
	git ls-files -z '*.cpp' '*.hpp' | xargs -0 clang-format-19 -i

docs: build ## write what is made from the code: rfc_status.tsv, commands.md, settings.md, the example, manual pages, completions
	tools/check_rfc_status.py --update
	tools/make_commands.py build/posthorn > docs/commands.md
	build/posthorn help settings --markdown > docs/settings.md
	build/posthorn help settings --toml > packaging/posthorn.toml.example
	tools/make_pages.py build/posthorn packaging

install: ## install what was built: DESTDIR=, PREFIX=/usr/local
	tools/install.sh "$(DESTDIR)" "$(PREFIX)"

package: build ## a Debian package in build/
	tools/package.sh

clean: ## remove what was built
	rm -rf build
