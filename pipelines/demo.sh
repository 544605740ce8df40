#!/usr/bin/env bash
# The demonstration: a shop of real photographs, a camera clip of it, and what
# dml makes of the clip. Running it again reuses what stands.
set -eu
. "$(dirname "$0")/common.sh"
usage() {
    cat <<'U'
usage: pipelines/demo.sh [--no-install] [--fresh] [--out DIR] [--encoder FILE]
  --no-install    do not install Debian packages; say what is missing and stop
  --fresh         make gallery and clip anew
  --out DIR       where everything goes: a new or an empty folder, or an earlier
                  demonstration's (default: _build/demo)
  --encoder FILE  another encoder than the built-in one (ONNX)
Enrols one photograph each of some fifty products into shop.bin, makes a camera
clip of them and of things that are in no gallery, recognises it once with the
true boxes as regions of interest and once with the centre square alone, and
prints what was right. Out come annotated videos, contact sheets and one JSON
line a frame.
U
}
root=$(cd "$(dirname "$0")/.." && pwd)
install=1 fresh=0 out=$root/_build/demo encoder=
options --no-install:install=0 --fresh:fresh=1 --out:out --encoder:encoder \
    -- "$@"
[ -f "$root/meson.build" ] ||
    die 1 "the demonstration builds from the sources; run it in their folder"
if [ -n "$encoder" ]; then
    [ -f "$encoder" ] || die 1 "$encoder: there is no such encoder"
    encoder=$(realpath "$encoder")
fi
mkdir -p "$out"
out=$(cd "$out" && pwd)
(own "$out" .dml-demo) # before minutes go into packages and building

# A tenth of strangers may be named: the table at the end shows other rates.
rate=0.1
here=$root/pipelines/demo
stamps=/usr/share/tuxpaint/stamps
# compile FOLDER: on a terminal ninja's own line, elsewhere one step in fifty
compile() {
    if [ -t 1 ]; then
        ninja -C "$1"
    else
        ninja -C "$1" | grep --line-buffered -E \
            '^[^[]|^\[[0-9]*[05]0/|^\[([0-9]+)/\1\]'
    fi
}
say() { printf '\n== %s\n' "$*"; }

say "packages"
if [ $install = 1 ]; then
    "$root/tests/install-packages.sh"
else
    "$root/tests/install-packages.sh" --check
fi
echo "all there"

build=${DML_BUILD:-}
if [ -z "$build" ]; then
    say "building"
    build=$root/_build/release
    [ -f "$build/build.ninja" ] || CCACHE_BASEDIR=$root meson setup "$build" \
        "$root" --buildtype=release -Dtests=disabled > "$root/_build.log" \
        2>&1 || { cat "$root/_build.log"; exit 1; }
    rm -f "$root/_build.log"
    compile "$build"
fi
export GST_PLUGIN_PATH=$build/gst GST_REGISTRY=$build/demo-registry.bin
gallery_program=$build/tools/dml-gallery
own "$out" .dml-demo

# stands FILE: what an earlier run made and this one need not. Nothing is taken
# away before what replaces it is whole.
stands() {
    [ $fresh = 0 ] && [ -e "$1" ]
}

# What depends on the encoder is made anew when that is another one.
version=$("$gallery_program" --version; cksum "$build"/lib/libdml-1.0.so.0 \
    ${encoder:+"$encoder"} | cut -d' ' -f1)
if ! stands shop.bin ||
    [ "$(cat encoder.txt 2> /dev/null)" != "$version" ]; then
    say "enrolling one photograph a product into shop.bin"
    rm -rf photos.part shop.part* && mkdir photos.part
    grep -v '^#' "$here/products.txt" | while IFS="$(printf '\t')" read -r \
        file label; do
        mkdir "photos.part/$label"
        ln -s "$stamps/$file" "photos.part/$label/$(basename "$file")"
    done
    rm -rf photos && mv photos.part photos
    "$gallery_program" shop.part enroll ${encoder:+--encoder "$encoder"} photos
    "$gallery_program" shop.part calibrate --false-accept-rate $rate \
        ${encoder:+--encoder "$encoder"}
    rm -f encoder.txt
    mv shop.part shop.bin
    echo "$version" > encoder.txt
fi

if ! stands clip.mkv; then
    say "making the camera clip clip.mkv (640x480, 30 frames/s)"
    "$here/make-clip.sh" clip.part truth.part
    rm -f clip.mkv
    mv truth.part truth.jsonl
    mv clip.part clip.mkv
fi
wc -l < truth.jsonl | xargs printf '%s frames, truth in truth.jsonl\n'

# recognise NAME EMBED_OPTIONS: results in NAME.jsonl, NAME.mkv, NAME.json
recognise() {
    rm -f "$1.part.jsonl"
    "$build/pipelines/replay-boxes" "$boxes" filesrc location=clip.mkv ! \
        matroskademux ! h264parse ! avdec_h264 ! videoconvert ! \
        video/x-raw,format=I420 ! identity name=boxes ! queue ! \
        dmlembed ${encoder:+encoder="$encoder"} "$2" ! \
        dmlmatch gallery=shop.bin false-accept-rate=$rate ! dmljson location="$1.part.jsonl" ! \
        queue ! dmloverlay ! videoconvert ! \
        x264enc speed-preset=ultrafast bitrate=4000 ! h264parse ! \
        matroskamux ! filesink location="$1.part.mkv" > "$1.part.timing"
    for part in jsonl mkv timing; do
        mv "$1.part.$part" "$1.$part"
    done
}

say "recognising with the true boxes, as from a detector"
boxes=truth.jsonl recognise boxes regions=roi
"$here/report.py" truth.jsonl boxes.jsonl boxes.timing --video boxes.mkv \
    --sheet boxes.png --json boxes.json --gallery shop.bin \
    --false-accept-rate $rate

say "recognising the centre square alone"
boxes=/dev/null recognise centre regions=centre
"$here/report.py" truth.jsonl centre.jsonl centre.timing --video centre.mkv \
    --sheet centre.png --json centre.json --brief

say "what is in $out"
echo "shop.bin               the gallery"
echo "clip.mkv truth.jsonl   what the camera saw, and what it was"
echo "boxes.mkv boxes.png    annotated video and contact sheet, with boxes"
echo "centre.mkv centre.png  the same with the centre square alone"
echo "boxes.jsonl centre.jsonl  one JSON line a frame"
if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    gst-launch-1.0 -q filesrc location=boxes.mkv ! decodebin ! videoconvert ! \
        autovideosink || true
fi
