#!/bin/sh
# The command tsblk-disk, `npx tsblk-disk`: finds what `make build` has made of
# scripts/tsblk_disk.ts, wherever it is called from, or says that it has to be made first.
set -eu

root=$(dirname "$(dirname "$(readlink -f "$0")")")
program=$root/build/node/scripts/tsblk_disk.js
if [ ! -r "$program" ] || [ ! -r "$root/build/driver.wasm" ]; then
    printf 'tsblk-disk: not built yet: run make build in %s first\n' "$root" >&2
    exit 2
fi
exec node "$program" "$@"
