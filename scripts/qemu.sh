#!/bin/sh
# Starts QEMU: the one place that knows its options. The process becomes QEMU, so the exit status
# and the signals are QEMU's. Before that, a disk image that cannot be right is refused: status 2.
#
#   scripts/qemu.sh [-n] [[--drive OPTIONS] [--device OPTIONS] IMAGE]... [-- QEMU ARGUMENTS]
#
#   -n                 print the command, run nothing, make nothing (also DRY_RUN=1)
#   --drive, --device  more options for the -drive or the -device of the one image that follows
#
# An image is a path, which may have any character, or a URL that QEMU can open: nbd://host/export,
# nbd+unix:///export?socket=path, rbd:pool/image, iscsi://host/target/lun, and others. They become
# vda, vdb, ... in this order. Environment:
#   DISK        images, separated by spaces, when none is named above. If it is the path of one
#               file, it is that file, spaces and all. `none`: no disk. Unset: build/disk.img,
#               32 MiB, made when it is not there
#   FORMAT      raw, qcow2, or another that QEMU knows, of every image whose --drive has no format=.
#               Unset: qcow2 where the name ends in .qcow2, otherwise raw
#   TRANSPORT   modern (default) or legacy: the version of the virtio,mmio windows
#   CMD         boot arguments: shell commands separated by ;
#   KERNEL      default build/tsblk.elf
#   MEM         default 128M
#   ICOUNT      value of -icount: time counts instructions, e.g. shift=1,sleep=on
#   LOG         file that receives a copy of the console
#   GDB         not empty: wait for gdb on port 1234
#   QEMU        the program; default qemu-system-riscv64
#   QEMU_ARGS   appended to the command line, split at spaces
set -eu
set -f # DISK and QEMU_ARGS are split into words, never matched against files

default_disk=build/disk.img
default_disk_bytes=33554432

# When an NBD server goes away, QEMU keeps requests for so many seconds before they fail. It is less
# than the 5 s after which the driver resets the disk, and a reset would wait for all of them.
nbd_reconnect_seconds=4

refuse() {
    printf 'tsblk: %s\n' "$1" >&2
    exit 2
}

# QEMU reads a comma as the end of a value and a doubled one as a comma.
escape_commas() {
    case $1 in
        *,*) printf '%s\n' "$1" | sed 's/,/,,/g' ;;
        *) printf '%s\n' "$1" ;;
    esac
}

# Before its first slash a colon would name a protocol, so no path starts without one.
qemu_path() {
    case $1 in
        /* | ./* | ../*) escape_commas "$1" ;;
        *) escape_commas "./$1" ;;
    esac
}

is_url() {
    case $1 in
        *://* | nbd:* | rbd:*) [ ! -e "$1" ] ;;
        *) false ;;
    esac
}

# The format of image $1, whose options are $2.
format_of() {
    case $2,$1 in
        *,format=*)
            format=${2##*,format=}
            printf '%s\n' "${format%%,*}"
            ;;
        *.qcow2) printf '%s\n' "${FORMAT:-qcow2}" ;;
        *) printf '%s\n' "${FORMAT:-raw}" ;;
    esac
}

check_image() {
    [ -e "$1" ] || refuse "disk image $1 does not exist"
    [ ! -d "$1" ] || refuse "disk image $1 is a directory"
    [ -r "$1" ] || refuse "disk image $1 cannot be read: permission denied"
    if [ -b "$1" ]; then return; fi
    [ -f "$1" ] || refuse "disk image $1 is not a regular file"
    bytes=$(($(wc -c <"$1")))
    [ "$bytes" -gt 0 ] || refuse "disk image $1 is empty (0 bytes)"
    if [ "$2" = raw ]; then check_raw "$1" "$3"; fi
}

# The length of a raw image is the disk's. A qcow2 image is taken for raw only when that is said.
check_raw() {
    case ${FORMAT:+,format=}$2 in
        *,format=*) ;;
        *)
            [ "$(head -c 3 "$1" | tr -d '\000')" != QFI ] ||
                refuse "disk image $1 is a qcow2 image: say FORMAT=qcow2, or FORMAT=raw"
            ;;
    esac
    [ $((bytes % 512)) -eq 0 ] ||
        refuse "disk image $1 has $bytes bytes, not a whole number of 512-byte sectors"
}

# The options of -drive for image $1 of format $2.
drive_options() {
    if ! is_url "$1"; then
        printf 'format=%s,file=%s\n' "$2" "$(qemu_path "$1")"
        return
    fi
    printf 'format=%s,file=%s' "$2" "$(escape_commas "$1")"
    case $1 in
        nbd:* | nbd+* | nbds:* | nbds+*) printf ',file.reconnect-delay=%s' $nbd_reconnect_seconds ;;
    esac
    echo
}

# A sparse file: the last byte is written, the rest is a hole.
make_default_disk() {
    if [ -e "$default_disk" ] || [ -n "$dry_run" ]; then return; fi
    mkdir -p build
    dd if=/dev/zero of="$default_disk" bs=1 count=1 seek=$((default_disk_bytes - 1)) 2>/dev/null ||
        refuse "cannot make the disk image $default_disk"
}

# The arguments as a line that a shell reads back as the same arguments.
print_command() {
    line=
    for word in "$@"; do
        case $word in
            '' | *[!A-Za-z0-9_./:=,@%+-]*)
                word=\'$(printf '%s\n' "$word" | sed "s/'/'\\\\''/g")\'
                ;;
        esac
        line="$line $word"
    done
    printf '%s\n' "${line# }"
}

dry_run=${DRY_RUN:-}
if [ "${1:-}" = -n ]; then
    dry_run=1
    shift
fi

case ${TRANSPORT:-modern} in
    modern) force_legacy=false ;;
    legacy) force_legacy=true ;;
    *) refuse "TRANSPORT=$TRANSPORT is not known: choose legacy or modern" ;;
esac

case ${FORMAT:-raw} in
    *[!a-z0-9-]*) refuse "FORMAT=$FORMAT is not known: choose raw or qcow2" ;;
esac

kernel=${KERNEL:-build/tsblk.elf}
[ -n "$dry_run" ] || [ -r "$kernel" ] || refuse "kernel $kernel is not there: make build makes it"

case ${1:-} in
    '' | --)
        disk=${DISK:-$default_disk}
        if [ "$disk" = "$default_disk" ]; then make_default_disk; fi
        if [ "$disk" = none ]; then
            :
        elif [ -e "$disk" ]; then
            set -- "$disk" "$@"
        else
            # shellcheck disable=SC2086
            set -- $disk "$@"
        fi
        ;;
esac

# Each argument is taken from the front and what becomes of it is put at the end.
count=$#
index=0
drive=
device=
while [ "$count" -gt 0 ]; do
    word=$1
    shift
    count=$((count - 1))
    case $word in
        --) break ;;
        --drive | --device)
            [ "$count" -gt 0 ] || refuse "$word needs a value"
            if [ "$word" = --drive ]; then drive=,$1; else device=,$1; fi
            shift
            count=$((count - 1))
            continue
            ;;
        -*) refuse "unknown option $word (an image whose name starts with - is named ./$word)" ;;
    esac
    format=$(format_of "$word" "$drive")
    if ! is_url "$word" && { [ -z "$dry_run" ] || [ "$word" != "$default_disk" ]; }; then
        check_image "$word" "$format" "$drive"
    fi
    set -- "$@" \
        -drive "if=none,id=disk$index,$(drive_options "$word" "$format")$drive" \
        -device "virtio-blk-device,drive=disk$index$device"
    index=$((index + 1))
    drive=
    device=
done
# What followed -- still stands in front: it goes to the end as it is.
while [ "$count" -gt 0 ]; do
    set -- "$@" "$1"
    shift
    count=$((count - 1))
done

if [ -n "${CMD:-}" ]; then set -- -append "$CMD" "$@"; fi
if [ -n "${ICOUNT:-}" ]; then set -- -icount "$ICOUNT" "$@"; fi
if [ -n "${GDB:-}" ]; then set -- -s -S "$@"; fi

# One stdio for console and monitor; Ctrl-C belongs to the guest, Ctrl-A x leaves.
console=stdio,id=console,mux=on,signal=off
if [ -n "${LOG:-}" ]; then console=$console,logfile=$(qemu_path "$LOG"); fi

# shellcheck disable=SC2086
set -- "${QEMU:-qemu-system-riscv64}" -M virt -bios none -m "${MEM:-128M}" -smp 1 -display none \
    -chardev "$console" -serial chardev:console -mon chardev=console \
    -global "virtio-mmio.force-legacy=$force_legacy" -kernel "$kernel" "$@" ${QEMU_ARGS:-}

if [ -n "$dry_run" ]; then
    print_command "$@"
    exit 0
fi
exec "$@"
