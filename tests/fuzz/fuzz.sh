#!/usr/bin/env bash
# Fuzzes each parser for a while with libFuzzer, one after another, under the
# address and undefined-behaviour sanitizers.
set -eu
usage() {
    cat <<'U'
usage: tests/fuzz/fuzz.sh [--minutes N] [--build DIR] [TARGET...]
  --minutes N   CPU minutes each (default: 10)
  --build DIR   where to build with clang (default: _build/fuzz)
  TARGET        picture, preprocess, onnx, gallery, checkpoint (default: all)
What is found grows DIR/found-TARGET from run to run; what breaks a target is
left in DIR as crash-*, timeout-* or oom-* and the exit code is 1.
U
}
root=$(cd "$(dirname "$0")/../.." && pwd)
minutes=10 build=$root/_build/fuzz targets=()
while [ $# -gt 0 ]; do
    case $1 in
    --minutes) minutes=$2; shift ;;
    --build) build=$2; shift ;;
    --help|-h) usage; exit 0 ;;
    -*) echo "fuzz.sh: $1: not an option" >&2; usage >&2; exit 2 ;;
    *) targets+=("$1") ;;
    esac
    shift
done
[ ${#targets[@]} -gt 0 ] ||
    targets=(picture preprocess onnx gallery checkpoint)

mkdir -p "$build"
log=$build.setup.log
[ -f "$build/build.ninja" ] || CC=clang meson setup "$build" "$root" \
    -Dfuzzing=true -Db_sanitize=address,undefined -Doptimization=1 \
    -Dgst=disabled -Dtools=disabled -Dintrospection=disabled \
    -Ddocs=disabled > "$log" 2>&1 || { cat "$log"; exit 1; }
for target in "${targets[@]}"; do
    ninja -C "$build" "tests/fuzz/fuzz_$target" "tests/fuzz/corpus-$target" |
        tail -n 1
done

export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export LSAN_OPTIONS=suppressions=$root/tests/lsan.supp:print_suppressions=0
broken=0
cd "$build"
for target in "${targets[@]}"; do
    found=found-$target
    mkdir -p "$found"
    dict=$root/tests/fuzz/fuzz_$target.dict
    wanted=$(awk "BEGIN { print int($minutes * 60) }")
    used=0 runs=0 status=0
    # libFuzzer counts time by the wall, a busy machine gives less of it.
    while [ "$used" -lt "$wanted" ] && [ $status = 0 ]; do
        begin=$(awk '{ print $16 + $17 }' /proc/$$/stat)
        "tests/fuzz/fuzz_$target" -max_total_time=60 -timeout=60 \
            -rss_limit_mb=2560 -print_final_stats=1 -verbosity=0 -close_fd_mask=1 \
            $([ ! -f "$dict" ] || echo "-dict=$dict") \
            "$found" "tests/fuzz/corpus-$target" > "$target.log" 2>&1 ||
            status=$?
        end=$(awk '{ print $16 + $17 }' /proc/$$/stat)
        used=$((used + (end - begin) / $(getconf CLK_TCK)))
        runs=$((runs + $(sed -n 's/^stat::number_of_executed_units: *//p' \
            "$target.log")))
    done
    if [ $status = 0 ]; then
        echo "$target: clean after $used CPU seconds and $runs runs," \
            "$(find "$found" -type f | wc -l) inputs kept"
    else
        tail -n 40 "$target.log"
        echo "$target: BROKEN, exit $status; $build/$target.log"
        broken=1
    fi
done
exit $broken
