# What the pipelines share; sourced. Uses the plugin that is installed, or the
# one of a build folder (DML_BUILD, or a build of this checkout).
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for build in ${DML_BUILD:-} "$here"/../_build/release "$here"/../_build/gcc \
    "$here"/../build; do
    if [ -f "$build/gst/libgstdml.so" ]; then
        export GST_PLUGIN_PATH=$build/gst${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}
        PATH=$build/tools:$PATH
        break
    fi
done
name=$(basename "$0")

# want VALUE OPTION: an option that must be there
want() {
    [ -n "$1" ] || { echo "$name: $2 is needed; see --help" >&2; exit 2; }
}

unknown_option() {
    echo "$name: $1: not an option; see --help" >&2
    exit 2
}

# camera FRAMES: a source of raw video; a stand-in where there is no camera
camera() {
    if [ -e "${DML_CAMERA:-/dev/video0}" ]; then
        echo "v4l2src device=${DML_CAMERA:-/dev/video0} num-buffers=$1 !" \
            "videoconvert"
    else
        echo "$name: no camera at ${DML_CAMERA:-/dev/video0}; a moving ball" \
            "stands in" >&2
        echo "videotestsrc pattern=ball is-live=true num-buffers=$1 !" \
            "video/x-raw,width=640,height=480,framerate=30/1"
    fi
}

# display: where video goes; nowhere without a display
display() {
    if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
        echo "videoconvert ! autovideosink"
    else
        echo "fakesink sync=true"
    fi
}
