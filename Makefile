# tsblk: `make help` lists the targets. Works with GNU make 3.81 and newer.
#
# A target that builds first lets scripts/setup.sh install what is missing and then starts make
# again, so that the new make sees the compiler that was just installed.
# The kernel itself, and the choice of the cross compiler, is in shim/kernel.mk.

# DEBUG=1 is the debug kernel with the debug module; BUILD is where the kernel goes.
DEBUG ?= 0
OUTPUT := $(if $(filter 1,$(DEBUG)),build/debug,build)
BUILD ?= $(OUTPUT)
MODULE ?= $(OUTPUT)/driver.wasm

# Text for the guest and for QEMU reaches scripts/qemu.sh through the environment, not expanded.
$(foreach name,CMD DISK QEMU_ARGS UNTIL,$(if $(filter command%,$(origin $(name))), \
    $(eval override $(name) := $$(value $(name)))))
export CMD DISK QEMU_ARGS UNTIL

ifeq ($(V),)
.SILENT:
endif
step = @printf '  %-6s %s\n' '$(1)' '$(2)'

AGAIN = $(MAKE) --no-print-directory
NODE_BIN := node_modules/.bin
PACKAGES := node_modules/.package-lock.json
TOOLS := build/node.stamp
LINUX_KERNEL := BUILD=build/linux-gnu CROSS=riscv64-linux-gnu-

DRIVER_SOURCES := $(shell find driver -name '*.ts')
TOOL_SOURCES := $(shell find scripts tests -name '*.ts')
# A test file that hangs is ended and fails.
FILE_DEADLINE_MS := 240000
TESTS ?= $(shell find tests -name '*.test.ts')

.DELETE_ON_ERROR:
.PHONY: help run boot build test debug check bench fuzz fuzz-wasm crash faults fmt clean kernel

help: ## list the targets (default)
	echo 'tsblk: a virtio-blk driver in TypeScript, interpreted on bare-metal RISC-V'
	echo
	awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s  %s\n", $$1, $$2 }' Makefile
	echo
	echo 'make run takes CMD="dd read 7; poweroff"  DISK="a.img b.qcow2"  FORMAT=raw|qcow2'
	echo '               TRANSPORT=legacy|modern  MEM=128M  ICOUNT=shift=1,sleep=on  QEMU_ARGS="..."'
	echo '               UNTIL="TSBLK: ready"  TIMEOUT=60'
	echo 'All of them take CROSS=riscv64-linux-gnu- and V=1, which shows the commands.'

# GNU make ends with 0, 1 or 2 whatever its recipes end with. Where it can load functions, and there
# is a compiler for this machine, one of ours ends it with the status of scripts/run.sh. Elsewhere 1
# is what it ends with to say, under -q, that something is left to do; so `make run` runs under -q,
# with recipes that are marked to run nevertheless, and a run that ended with 1 leaves one recipe
# that is not. Any other failure is make's usual 2 there, with the status in the message.
ifeq ($(MAKECMDGOALS),run)
ifeq ($(findstring n,$(firstword -$(MAKEFLAGS))),)
HOST_CC := $(firstword $(foreach name,cc gcc,$(if $(shell command -v $(name)),$(name))))
ifneq ($(and $(filter load,$(.FEATURES)),$(HOST_CC)),)
EXIT_STATUS := build/exit_status.so
else
MAKEFLAGS += q
ALWAYS := +
endif
endif
endif
RUN_STATUS = $(shell cat build/run.status 2>/dev/null)
# Expanded when the recipe is due: loads what `boot` has made, and ends make with it.
END = $(if $(EXIT_STATUS),$(eval -load $(EXIT_STATUS))$(if $(.LOADED),$(exit_status $(RUN_STATUS))))

run: boot ## build what is missing and boot into the shell
	$(END)
	$(if $(filter 1,$(RUN_STATUS)),exit 1)
	$(if $(filter-out 0 1,$(RUN_STATUS)),$(ALWAYS)exit $(RUN_STATUS))

boot: $(EXIT_STATUS)
	$(ALWAYS)scripts/setup.sh run
	$(ALWAYS)MAKEFLAGS= $(AGAIN) kernel
	$(ALWAYS)status=0; KERNEL=$(BUILD)/tsblk.elf scripts/run.sh || \
	    status=$$?; \
	    echo $$status >build/run.status

build/exit_status.so: scripts/exit_status.c
	mkdir -p build
	$(HOST_CC) -shared -fPIC -nostdlib -o $@ $< 2>/dev/null || true

build: ## build the kernel, build/tsblk.elf
	scripts/setup.sh run
	$(AGAIN) kernel

test: ## run all checks and tests (TESTS="tests/shell.test.ts" for some)
	scripts/setup.sh test
	$(AGAIN) -j2 kernel
	$(AGAIN) -j2 kernel DEBUG=1
	if command -v riscv64-linux-gnu-gcc >/dev/null; then $(AGAIN) -j2 kernel $(LINUX_KERNEL); fi
	$(AGAIN) check
	node --test --test-concurrency=2 --test-timeout=$(FILE_DEADLINE_MS) --test-reporter=spec \
	    $(TESTS:%.ts=build/node/%.js)

debug: ## boot the debug kernel and wait for gdb
	scripts/setup.sh run
	$(AGAIN) kernel DEBUG=1
	GDB=1 KERNEL=build/debug/tsblk.elf scripts/run.sh

check: $(TOOLS) ## check layers, tidiness, dead exports and format
	node build/node/scripts/check.js

bench: ## measure: against qemu-img bench on the same file, and in guest instructions
	scripts/setup.sh run
	$(AGAIN) kernel
	$(AGAIN) kernel BUILD=build/bench GUARD_SWITCH=1
	node build/node/scripts/bench.js

fuzz: ## random requests and hostile devices (SEED=1 FUZZ_REQUESTS=5000000)
	scripts/setup.sh run
	$(AGAIN) build/driver.wasm
	SEED=$${SEED:-$$(date +%s)} FUZZ_REQUESTS=$${FUZZ_REQUESTS:-5000000} \
	    node --test --test-reporter=spec build/node/tests/fuzz.test.js

fuzz-wasm: ## mutants of the driver under sanitizers (SEED=1 FUZZ_WASM_SECONDS=600)
	scripts/setup.sh test
	$(AGAIN) build/driver.wasm
	SEED=$${SEED:-$$(date +%s)} FUZZ_WASM_SECONDS=$${FUZZ_WASM_SECONDS:-600} \
	    node --test --test-reporter=spec --test-name-pattern='^fuzz:' \
	    build/node/tests/module_check.test.js

crash: ## kill -9 QEMU at random moments while StateFS works (COUNT=1000 SEED=1)
	scripts/setup.sh run
	$(AGAIN) kernel
	COUNT=$${COUNT:-1000} SEED=$${SEED:-$$(date +%s)} \
	    node --test --test-reporter=spec build/node/tests/statefs_kill.test.js

faults: ## stop the driver at random moments while StateFS works (COUNT=1000 SEED=1)
	scripts/setup.sh run
	$(AGAIN) kernel
	$(AGAIN) kernel DEBUG=1
	COUNT=$${COUNT:-1000} SEED=$${SEED:-$$(date +%s)} \
	    node --test --test-reporter=spec --test-name-pattern='stopped at random' \
	    build/node/tests/restart_debug.test.js

fmt: $(TOOLS) ## format all TypeScript, JSON and C
	node build/node/scripts/check.js --write

clean: ## remove what was built; disk images stay
	for path in build/*; do \
	    case $$path in *.img | *.qcow2) ;; *) rm -rf "$$path" ;; esac; \
	done

# Installed again when the lock file changes; npm writes the stamp itself.
$(PACKAGES): package-lock.json
	$(call step,NPM,node_modules)
	npm ci --loglevel=error >/dev/null
	touch $@

# The tests and the scripts, type-checked.
$(TOOLS): $(TOOL_SOURCES) scripts/tsconfig.json $(PACKAGES)
	$(call step,TSC,build/node)
	mkdir -p build
	$(NODE_BIN)/tsc -p scripts
	touch $@

# The tools that shim/kernel.mk names.
build/node/scripts/check_object.js build/node/scripts/compress_module.js \
    build/node/scripts/line_table.js: | $(TOOLS) ;

# A module that validation refuses is deleted.
SURFACE := scripts/module_surface.txt scripts/module_rules.ts scripts/validate_module.ts
MODULE_DEPENDENCIES := $(DRIVER_SOURCES) asconfig.json $(SURFACE) $(PACKAGES)

build/driver.wasm: $(MODULE_DEPENDENCIES) | $(TOOLS)
	$(call step,ASC,$@)
	$(NODE_BIN)/asc --target release
	node build/node/scripts/validate_module.js $@

build/debug/driver.wasm: $(MODULE_DEPENDENCIES) | $(TOOLS)
	$(call step,ASC,$@)
	$(NODE_BIN)/asc --target debug
	node build/node/scripts/validate_module.js $@

include shim/kernel.mk

# The kernel is compiled from what npm installs.
$(WASM3_SOURCES:%=$(WASM3_DIR)/%.c): | $(PACKAGES) ;
$(KERNEL_OBJECTS) $(WASM3_OBJECTS): | $(PACKAGES)
