#!/usr/bin/env bash
# Recognises a folder of pictures in a pipeline, a JSON line each.
set -eu
. "$(dirname "$0")/common.sh"
usage() {
    cat <<'U'
usage: pipelines/folder.sh --gallery FILE --input FOLDER [--encoder FILE]
                           [--false-accept-rate R]
  --gallery FILE  what is known, as dml-gallery makes it
  --input FOLDER  a folder with JPEG, PNG or WebP pictures of any size
  --encoder FILE  the encoder that made the gallery (built-in)
  --false-accept-rate R   share of strangers that may get a name (0.05)
JSON lines go to stdout in the order of the pictures' names, with the name under
"picture". A pipeline a picture: one that cannot be read is told, the others are
done, and the exit code is 3. Faster, and without GStreamer:
dml-gallery FILE search FOLDER --json.
U
}
gallery='' input='' encoder=default accept=''
options --gallery:gallery --input:input --false-accept-rate:accept:rate \
    --encoder:encoder -- "$@"
want "$gallery" --gallery
want "$input" --input
gallery_is_there "$gallery"
match "$gallery" "$encoder" "$accept" regions=frame
there "$input" folder
found=0 unread=0
shopt -s nullglob nocaseglob
for picture in "$input"/*.{jpg,jpeg,png,webp}; do
    printf '%s\0' "$picture"
done | sort -z | {
    while IFS= read -r -d '' picture; do
        found=1
        line=$(gst-launch-1.0 -q filesrc location="$(quoted "$picture")" ! \
            decodebin ! "${matching[@]}" ! dmljson ! fdsink < /dev/null) ||
            line=
        if [ -z "$line" ]; then
            echo "$name: $picture: no picture that can be read" >&2
            unread=1
            continue
        fi
        in_json=$(quoted "$picture")
        in_json=${in_json//$'\n'/\\n}
        printf '{"picture":%s,%s\n' "${in_json//$'\t'/\\t}" "${line#\{}"
    done
    [ $found = 1 ] || die 3 "$input: no picture there"
    [ $unread = 0 ] || exit 3
}
