# From the module to the kernel image: $(MODULE) to $(BUILD)/tsblk.elf.
#
# Included by the top Makefile, and usable by itself once the scripts are compiled:
# make -f shim/kernel.mk kernel. Variables that may be given:
#   BUILD    folder of everything made here
#   CROSS    prefix of the cross compiler (default: the first one found of the three below)
#   DEBUG    1 compiles the kernel's own files for gdb; wasm3 is the same in both
#   MODULE   the module to embed
#   GUARD_SWITCH  1 for a kernel with the boot argument guard=off (default: as DEBUG)
#
# What is rebuilt follows from the files a file includes (-MMD) and from stamps that change with the
# compiler and its flags. Nothing of wasm3 is copied: its sources are compiled where npm put them.

DEBUG ?= 0
GUARD_SWITCH ?= $(DEBUG)
BUILD ?= build
MODULE ?= build/driver.wasm
WASM3_DIR := node_modules/wasm3/cpp

CROSS_PREFIXES := riscv64-unknown-elf- riscv64-linux-gnu- riscv64-elf-
CROSS ?= $(firstword $(foreach p,$(CROSS_PREFIXES),$(if $(shell command -v $(p)gcc),$(p))))
KERNEL_CC := $(CROSS)gcc
KERNEL_OBJDUMP := $(CROSS)objdump

KERNEL_SOURCES := $(wildcard shim/*.c) shim/boot.S
WASM3_SOURCES := m3_bind m3_code m3_compile m3_core m3_env m3_function m3_module m3_parse

KERNEL_OBJECTS := $(patsubst shim/%,$(BUILD)/shim/%.o,$(basename $(KERNEL_SOURCES)))
WASM3_OBJECTS := $(WASM3_SOURCES:%=$(BUILD)/wasm3/%.o)
MODULE_OBJECT := $(BUILD)/shim/module.o
MODULE_COMPRESSED := $(BUILD)/shim/module.deflate
LINES_COMPRESSED := $(BUILD)/shim/lines.deflate

# No floating point and no C library, so one ABI serves all three compilers. The tuning makes gcc
# emit one instruction for a load or store of unknown alignment; see scripts/check_object.ts.
TARGET_FLAGS := -march=rv64imac_zicsr_zifencei -mabi=lp64 -mcmodel=medany \
  -mtune=thead-c906 -mno-strict-align -msmall-data-limit=0
# The interpreter also uses the address and bit instructions that QEMU's CPU has: a tenth fewer
# instructions. On a CPU without them the first WASM call is an illegal instruction, which panics.
WASM3_TARGET_FLAGS := $(subst rv64imac_,rv64imac_zba_zbb_,$(TARGET_FLAGS))
FREESTANDING_FLAGS = -ffreestanding -nostdinc -isystem shim/include \
  -isystem $(shell $(KERNEL_CC) -print-file-name=include) \
  -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
  -ffunction-sections -fdata-sections -g

# The stack height bounds the values a function may have at a time, locals among them; wasm3 clears
# that much for each function it compiles. Backtraces cost 11 instructions a call.
WASM3_DEFINES := -Dd_m3HasFloat=0 -Dd_m3VerboseErrorMessages=0 -Dd_m3PreferStaticAlloc=1 \
  -Dd_m3RecordBacktraces=1 -Dd_m3MaxFunctionStackHeight=512

KERNEL_CFLAGS = -std=c11 $(if $(filter 1,$(DEBUG)),-Og,-O2) \
  -Wall -Wextra -Wconversion -Wshadow -Werror -DTSBLK_DEBUG=$(DEBUG) \
  $(TARGET_FLAGS) $(FREESTANDING_FLAGS) -isystem $(WASM3_DIR) $(WASM3_DEFINES) \
  $(if $(filter 1,$(GUARD_SWITCH)),-DGUARD_SWITCH)
WASM3_CFLAGS = -std=gnu11 -O3 -fwrapv -fno-strict-aliasing -fomit-frame-pointer \
  $(WASM3_TARGET_FLAGS) $(FREESTANDING_FLAGS) -fbuiltin $(WASM3_DEFINES)
# The file with the ops. They begin at multiples of 32: QEMU keeps the way to the code of a jump's
# target in a small table, where most of them would share a place with another one otherwise.
OPS_CFLAGS := -falign-functions=32 -include shim/wasm_yield.h -include shim/wasm_frame.h
LINK_FLAGS := -nostdlib -static -no-pie \
  -Wl,--gc-sections -Wl,--build-id=none -Wl,-z,max-page-size=4096

kernel: $(BUILD)/tsblk.elf

$(BUILD)/tsblk.elf: $(KERNEL_OBJECTS) $(WASM3_OBJECTS) $(MODULE_OBJECT) $(BUILD)/shim/virt.ld \
    $(BUILD)/wasm3/checked
	$(call step,LINK,$@)
	$(Q)$(KERNEL_CC) $(TARGET_FLAGS) $(LINK_FLAGS) -T $(BUILD)/shim/virt.ld -o $@ $(filter %.o,$^)

$(BUILD)/shim/%.o: shim/%.c $(BUILD)/shim/flags
	$(call step,CC,$<)
	$(Q)$(KERNEL_CC) $(KERNEL_CFLAGS) -MMD -MP -c -o $@ $<

# The memory functions must not be compiled into calls of themselves.
$(BUILD)/shim/libc.o: KERNEL_CFLAGS += -fno-builtin -fno-tree-loop-distribute-patterns -O2

# Used after a failure only.
$(BUILD)/shim/line_table.o: KERNEL_CFLAGS += $(if $(filter 1,$(DEBUG)),,-Os)

# Each request goes through here as it goes through the interpreter.
$(BUILD)/shim/shadow_ring.o: KERNEL_CFLAGS += -O3 $(WASM3_TARGET_FLAGS)

$(BUILD)/shim/boot.o: shim/boot.S $(BUILD)/shim/flags
	$(call step,AS,$<)
	$(Q)$(KERNEL_CC) $(TARGET_FLAGS) -g -MMD -MP -c -o $@ $<

$(MODULE_OBJECT): shim/module.S $(MODULE_COMPRESSED) $(LINES_COMPRESSED) $(BUILD)/shim/flags
	$(call step,EMBED,$(MODULE))
	$(Q)$(KERNEL_CC) $(TARGET_FLAGS) -DMODULE_PATH='"$(MODULE_COMPRESSED)"' \
	    -DLINES_PATH='"$(LINES_COMPRESSED)"' -c -o $@ $<

$(MODULE_COMPRESSED): $(MODULE) $(BUILD)/shim/module_path scripts/compress_module.ts | $(TOOLS)
	$(Q)node build/node/scripts/compress_module.js $(MODULE) $@

$(LINES_COMPRESSED): $(MODULE) $(BUILD)/shim/module_path scripts/line_table.ts \
    scripts/module_lines.ts | $(TOOLS)
	$(Q)node build/node/scripts/line_table.js $(MODULE) $@

$(BUILD)/shim/virt.ld: linker/virt.ld shim/memlayout.h $(BUILD)/shim/flags
	$(Q)$(KERNEL_CC) -E -P -x c -I shim -o $@ $<

$(BUILD)/wasm3/%.o: $(WASM3_DIR)/%.c $(BUILD)/wasm3/flags
	$(call step,CC,wasm3 $(<F))
	$(Q)$(KERNEL_CC) $(WASM3_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/wasm3/m3_compile.o: WASM3_CFLAGS += $(OPS_CFLAGS)

# Loads and stores are one instruction and ops jump on, or there is no kernel.
$(BUILD)/wasm3/checked: $(BUILD)/wasm3/m3_compile.o scripts/check_object.ts | $(TOOLS)
	$(call step,CHECK,$<)
	$(Q)node build/node/scripts/check_object.js $(KERNEL_OBJDUMP) $<
	$(Q)touch $@

# Stamps: written only when what they hold has changed.
define stamp
@mkdir -p $(@D)
@printf '%s\n' '$(1)' | cmp -s - $@ || printf '%s\n' '$(1)' >$@
endef

KERNEL_CC_VERSION = $(shell $(KERNEL_CC) --version 2>&1 | head -n 1)

$(BUILD)/shim/flags: FORCE
	$(if $(CROSS),,$(error no RISC-V compiler: install gcc-riscv64-unknown-elf, or give CROSS=prefix-))
	$(call stamp,$(KERNEL_CC_VERSION) $(KERNEL_CFLAGS) $(LINK_FLAGS))

$(BUILD)/wasm3/flags: FORCE
	$(call stamp,$(KERNEL_CC_VERSION) $(WASM3_CFLAGS) $(OPS_CFLAGS))

$(BUILD)/shim/module_path: FORCE
	$(call stamp,$(MODULE))

FORCE:

.PHONY: kernel FORCE

-include $(wildcard $(BUILD)/shim/*.d $(BUILD)/wasm3/*.d)
