#!/bin/sh
# Boots tsblk in QEMU for a person or a script: prints the command line and how to leave, and keeps
# the console in build/uart.log. Ends with
#   QEMU's own status: 0, 1 when a boot command failed, 70 after a panic, what `poweroff n` says
#   2    something in the environment or a disk image was refused
#   125  QEMU did not start, and has said why
#   127  there is no QEMU
#
# Arguments and environment are those of scripts/qemu.sh. With UNTIL=text, or TIMEOUT=seconds,
# scripts/watch_run.ts ends QEMU and says with what status.
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

# So that what is in it afterwards is of this run.
if [ -f "$LOG" ]; then true >"$LOG"; fi
status=0
if [ -n "${UNTIL:-}${TIMEOUT:-}" ]; then
    node build/node/scripts/watch_run.js "$@" || status=$?
else
    scripts/qemu.sh "$@" || status=$?
    [ "$status" = 0 ] || echo "tsblk: QEMU ended with status $status"
fi
if [ "$status" = 0 ]; then exit 0; fi

# The guest prints before it does anything else.
if [ "$status" = 1 ] && [ -f "$LOG" ] && [ ! -s "$LOG" ]; then
    echo "tsblk: QEMU did not start"
    exit 125
fi
exit "$status"
