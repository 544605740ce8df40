#!/usr/bin/env bash
# Pool, loader, encoder sessions, galleries and elements under ThreadSanitizer.
set -eu
usage() {
    cat <<'U'
usage: tests/tsan/run.sh [--build DIR] [TEST...]
  --build DIR   where to build (default: _build/tsan)
  TEST          of meson's tests (default: those with threads in them)
Exits 1 when a race or a deadlock is reported.
U
}
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/_build/tsan tests=()
while [ $# -gt 0 ]; do
    case $1 in
    --build) build=$2; shift ;;
    --help|-h) usage; exit 0 ;;
    -*) echo "run.sh: $1: not an option" >&2; usage >&2; exit 2 ;;
    *) tests+=("$1") ;;
    esac
    shift
done
[ ${#tests[@]} -gt 0 ] ||
    tests=(base kernels exec_infer encoder session loader gallery
        gallery_shared index match gst-embed gst-embed_life gst-enrol_frames
        gst-enrol_signals gst-json gst-leaks gst-match gst-overlay gst-pipeline
        gst-regions gst-watch)

mkdir -p "$build"
log=$build.setup.log
[ -f "$build/build.ninja" ] || meson setup "$build" "$root" \
    -Db_sanitize=thread -Doptimization=1 -Dintrospection=disabled \
    -Dtools=disabled -Ddocs=disabled > "$log" 2>&1 || { cat "$log"; exit 1; }
programs=()
for test in "${tests[@]}"; do
    case $test in
    gst-*) programs+=("tests/check/gst/test_gst_${test#gst-}") ;;
    *) programs+=("tests/check/lib/test_$test") ;;
    esac
done
ninja -C "$build" gst/libgstdml.so tests/tsan/libglib-sync.so "${programs[@]}" |
    tail -n 1
# ThreadSanitizer wants its shadow where a randomised address may lie.
exec setarch -R meson test -C "$build" --no-rebuild --print-errorlogs \
    --timeout-multiplier 10 "${tests[@]}"
