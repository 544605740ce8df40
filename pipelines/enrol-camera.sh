#!/usr/bin/env bash
# Enrols what lies before a camera: hold it there, turn it a little.
set -eu
. "$(dirname "$0")/common.sh"
usage() {
    cat <<'U'
usage: pipelines/enrol-camera.sh --gallery FILE --label LABEL [--items N]
                                 [--encoder FILE] [--frames N]
  --gallery FILE  made where there is none
  --label LABEL   what it is
  --items N       items at most (12)
  --encoder FILE  (built-in)
  --frames N      frames to look at (150: five seconds)
Every refusal, such as a blurred frame, is told with its reason.
U
}
gallery='' label='' items=12 encoder=default frames=150
while [ $# -gt 0 ]; do
    case $1 in
    --gallery) gallery=$2; shift ;;
    --label) label=$2; shift ;;
    --items) items=$2; shift ;;
    --encoder) encoder=$2; shift ;;
    --frames) frames=$2; shift ;;
    --help|-h) usage; exit 0 ;;
    *) unknown_option "$1" ;;
    esac
    shift
done
want "$gallery" --gallery
want "$label" --label
# shellcheck disable=SC2046 # words of a pipeline
exec gst-launch-1.0 -m $(camera "$frames") ! \
    queue leaky=downstream max-size-buffers=1 ! \
    dmlembed encoder="$encoder" ! \
    dmlgallery gallery="$gallery" encoder="$encoder" label="$label" \
    enroll=true max-per-label="$items" ! $(display)
