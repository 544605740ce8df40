#!/usr/bin/env bash
# Makes the Debian packages in a build folder and holds them to lintian.
set -eu
usage() {
    cat <<'U'
usage: tools/debian/build-package.sh [--out DIR] [--no-lintian]
  --out DIR     where to build: a new or an empty folder, or an earlier build's
                (default: _build/debian beside the sources)
  --no-lintian  leave the check of the packages out
Leaves *.deb, the source package and lintian.txt in DIR. Exit 1: the build or
lintian found an error; 77: a package that building needs is not installed.
U
}
root=$(cd "$(dirname "$0")/../.." && pwd)
out=$root/_build/debian lintian=1
while [ $# -gt 0 ]; do
    case $1 in
    --out)
        [ $# -gt 1 ] ||
            { echo "build-package.sh: --out wants a value" >&2; exit 2; }
        out=$2
        shift
        ;;
    --no-lintian) lintian=0 ;;
    --help|-h) usage; exit 0 ;;
    *) echo "build-package.sh: $1: not an option" >&2; usage >&2; exit 2 ;;
    esac
    shift
done

# What lies in DIR is replaced, so it must be ours.
mark=.dml-packages
mkdir -p "$out"
[ -e "$out/$mark" ] || [ -z "$(ls -A "$out")" ] || {
    echo "build-package.sh: $out: holds files that are not of an earlier build;" \
        "name a new or an empty folder" >&2
    exit 2
}
: >> "$out/$mark"

# need PROGRAM PACKAGE: or say what to install
need() {
    command -v "$1" > /dev/null && return
    echo "skipped: $1 is not here; apt-get install $2" >&2
    exit 77
}
need dpkg-buildpackage dpkg-dev
need dh debhelper
[ $lintian = 0 ] || need lintian lintian
missing=$(cd "$root/tools/debian" &&
    dpkg-checkbuilddeps debian/control 2>&1) || {
    echo "skipped: $missing" >&2
    exit 77
}

version=$(sed -n "s/^ *version: '\(.*\)',/\1/p" "$root/meson.build")
packaged=$(dpkg-parsechangelog -l "$root/tools/debian/debian/changelog" \
    -S Version)
[ "${packaged%-*}" = "$version" ] || {
    echo "tools/debian/debian/changelog: version $packaged, but meson.build" \
        "says $version; add an entry" >&2
    exit 1
}

tree=dml-$version
cd "$out"
rm -rf "$tree" ./*.deb ./*.ddeb ./dml_* lintian.txt build.log
mkdir "$tree"
if git -C "$root" rev-parse --git-dir > /dev/null 2>&1; then
    # What a commit would hold, changes of the day included.
    git -C "$root" ls-files -z --cached --others --exclude-standard |
        (cd "$root" && xargs -0 ls -d 2> /dev/null) |
        tar -C "$root" -T - -c | tar -C "$tree" -x
else
    tar -C "$root" --exclude='./build*' --exclude='./_build*' -c . |
        tar -C "$tree" -x
fi
tar --sort=name --owner=0 --group=0 -czf "dml_$version.orig.tar.gz" "$tree"
cp -r "$root/tools/debian/debian" "$tree/debian"

echo "building the packages of dml $packaged in $out (build.log)"
(cd "$tree" && dpkg-buildpackage -us -uc) > build.log 2>&1 || {
    tail -n 60 build.log
    exit 1
}
ls -- *.deb
[ $lintian = 1 ] || exit 0
# Errors fail; warnings are for reading.
status=0
lintian --fail-on error --tag-display-limit 0 ./*.changes > lintian.txt 2>&1 ||
    status=1
cat lintian.txt
echo "lintian: $(grep -c '^E:' lintian.txt || true) errors," \
    "$(grep -c '^W:' lintian.txt || true) warnings"
exit $status
