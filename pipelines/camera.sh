#!/usr/bin/env bash
# Recognises what a camera sees.
set -eu
. "$(dirname "$0")/common.sh"
usage() {
    cat <<'U'
usage: pipelines/camera.sh --gallery FILE [--encoder FILE] [--frames N]
  --gallery FILE  what is known, as dml-gallery makes it
  --encoder FILE  the encoder that made it (built-in)
  --frames N      stop after so many frames (never)
The camera is /dev/video0 or $DML_CAMERA; where there is none a moving ball
stands in. Shows the picture where there is a display.
U
}
gallery='' encoder=default frames=-1
while [ $# -gt 0 ]; do
    case $1 in
    --gallery) gallery=$2; shift ;;
    --encoder) encoder=$2; shift ;;
    --frames) frames=$2; shift ;;
    --help|-h) usage; exit 0 ;;
    *) unknown_option "$1" ;;
    esac
    shift
done
want "$gallery" --gallery
# A leaky queue: rather look at the newest frame than fall behind.
# shellcheck disable=SC2046 # words of a pipeline
exec gst-launch-1.0 -m $(camera "$frames") ! \
    queue leaky=downstream max-size-buffers=1 ! \
    dmlembed encoder="$encoder" ! dmlmatch gallery="$gallery" ! dmloverlay ! \
    $(display)
