#!/usr/bin/env bash
# Installs the Debian packages of tests/packages.txt that are missing.
# usage: tests/install-packages.sh [--check]   --check only says what is missing
set -eu
list="$(dirname "$0")/packages.txt"
missing=$(grep -v '^#' "$list" | while read -r package; do
    [ -z "$package" ] || dpkg-query -W -f '${Status}' "$package" 2> /dev/null |
        grep -q 'install ok installed' || echo "$package"
done)
[ -n "$missing" ] || exit 0
# shellcheck disable=SC2086 # a list of words
set -- ${1:-} $missing
if [ "$1" = --check ]; then
    shift
    echo "missing Debian packages: $*" >&2
    echo "install them with: apt-get install $*" >&2
    exit 1
fi
root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo > /dev/null ||
        { echo "to be installed as root: apt-get install $*" >&2; exit 1; }
    root=sudo
fi
echo "installing Debian packages: $*"
export DEBIAN_FRONTEND=noninteractive
$root apt-get update -qq
$root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$@" > /dev/null
