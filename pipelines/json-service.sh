#!/usr/bin/env bash
# Serves what a camera sees as JSON lines on a TCP port.
set -eu
. "$(dirname "$0")/common.sh"
usage() {
    cat <<'U'
usage: pipelines/json-service.sh --gallery FILE [--port N] [--host ADDRESS]
                                 [--encoder FILE] [--false-accept-rate R]
                                 [--frames N] [--test-card]
  --gallery FILE  what is known, as dml-gallery makes it
  --port N        where to listen (7777)
  --host ADDRESS  on which address (127.0.0.1: this machine only)
  --encoder FILE  (built-in)
  --false-accept-rate R   share of strangers that may get a name (0.05)
  --frames N      stop after so many frames (never)
  --test-card     GStreamer's test card instead of a camera
Any number of readers: cat < /dev/tcp/127.0.0.1/7777 (bash). The camera is
$DML_CAMERA, which may also be a video file, and has to be there; else
/dev/video0, and where that is not there, the test card.
U
}
gallery='' port=7777 host=127.0.0.1 encoder=default frames=-1 card=spare
accept=''
options --gallery:gallery --port:port:port --host:host \
    --false-accept-rate:accept:rate --encoder:encoder --frames:frames:number \
    --test-card:card=yes -- "$@"
want "$gallery" --gallery
gallery_is_there "$gallery"
match "$gallery" "$encoder" "$accept"
camera "$frames" "$card"
echo "$name: JSON lines at $host port $port" >&2
exec gst-launch-1.0 -q "${source[@]}" ! \
    queue leaky=downstream max-size-buffers=1 ! \
    "${matching[@]}" ! dmljson ! tcpserversink host="$host" port="$port"
