#!/bin/sh
# Makes a gallery of GStreamer's test pictures, a label a picture: what one has
# to try a pipeline on before there is a camera. Run by the build. Only such as are
# told apart, and from black (tests/programs/test_patterns.py).
# usage: make-patterns.sh FILE PLUGIN_FOLDER
set -eu
rm -f "$1" "$1.registry" # one of a build that broke off may shut the plugin out
export GST_PLUGIN_PATH="$2" GST_REGISTRY="$1.registry"
for pattern in smpte checkers-8 circular pinwheel spokes colors; do
    gst-launch-1.0 -q videotestsrc pattern=$pattern num-buffers=1 ! \
        video/x-raw,width=320,height=240 ! dmlembed threads=1 ! \
        dmlgallery gallery="$1" label=$pattern enroll=true min-quality=0 ! \
        fakesink
done
rm -f "$1.registry"
