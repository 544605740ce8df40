#!/usr/bin/env bash
# The Debian packages build and lintian finds no error. Usage: package.sh SOURCE
set -eu
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
# Time goes into the library's code, not into what a debugger would read.
export DEB_BUILD_OPTIONS=noautodbgsym
status=0
"$1/tools/debian/build-package.sh" --out "$out" 2>&1 || status=$?
[ $status = 0 ] || exit $status
[ "$(find "$out" -name '*.deb' | wc -l)" = 8 ] ||
    { echo "8 packages expected, got:"; find "$out" -name '*.deb'; exit 1; }
