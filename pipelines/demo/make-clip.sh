#!/usr/bin/env bash
# Makes the camera clip and its truth; the same seed gives the same clip.
# usage: make-clip.sh CLIP.mkv TRUTH.jsonl [make_clip.py's options]
set -euo pipefail
here=$(dirname "$0")
clip=$1
shift
# One thread: with several, x264 under a bounded buffer (the element's default)
# decides anew each time what a frame may cost. On two cores one thread costs no
# time: the frames are slower to draw than to encode.
"$here/make_clip.py" "$@" | gst-launch-1.0 -q fdsrc ! \
    rawvideoparse format=rgb width=640 height=480 framerate=30/1 ! \
    videoconvert ! x264enc threads=1 speed-preset=veryfast bitrate=4000 \
    key-int-max=60 ! h264parse ! matroskamux ! filesink location="$clip"
