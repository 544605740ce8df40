#!/usr/bin/env bash
# Serves what a camera sees as JSON lines on a TCP port.
set -eu
. "$(dirname "$0")/common.sh"
usage() {
    cat <<'U'
usage: pipelines/json-service.sh --gallery FILE [--port N] [--host ADDRESS]
                                 [--encoder FILE] [--frames N]
  --gallery FILE  what is known, as dml-gallery makes it
  --port N        where to listen (7777)
  --host ADDRESS  on which address (127.0.0.1: this machine only)
  --encoder FILE  (built-in)
  --frames N      stop after so many frames (never)
Any number of readers: nc 127.0.0.1 7777
U
}
gallery='' port=7777 host=127.0.0.1 encoder=default frames=-1
while [ $# -gt 0 ]; do
    case $1 in
    --gallery) gallery=$2; shift ;;
    --port) port=$2; shift ;;
    --host) host=$2; shift ;;
    --encoder) encoder=$2; shift ;;
    --frames) frames=$2; shift ;;
    --help|-h) usage; exit 0 ;;
    *) unknown_option "$1" ;;
    esac
    shift
done
want "$gallery" --gallery
# shellcheck disable=SC2046 # words of a pipeline
exec gst-launch-1.0 -q $(camera "$frames") ! \
    queue leaky=downstream max-size-buffers=1 ! \
    dmlembed encoder="$encoder" ! dmlmatch gallery="$gallery" ! dmljson ! \
    tcpserversink host="$host" port="$port"
