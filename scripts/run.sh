#!/bin/sh
# Boots tsblk in QEMU for a person: prints the command line and how to leave, keeps the console in
# build/uart.log, and after a panic names the TypeScript lines. Ends with QEMU's own exit status:
# 0, 1 when a boot command failed, 70 after a panic, 2 when a disk image was refused.
#
# Arguments and environment are those of scripts/qemu.sh; MAP is the source map of the module.
set -u
cd "$(dirname "$0")/.." || exit 2

LOG=${LOG:-build/uart.log}
export LOG

command=$(scripts/qemu.sh -n "$@") || exit
printf '%s\n' "$command"
if [ -n "${GDB:-}" ]; then
    echo "QEMU waits. In another terminal:"
    echo "  gdb-multiarch ${KERNEL:-build/tsblk.elf} -ex 'target remote :1234'"
fi
echo "Leave with Ctrl-A x; Ctrl-C goes to the guest."

status=0
scripts/qemu.sh "$@" || status=$?
if [ "$status" = 0 ]; then exit 0; fi

if [ "$status" = 70 ]; then
    node build/node/scripts/locate_trap.js "$LOG" "${MAP:-build/driver.wasm.map}"
fi
echo "tsblk: QEMU ended with status $status"
exit "$status"
