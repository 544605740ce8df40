#!/usr/bin/env bash
# Recognises what a video file shows; an annotated copy and JSON lines come out.
set -eu
. "$(dirname "$0")/common.sh"
usage() {
    cat <<'U'
usage: pipelines/file.sh --gallery FILE --input VIDEO [--encoder FILE]
                         [--output VIDEO.mkv] [--json FILE]
  --gallery FILE   what is known, as dml-gallery makes it
  --input VIDEO    any file that GStreamer can decode
  --encoder FILE   the encoder that made the gallery (built-in)
  --output FILE    annotated video, Matroska with H.264 (none: shown, where
                   there is a display)
  --json FILE      one JSON line a frame (results.jsonl)
U
}
gallery='' input='' encoder=default output='' json=results.jsonl
while [ $# -gt 0 ]; do
    case $1 in
    --gallery) gallery=$2; shift ;;
    --input) input=$2; shift ;;
    --encoder) encoder=$2; shift ;;
    --output) output=$2; shift ;;
    --json) json=$2; shift ;;
    --help|-h) usage; exit 0 ;;
    *) unknown_option "$1" ;;
    esac
    shift
done
want "$gallery" --gallery
want "$input" --input
if [ -n "$output" ]; then
    sink="videoconvert ! x264enc speed-preset=veryfast ! h264parse !
        matroskamux ! filesink location=$output"
else
    sink=$(display)
fi
# shellcheck disable=SC2086 # words of a pipeline
exec gst-launch-1.0 -q filesrc location="$input" ! decodebin ! videoconvert ! \
    queue ! dmlembed encoder="$encoder" ! dmlmatch gallery="$gallery" ! \
    dmljson location="$json" ! queue ! dmloverlay ! $sink
