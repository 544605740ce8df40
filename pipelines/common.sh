# What the pipelines share; sourced. Uses the plugin that is installed, or the
# one of a build folder (DML_BUILD, or a build of this checkout).
set -o pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for build in ${DML_BUILD:+"$DML_BUILD"} "$here"/../_build/release \
    "$here"/../_build/gcc "$here"/../build; do
    if [ -f "$build/gst/libgstdml.so" ]; then
        export GST_PLUGIN_PATH=$build/gst${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}
        PATH=$build/tools:$PATH
        break
    fi
done
name=$(basename "$0")

# die CODE WORDS...
die() {
    local code=$1
    shift
    echo "$name: $*" >&2
    exit "$code"
}

# value OPTION REST...: an option that wants a value has one
value() {
    [ -n "${2:-}" ] || die 2 "$1 wants a value; see --help"
}

# within VALUE OPTION MOST: a whole number from 1 to MOST
within() {
    [[ $1 =~ ^[0-9]{1,10}$ ]] && [ "$((10#$1))" -ge 1 ] &&
        [ "$((10#$1))" -le "$3" ] ||
        die 2 "$2: $1 is not a whole number within 1..$3"
}

# number VALUE OPTION, port VALUE OPTION: an option that takes one
number() {
    within "$1" "$2" 2147483647
}
port() {
    within "$1" "$2" 65535
}

# rate VALUE OPTION: an option that takes a false-accept rate
rate() {
    [[ $1 =~ ^[0-9]*\.?[0-9]+(e-?[0-9]+)?$ ]] && LC_ALL=C awk -v rate="$1" \
        'BEGIN { exit !(rate + 0 >= 0.000001 && rate + 0 <= 0.5) }' ||
        die 2 "$2: $1 is not within 0.000001..0.5"
}

# want VALUE OPTION: an option that must be there
want() {
    [ -n "$1" ] || die 2 "$2 is needed; see --help"
}

# there FILE WHAT: a file that must be there
there() {
    [ -e "$1" ] || die 1 "$1: there is no such $2"
}

# own FOLDER MARK: goes into a folder that is to be filled: a new or empty one, or
# one that this script filled before, which the file MARK in it shows. Nobody
# else's files are ever replaced, nor those of a run that is under way.
own() {
    mkdir -p "$1"
    cd "$1"
    [ -e "$2" ] || [ -z "$(ls -A)" ] ||
        die 2 "$1: holds files that are not of an earlier $name; name a new" \
            "or an empty folder"
    exec 9>> "$2"
    flock -n 9 || die 1 "$1: another $name is at work there"
}

gallery_is_there() {
    [ -f "$1" ] || die 1 "$1: there is no gallery; make one with" \
        "dml-gallery $1 enroll photos/"
    gallery_opens "$1"
}

# gallery_opens FILE: ends as the programs do, with their words, if it does not
gallery_opens() {
    local words
    words=$(dml-gallery "$1" list 2>&1 > /dev/null) ||
        die $? "${words#dml-gallery list: }"
}

# video_opens FILE: one frame of it can be decoded; else 3 and GStreamer's reason
video_opens() {
    local words
    words=$(gst-launch-1.0 -q filesrc location="$(quoted "$1")" ! decodebin ! \
        videoconvert ! identity eos-after=1 ! fakesink 2>&1) && return
    words=$(sed -n '/Internal data stream error/d
        s/^ERROR: from element [^ ]*: //p' <<< "$words" | head -n 1)
    die 3 "$1: no video that GStreamer can decode${words:+: ${words%.}}"
}

# quoted VALUE: as gst-launch reads it back, whatever is in it
quoted() {
    local text=${1//\\/\\\\}
    printf '"%s"' "${text//\"/\\\"}"
}

# match GALLERY ENCODER RATE [PROPERTY...]: sets `matching` to what recognises
# frames; RATE may be empty, properties are dmlembed's
match() {
    local gallery encoder
    [ "$2" = default ] || there "$2" encoder
    gallery=$(quoted "$1")
    encoder=$(quoted "$2")
    matching=(dmlembed encoder="$encoder" "${@:4}" !
        dmlmatch gallery="$gallery" ${3:+false-accept-rate="$3"})
}

unknown_option() {
    die 2 "$1: not an option; see --help"
}

# options SPEC... -- ARGUMENT...: reads a command line. A SPEC is OPTION:VARIABLE
# for one with a value, OPTION:VARIABLE:CHECK where CHECK (number, port, rate) looks
# at it, OPTION:VARIABLE=VALUE for one without.
options() {
    local specs=() spec
    while [ "$1" != -- ]; do
        specs+=("$1")
        shift
    done
    shift
    while [ $# -gt 0 ]; do
        case $1 in
        --help|-h) usage; exit 0 ;;
        esac
        for spec in "${specs[@]}" ''; do
            [ "${spec%%:*}" != "$1" ] || break
        done
        [ -n "$spec" ] || unknown_option "$1"
        spec=${spec#*:}
        case $spec in
        *=*) printf -v "${spec%%=*}" %s "${spec#*=}" ;;
        *)
            value "$@"
            case $spec in
            *:*) "${spec#*:}" "$2" "$1" ;;
            esac
            printf -v "${spec%%:*}" %s "$2"
            shift
            ;;
        esac
        shift
    done
}

# camera FRAMES CARD: sets `source` to a source of raw video: $DML_CAMERA, a device
# or a video file in its place, else /dev/video0. What was asked for and is not
# there is an error and nothing stands in for it. A test card comes where CARD is
# yes, or is spare and nothing was asked for and no camera is there.
camera() {
    local from=${DML_CAMERA:-/dev/video0} card=$2
    if [ "$card" = spare ] && [ -z "${DML_CAMERA:-}" ] && [ ! -c "$from" ]; then
        echo "$name: NO CAMERA at $from: what you see is a test card;" \
            "DML_CAMERA names a camera or a video file" >&2
        card=yes
    fi
    if [ "$card" = yes ]; then
        source=(videotestsrc is-live=true num-buffers="$1" !
            video/x-raw,width=640,height=480,framerate=30/1)
    elif [ -c "$from" ]; then
        source=(v4l2src device="$(quoted "$from")" num-buffers="$1" ! decodebin !
            videoconvert)
    elif [ -f "$from" ]; then
        video_opens "$from"
        echo "$name: $from stands in for a camera" >&2
        source=(filesrc location="$(quoted "$from")" ! decodebin ! videoconvert !
            identity sync=true eos-after="$1")
    elif [ -n "${DML_CAMERA:-}" ]; then
        die 1 "$from: there is no such camera or video file (DML_CAMERA)"
    else
        die 1 "$from: there is no camera; DML_CAMERA names another, or a" \
            "video file"
    fi
}

# display SYNC: sets `sink` to where video goes: the display, else nowhere
display() {
    if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
        sink=(videoconvert ! autovideosink)
    else
        sink=(fakesink sync="$1")
    fi
}

# field LINE NAME: sets `text` to a field of a structure as gst-launch prints it,
# which is with a backslash before what is no letter, and bytes in octal
field() {
    local pattern="[ ,]$2=\\([A-Za-z0-9]+\\)(\"(([^\"\\\\]|\\\\.)*)\"|([^,;]*))"
    text=
    [[ $1 =~ $pattern ]] || return 0
    text=${BASH_REMATCH[2]:-${BASH_REMATCH[4]}}
    text=$(sed -E 's/\\([^0-7\\])/\1/g' <<< "$text")
    printf -v text %b "$text"
}

# tell: what dmlmatch and dmlgallery say, a plain line each
tell() {
    local line text decision label
    trap '' INT # Ctrl-C ends the pipeline, and that ends this
    while IFS= read -r line; do
        case $line in
        *': dml-match, '*)
            field "$line" decision; decision=$text
            field "$line" label; label=$text
            field "$line" explanation
            printf '%-10s %s%s\n' "$decision" "${label:+$label: }" "$text"
            ;;
        *': dml-enrolled, '*)
            field "$line" reason; decision=$text
            field "$line" label; label=$text
            field "$line" item; [ -z "$text" ] || label="$label (item $text)"
            field "$line" explanation
            printf '%-10s %s\n' "$decision" "$label${text:+: $text}"
            ;;
        esac
    done
}

# launch PIPELINE...: runs it and tells
launch() {
    gst-launch-1.0 -m "$@" | tell || return 1
}
