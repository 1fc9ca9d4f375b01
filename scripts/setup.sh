#!/bin/sh
# Installs what tsblk needs and this machine lacks; says nothing when there is nothing to do.
#
#   scripts/setup.sh run     QEMU, qemu-img and a riscv64 cross compiler
#   scripts/setup.sh test    also qemu-nbd and qemu-io, the second cross compiler and a native one
#
# It installs with apt, as root or by sudo without a password. Anywhere else it stops with status 1
# and prints the command to type. It never installs Node: a distribution's own is often too old, and
# which newer one to take is not ours to decide. CROSS names the cross compiler to use.
set -eu

purpose=${1:-run}
required= # what nothing works without: words of `package` below
optional= # what only widens the tests

say() {
    printf 'setup: %s\n' "$1" >&2
}

has() {
    command -v "$1" >/dev/null 2>&1
}

check_node() {
    found=none
    if has node; then found=$(node --version); fi
    major=${found#v}
    major=${major%%.*}
    case $major in
        '' | *[!0-9]*) major=0 ;;
    esac
    if [ "$major" -lt 20 ] || ! has npm; then
        say "Node 20 or newer with npm is needed (found: $found). Get it from https://nodejs.org/"
        exit 1
    fi
}

# The word for the compiler that is missing, nothing when there is one.
missing_cross() {
    if [ -n "${CROSS:-}" ]; then
        has "${CROSS}gcc" && return
        case $CROSS in
            riscv64-unknown-elf-) echo elf ;;
            riscv64-linux-gnu-) echo linux ;;
            *)
                say "CROSS=$CROSS: there is no ${CROSS}gcc on the PATH"
                return 1
                ;;
        esac
        return
    fi
    for prefix in riscv64-unknown-elf- riscv64-linux-gnu- riscv64-elf-; do
        has "${prefix}gcc" && return
    done
    echo elf
}

find_missing() {
    cross=$(missing_cross) || exit 1
    required=$cross
    optional=
    has qemu-system-riscv64 || required="$required qemu"
    has qemu-img || required="$required image"
    if [ "$purpose" = test ]; then find_missing_for_tests; fi
    required=${required# }
    optional=${optional# }
}

find_missing_for_tests() {
    { has qemu-nbd && has qemu-io; } || required="$required image"
    has gcc || required="$required native"
    if [ -n "${CROSS:-}" ]; then return; fi
    has riscv64-unknown-elf-gcc || [ "$cross" = elf ] || optional="$optional elf"
    has riscv64-linux-gnu-gcc || optional="$optional linux"
}

# Where RISC-V has a package of its own (newer Debian and Ubuntu) the older one lacks it.
apt_qemu() {
    if has apt-cache && apt-cache show qemu-system-riscv >/dev/null 2>&1; then
        echo qemu-system-riscv
    else
        echo qemu-system-misc
    fi
}

# The packages of system $1 that bring the thing $2.
package() {
    case $1-$2 in
        apt-qemu) apt_qemu ;;
        apt-image) echo qemu-utils ;;
        apt-elf) echo gcc-riscv64-unknown-elf ;;
        apt-linux) echo gcc-riscv64-linux-gnu ;;
        apt-native) echo gcc libc6-dev ;;
        dnf-qemu) echo qemu-system-riscv-core ;;
        dnf-image) echo qemu-img ;;
        dnf-elf | dnf-linux) echo gcc-riscv64-linux-gnu ;;
        dnf-native) echo gcc libasan libubsan ;;
        pacman-qemu) echo qemu-system-riscv ;;
        pacman-image) echo qemu-img ;;
        pacman-elf) echo riscv64-elf-gcc ;;
        pacman-linux) echo riscv64-linux-gnu-gcc ;;
        pacman-native) echo gcc ;;
        brew-qemu | brew-image) echo qemu ;;
        brew-elf | brew-linux) echo riscv64-elf-gcc ;;
        brew-native) echo gcc ;;
    esac
}

# The packages of system $1 for the things that follow, each once, on one line.
packages() {
    system=$1
    shift
    line=
    for thing in "$@"; do
        for name in $(package "$system" "$thing"); do
            case " $line " in
                *" $name "*) ;;
                *) line="$line $name" ;;
            esac
        done
    done
    echo "${line# }"
}

explain_and_stop() {
    say "missing, and not installable from here: type the line for your system, then start again."
    apt='sudo apt-get update && sudo apt-get install --no-install-recommends'
    # shellcheck disable=SC2086
    cat >&2 <<END
  Debian, Ubuntu: $apt $(packages apt $required)
  Fedora:         sudo dnf install $(packages dnf $required)
  Arch:           sudo pacman -S --needed $(packages pacman $required)
  macOS:          brew install $(packages brew $required)
END
    exit 1
}

# The words to put before a command that needs root; fails when there is no way.
become_root() {
    if [ "$(id -u)" = 0 ]; then
        echo env
    elif has sudo && sudo -n true >/dev/null 2>&1; then
        echo sudo -n env
    else
        return 1
    fi
}

install_by_apt() {
    has apt-get && root=$(become_root) || return 1
    # shellcheck disable=SC2086
    $root DEBIAN_FRONTEND=noninteractive apt-get -qq update || say "going on with the old lists"
    # After the update, because the names depend on what the distribution offers.
    # shellcheck disable=SC2086
    names=$(packages apt $required $optional)
    say "installing $names"
    # shellcheck disable=SC2086
    $root DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $names
}

case $purpose in
    run | test) ;;
    *)
        say "usage: scripts/setup.sh run|test"
        exit 2
        ;;
esac

check_node
find_missing
if [ -z "$required$optional" ]; then exit 0; fi
if install_by_apt; then find_missing; fi
if [ -n "$required" ]; then explain_and_stop; fi
if [ -n "$optional" ]; then
    # shellcheck disable=SC2086
    say "going on without $(packages apt $optional): the kernel is tested with one compiler only"
fi
