#!/usr/bin/env bash
# Enrols what lies before a camera: hold it there, turn it a little.
set -eu
. "$(dirname "$0")/common.sh"
usage() {
    cat <<'U'
usage: pipelines/enrol-camera.sh --gallery FILE --label LABEL [--items N]
                                 [--encoder FILE] [--frames N] [--test-card]
  --gallery FILE  made where there is none
  --label LABEL   what it is
  --items N       items that the label may have at most (12)
  --encoder FILE  (built-in)
  --frames N      frames to look at (150: five seconds)
  --test-card     enrol GStreamer's test card, to try this without a camera
Looks at the centre square twice a second. Every refusal, such as a blurred
frame, is told with its reason. The camera is /dev/video0 or $DML_CAMERA, which
may also be a video file; where it is not there nothing is enrolled.
U
}
gallery='' label='' items=12 encoder=default frames=150 card=no
options --gallery:gallery --label:label --items:items:number \
    --encoder:encoder --frames:frames:number --test-card:card=yes -- "$@"
want "$gallery" --gallery
want "$label" --label
[ "$encoder" = default ] || there "$encoder" encoder
[ ! -e "$gallery" ] || gallery_opens "$gallery"
camera "$frames" "$card"
display true
launch "${source[@]}" ! queue leaky=downstream max-size-buffers=1 ! \
    dmlembed encoder="$(quoted "$encoder")" ! \
    dmlgallery gallery="$(quoted "$gallery")" encoder="$(quoted "$encoder")" \
    label="$(quoted "$label")" \
    enroll=true max-per-label="$items" ! "${sink[@]}"
dml-gallery "$gallery" show -- "$label" ||
    die 1 "nothing is enrolled under $label; the reasons are above"
