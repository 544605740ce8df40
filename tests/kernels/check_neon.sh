#!/bin/sh
# Cross-builds the kernels' C and NEON levels and dml-check for AArch64, without
# GLib, and runs them under qemu.
# Usage: check_neon.sh SOURCE_ROOT WORK_DIR TEMPLATE... -- OTHER_SOURCE...
set -eu
root=$1 work=$2
shift 2
cc=${AARCH64_CC:-aarch64-linux-gnu-gcc}
for tool in "$cc" qemu-aarch64; do
    command -v "$tool" > /dev/null || {
        echo "check_neon: no $tool (Debian: gcc-aarch64-linux-gnu," \
            "libc6-dev-arm64-cross, qemu-user), skipped"
        exit 77
    }
done
# As meson.build and lib/kernels/meson.build have them.
flags="-std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused-parameter
    -ffp-contract=off -fno-math-errno -fno-strict-aliasing -I$root/lib"
rm -rf "$work"
mkdir -p "$work"
while [ "$1" != -- ]; do
    for isa in c neon; do
        "$cc" $flags -O3 -fno-trapping-math -DDML_ISA=$isa -c "$1" \
            -o "$work/$isa-$(basename "$1" .c).o"
    done
    shift
done
shift
"$cc" $flags -O2 -DDML_HAVE_NEON "$@" "$work"/*.o -static -lm \
    -o "$work/dml-check"
out=$(qemu-aarch64 "$work/dml-check") || { echo "$out"; exit 1; }
echo "$out"
case $out in
*"neon: "*" kernels"*passed*) ;;
*) echo "check_neon: NEON was not checked"; exit 1 ;;
esac
