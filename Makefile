# SPDX-License-Identifier: MIT
#
# Verbs for people; Meson does the building, by scripts/build.sh, in build/CONF.
# A verb whose parts are not in this tree says so and fails.

.DEFAULT_GOAL := help
.PHONY: help demo build test test-long check bench bench-peers fuzz lint format size dist clean

# make demo DEMO=user: without QEMU     make check T=unit/ring: only those programs     make fuzz T=target S=seconds
DEMO ?= kernel
T ?=
S ?= 60

absent = @echo "make $@: $(1)" >&2; exit 2

help: ## this text
	@echo "Cairn. make VERB:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' Makefile

demo: ## boot the example kernel, trace it from outside, report (DEMO=user: a program instead); results in build/demo
ifeq ($(wildcard scripts/demo.sh),)
	$(call absent,the demonstration (scripts/demo.sh) is not in this tree yet)
else
	@scripts/install-deps.sh demo
	@scripts/build.sh host
	@scripts/demo.sh $(DEMO)
endif

build: ## the command, the library and the tests, in build/host
	@scripts/build.sh host

test: ## everything that must hold; ends with: N passed, N failed, N skipped
	@scripts/install-deps.sh
	@scripts/run-tests.py --full $(T)

test-long: ## make test, then the long forms: enumeration, all mutants, hundreds of kill rounds (hours)
	@scripts/install-deps.sh
	@scripts/run-tests.py --full
	@scripts/run-tests.py --long

check: ## the host suites unit, model, build, cli, in under a minute (T=unit/ring: only those)
	@scripts/run-tests.py $(if $(T),$(T),--quick $(filter $(notdir $(wildcard tests/*)),unit model build cli))

bench: ## the benchmarks; writes build/bench/results.json
ifeq ($(wildcard bench/run.py),)
	$(call absent,the benchmarks (bench/run.py) are not in this tree yet)
else
	@scripts/install-deps.sh
	@scripts/build.sh host
	@bench/run.py
endif

bench-peers: ## the same with LTTng-UST and DPDK's trace library, which it installs
ifeq ($(wildcard bench/run.py),)
	$(call absent,the benchmarks (bench/run.py) are not in this tree yet)
else
	@scripts/install-deps.sh peers
	@scripts/build.sh peers
	@bench/run.py --peers
endif

fuzz: ## fuzz a parser (T=target S=seconds)
ifeq ($(wildcard scripts/fuzz.sh),)
	$(call absent,the fuzz targets (scripts/fuzz.sh) are not in this tree yet)
else
	@scripts/install-deps.sh
	@scripts/fuzz.sh "$(T)" "$(S)"
endif

lint: ## format, tidy, includes, symbols, licence lines
	@scripts/lint.sh

format: ## apply .clang-format to the tracked C files
	@git ls-files -z '*.c' '*.h' | xargs -0r clang-format -i

size: ## text, stack and structure sizes of the core per architecture
	@scripts/size.py

dist: ## the library as two files, cairn.c and cairn.h, in build/dist
ifeq ($(wildcard scripts/amalgamate.py),)
	$(call absent,the single-file build (scripts/amalgamate.py) is not in this tree yet)
else
	@scripts/amalgamate.py build/dist
endif

clean: ## remove build/
	rm -rf build
