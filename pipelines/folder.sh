#!/usr/bin/env bash
# Recognises a folder of JPEG pictures in a pipeline, a JSON line each.
set -eu
. "$(dirname "$0")/common.sh"
usage() {
    cat <<'U'
usage: pipelines/folder.sh --gallery FILE --input FOLDER [--encoder FILE]
  --gallery FILE  what is known, as dml-gallery makes it
  --input FOLDER  a folder with JPEG pictures of any size
  --encoder FILE  the encoder that made the gallery (built-in)
JSON lines go to stdout in the order of the pictures' names. For other kinds of
pictures, and without GStreamer: dml-gallery FILE search FOLDER --json.
U
}
gallery='' input='' encoder=default
while [ $# -gt 0 ]; do
    case $1 in
    --gallery) gallery=$2; shift ;;
    --input) input=$2; shift ;;
    --encoder) encoder=$2; shift ;;
    --help|-h) usage; exit 0 ;;
    *) unknown_option "$1" ;;
    esac
    shift
done
want "$gallery" --gallery
want "$input" --input
found=0
for picture in "$input"/*.jpg "$input"/*.jpeg "$input"/*.JPG; do
    [ -f "$picture" ] || continue
    found=1
    gst-launch-1.0 -q filesrc location="$picture" ! jpegdec ! \
        dmlembed encoder="$encoder" regions=frame ! \
        dmlmatch gallery="$gallery" ! dmljson ! fdsink
done
[ $found = 1 ] || { echo "$name: $input: no JPEG picture there" >&2; exit 3; }
