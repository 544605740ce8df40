#!/usr/bin/env bash
# Recognises what a video file shows; an annotated copy and JSON lines come out.
set -eu
. "$(dirname "$0")/common.sh"
usage() {
    cat <<'U'
usage: pipelines/file.sh --gallery FILE --input VIDEO [--encoder FILE]
                         [--false-accept-rate R] [--output VIDEO.mkv]
                         [--json FILE] [--force]
  --gallery FILE   what is known, as dml-gallery makes it
  --input VIDEO    any file that GStreamer can decode
  --encoder FILE   the encoder that made the gallery (built-in)
  --false-accept-rate R   share of strangers that may get a name (0.05)
  --output FILE    annotated video, Matroska with H.264 (none: shown, where
                   there is a display)
  --json FILE      one JSON line a frame (results.jsonl)
  --force          write over files that are there
U
}
gallery='' input='' encoder=default output='' json=results.jsonl force=0
accept=''
options --gallery:gallery --input:input --false-accept-rate:accept:rate \
    --encoder:encoder --output:output --json:json --force:force=1 -- "$@"
want "$gallery" --gallery
want "$input" --input
gallery_is_there "$gallery"
there "$input" video
[ ! -d "$input" ] || die 3 "$input: a folder; folder.sh takes those"
[ ! -f "$input" ] || video_opens "$input" # a pipe can be read only once
match "$gallery" "$encoder" "$accept"
[ "$json" != "$output" ] || die 2 "--json and --output: $json is one file"
for file in "$json" ${output:+"$output"}; do
    for other in "$gallery" "$input"; do
        [ ! "$file" -ef "$other" ] ||
            die 2 "$file is what is read; name another file for the results"
    done
    [ ! -e "$file" ] || [ $force = 1 ] ||
        die 2 "$file is there already; --force writes over it"
    # A device or a link would be replaced by a file.
    [ ! -e "$file" ] || { [ -f "$file" ] && [ ! -L "$file" ]; } ||
        die 2 "$file: not a plain file; name one"
done
if [ -n "$output" ]; then
    sink=(videoconvert ! video/x-raw,format=I420 ! x264enc
        speed-preset=veryfast ! h264parse ! matroskamux !
        filesink location="$(quoted "$output.part")")
else
    display false
fi
# What stands stays until all is done, and a run that failed or was stopped leaves
# no results.
parts=("$json.part" ${output:+"$output.part"})
rm -f -- "${parts[@]}" # dmljson appends
gst-launch-1.0 -q filesrc location="$(quoted "$input")" ! decodebin ! \
    videoconvert ! queue ! "${matching[@]}" ! \
    dmljson location="$(quoted "$json.part")" ! queue ! dmloverlay ! \
    "${sink[@]}" &
pipeline=$! status=0 stopped=0
trap 'stopped=130; kill $pipeline' INT
trap 'stopped=143; kill $pipeline' TERM
wait $pipeline || status=$?
if [ $stopped != 0 ]; then
    wait $pipeline || true
    rm -f -- "${parts[@]}"
    die $stopped "stopped: there are no results"
elif [ $status != 0 ]; then
    rm -f -- "${parts[@]}"
    die 1 "$input: no results; the reason is above"
fi
mv -- "$json.part" "$json"
[ -z "$output" ] || mv -- "$output.part" "$output"
echo "$(wc -l < "$json") frames with results in $json${output:+, video in $output}"
