#!/usr/bin/env bash
# Recognises what a camera sees.
set -eu
. "$(dirname "$0")/common.sh"
usage() {
    cat <<'U'
usage: pipelines/camera.sh --gallery FILE [--encoder FILE]
                           [--false-accept-rate R] [--frames N] [--test-card]
  --gallery FILE  what is known, as dml-gallery makes it
  --encoder FILE  the encoder that made it (built-in)
  --false-accept-rate R   share of strangers that may get a name (0.05)
  --frames N      stop after so many frames (never)
  --test-card     GStreamer's test card instead of a camera
Prints a line when the answer changes, and shows the picture where there is a
display. The camera is $DML_CAMERA, which may also be a video file, and has to be
there; else /dev/video0, and where that is not there, the test card.
U
}
gallery='' encoder=default frames=-1 card=spare accept=''
options --gallery:gallery --false-accept-rate:accept:rate --encoder:encoder \
    --frames:frames:number --test-card:card=yes -- "$@"
want "$gallery" --gallery
gallery_is_there "$gallery"
match "$gallery" "$encoder" "$accept"
camera "$frames" "$card"
display true
# A leaky queue: rather look at the newest frame than fall behind.
launch "${source[@]}" ! queue leaky=downstream max-size-buffers=1 ! \
    "${matching[@]}" ! dmloverlay ! "${sink[@]}"
