#!/usr/bin/env bash
# Installs what is missing, builds and tests everything. Ends with one line,
# "N passed, N failed, N skipped", and exits 1 if anything failed.
set -u
usage() {
    cat <<'U'
usage: tests/run.sh [--no-install] [--quick] [--build DIR]
  --no-install  do not install Debian packages; say what is missing and stop
  --quick       one build with gcc and the fast tests, for the working day
  --build DIR   where to build (default: _build beside this checkout's files)
Builds with gcc and with clang (warnings are errors) and with the address and
undefined-behaviour sanitizers and injected faults; runs every test at the
machine's own instruction set, and the fast ones of kernels, library and
elements at those below it, too; fuzzes each parser for a minute.
U
}
cd "$(dirname "$0")/.." || exit 1
install=1 quick=0 out=_build
while [ $# -gt 0 ]; do
    case $1 in
    --no-install) install=0 ;;
    --quick) quick=1 ;;
    --build) out=$2; shift ;;
    --help|-h) usage; exit 0 ;;
    *) echo "tests/run.sh: $1: not an option" >&2; usage >&2; exit 2 ;;
    esac
    shift
done

tests/install-packages.sh $([ $install = 1 ] || echo --check) || exit 1
# ccache only saves time; a machine without it builds all the same.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
mkdir -p "$out"
logs=()
broken=0

say() { printf '\n== %s (%s)\n' "$1" "$(date +%T)"; }

# build NAME COMPILER OPTIONS...: configures and builds $out/NAME
build() {
    local name=$1 cc=$2 dir="$out/$1"
    shift 2
    say "build $name"
    if [ ! -f "$dir/build.ninja" ]; then
        CC=$cc meson setup "$dir" --werror "$@" > "$out/$name.setup.log" 2>&1 ||
            { cat "$out/$name.setup.log"; broken=$((broken + 1)); return 1; }
    fi
    ninja -C "$dir" > "$out/$name.build.log" 2>&1 ||
        { grep -E -A12 'FAILED|error|warning' "$out/$name.build.log" | head -80
          broken=$((broken + 1)); return 1; }
    tail -n 1 "$out/$name.build.log"
}

# check NAME LOG ARGS...: runs tests of the build NAME, keeps the result
check() {
    local dir="$out/$1" log=$2
    shift 2
    say "test $log"
    # A busy machine is slow, not wrong.
    meson test -C "$dir" --no-rebuild --print-errorlogs --logbase "$log" \
        --timeout-multiplier 4 "$@" 2>&1 |
        grep -vE '^ *[0-9]+/[0-9]+ .* OK +[0-9.]+s|^$|^ninja|^Full log' |
        tail -n 200
    logs+=("$dir/meson-logs/$log.json")
}

if build gcc gcc; then
    if [ $quick = 1 ]; then
        check gcc fast --no-suite slow
    else
        check gcc all
        # The levels below the machine's own, and ORC without its compiler.
        DML_CPU=c check gcc cpu-c --suite lib --suite kernels --suite gst \
            --no-suite slow
        DML_CPU=avx2 check gcc cpu-avx2 --suite lib --suite kernels \
            --suite gst --no-suite slow
        ORC_CODE=backup check gcc orc-backup --suite kernels --suite lib \
            --no-suite slow
    fi
fi
if [ $quick = 0 ]; then
    if build clang clang; then
        check clang clang --no-suite slow
    fi
    export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
    export LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0
    # A minute each; tests/fuzz/fuzz.sh gives them more.
    if build fuzz clang -Dfuzzing=true -Db_sanitize=address,undefined \
        -Doptimization=1 -Dgst=disabled -Dtools=disabled \
        -Dintrospection=disabled -Ddocs=disabled; then
        check fuzz fuzz --suite fuzz
    fi
    if build sanitize gcc -Db_sanitize=address,undefined \
        -Dfault_injection=true -Doptimization=1; then
        export ASAN_OPTIONS=allocator_may_return_null=1
        ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=1 check sanitize sanitize \
            --no-suite slow --no-suite gst --timeout-multiplier 12
        # Other people's plugins leak when GStreamer scans them; ours are held
        # to account by the leaks tracer, in a test of their own.
        ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 check sanitize sanitize-gst \
            --suite gst --no-suite slow --timeout-multiplier 12
    fi
fi

say "result"
exec python3 tests/summary.py "$broken" "${logs[@]}"
