#!/bin/sh
# dml-check on an emulated processor of 2008: SSE4.2 and no AVX. An instruction
# of a higher level that strayed into plain C, into detection or into the check
# itself ends it. Usage: check_nehalem.sh DML_CHECK
set -eu
command -v qemu-x86_64 > /dev/null || {
    echo "check_nehalem: no qemu-x86_64 (Debian: qemu-user), skipped"
    exit 77
}
# Emulated, every level but c must be found missing.
out=$(qemu-x86_64 -cpu Nehalem "$1") || { echo "$out"; exit 1; }
echo "$out"
case $out in
*avx*) echo "check_nehalem: AVX was detected where there is none"; exit 1 ;;
*"c: "*" kernels"*passed*) ;;
*) echo "check_nehalem: plain C was not checked"; exit 1 ;;
esac
