# wasm3 for the host, under the address and undefined-behaviour sanitizers, with and without the
# shim around it: make -f tests/shim/host.mk host.
#
#   module_runner  the shim's glue, and wasm3 with the kernel's settings
#   bare_wasm3     wasm3 alone, with the settings it comes with

HOST_BUILD := build/tests/host
HOST_CC := gcc

include shim/kernel.mk

# Stack checks would give each instruction of WASM a stack frame of its own.
HOST_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
HOST_WASM3_CFLAGS := -std=gnu11 -O1 -g -w -fwrapv -fno-strict-aliasing -foptimize-sibling-calls \
  $(HOST_SANITIZE) --param asan-stack=0
HOST_DEFINES := $(WASM3_DEFINES) -Dd_m3Use32BitSlots=0
HOST_HEAP := -include shim/memory.h -Dcalloc=memory_calloc -Drealloc=memory_realloc \
  -Dfree=memory_free
HOST_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror $(HOST_SANITIZE) -isystem $(WASM3_DIR) \
  $(HOST_DEFINES) -DTSBLK_DEBUG=0

HOST_WASM3 := $(WASM3_SOURCES) m3_info
HOST_SHIM := canary crc32c guard guard_queue guard_refuse handover host_imports inflate line_table \
  module_check print shadow_ring validate validate_code validate_control validate_reader wasm_host
RUNNER_OBJECTS := $(HOST_SHIM:%=$(HOST_BUILD)/shim/%.o) $(HOST_WASM3:%=$(HOST_BUILD)/wasm3/%.o) \
  $(HOST_BUILD)/module_runner.o $(HOST_BUILD)/host_stand_ins.o
BARE_OBJECTS := $(HOST_WASM3:%=$(HOST_BUILD)/bare/%.o) $(HOST_BUILD)/bare_wasm3.o

host: $(HOST_BUILD)/module_runner $(HOST_BUILD)/bare_wasm3

$(HOST_BUILD)/module_runner: $(RUNNER_OBJECTS)
	$(HOST_CC) $(HOST_SANITIZE) -Wl,--wrap=module_check -o $@ $^

$(HOST_BUILD)/bare_wasm3: $(BARE_OBJECTS)
	$(HOST_CC) $(HOST_SANITIZE) -o $@ $^ -lm

$(HOST_BUILD)/wasm3/%.o: $(WASM3_DIR)/%.c tests/shim/host.mk
	@mkdir -p $(@D)
	$(HOST_CC) $(HOST_WASM3_CFLAGS) $(HOST_DEFINES) $(HOST_HEAP) -MMD -MP -c -o $@ $<

$(HOST_BUILD)/bare/%.o: $(WASM3_DIR)/%.c tests/shim/host.mk
	@mkdir -p $(@D)
	$(HOST_CC) $(HOST_WASM3_CFLAGS) -MMD -MP -c -o $@ $<

$(HOST_BUILD)/shim/%.o: shim/%.c tests/shim/host.mk
	@mkdir -p $(@D)
	$(HOST_CC) $(HOST_CFLAGS) -include tests/shim/host_asm.h -MMD -MP -c -o $@ $<

$(HOST_BUILD)/%.o: tests/shim/%.c tests/shim/host.mk
	@mkdir -p $(@D)
	$(HOST_CC) $(HOST_CFLAGS) -MMD -MP -c -o $@ $<

.PHONY: host

-include $(wildcard $(HOST_BUILD)/*.d $(HOST_BUILD)/*/*.d)
