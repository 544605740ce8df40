#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the pictures of the elements' pages, and the line of JSON on dmljson's:
real output of the elements on photographs of Debian's tuxpaint-stamps-default.
To be run again when the built-in encoder is another (tests/docs/test_sample.py
tells).

    make_pictures.py [OUT_FOLDER]

Run it against what is installed, or with GST_PLUGIN_PATH, GI_TYPELIB_PATH and
LD_LIBRARY_PATH set to a build (docs/examples/README.md), and with dml-gallery in
PATH. Look at what comes out: it is what the built-in encoder says, right or not.
"""
import array
import math
import os
import re
import subprocess
import sys
import tempfile

import gi
import numpy
from PIL import Image, ImageDraw, ImageFilter, ImageFont

gi.require_version("Gst", "1.0")
gi.require_version("GstDml", "1.0")
from gi.repository import Gst, GstDml  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
DEMO = os.path.join(HERE, "..", "..", "pipelines", "demo")
sys.path.insert(0, DEMO)
import make_clip  # noqa: E402

STAMPS = "/usr/share/tuxpaint/stamps"
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
MONO = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf"
INK, PAPER, GREY = (30, 30, 30), (255, 255, 255), (110, 110, 110)
COLOURS = {"known": (0, 158, 115), "ambiguous": (230, 159, 0),
           "unknown": (140, 140, 140)}


def font(size, path=FONT):
    return ImageFont.truetype(path, size)


def thing(file, size, turn=0):
    """A cut-out photograph, `size` pixels on its longer side."""
    picture = make_clip.cut_out(os.path.join(STAMPS, file))
    factor = size / max(picture.size)
    picture = picture.resize([max(1, round(s * factor)) for s in picture.size],
                             Image.LANCZOS)
    return picture.rotate(turn, Image.BICUBIC, expand=True)


def scene(things, seed, size=(640, 360)):
    """Things on a table: the picture, and their boxes."""
    picture = make_clip.texture(numpy.random.RandomState(seed)).crop(
        (0, 0) + size)
    boxes = []
    for file, x, y, longer, turn in things:
        layer = thing(file, longer, turn)
        picture.paste(layer, (x, y), layer)
        boxes.append((x, y) + layer.size)
    noise = numpy.random.RandomState(seed).normal(
        0, 3, (size[1], size[0], 1))
    pixels = numpy.asarray(picture, dtype="float32") + noise
    return Image.fromarray(numpy.clip(pixels, 0, 255).astype("uint8")), boxes


def region_list(boxes):
    return ";".join(",".join(map(str, box)) for box in boxes)


def run(line, probe=None):
    """Plays a pipeline to its end; structures of its element messages."""
    pipeline = Gst.parse_launch(line)
    if probe:
        pipeline.get_by_name("sink").get_static_pad("sink").add_probe(
            Gst.PadProbeType.BUFFER, lambda _pad, info:
            probe(info.get_buffer()) or Gst.PadProbeReturn.OK)
    pipeline.set_state(Gst.State.PLAYING)
    bus, messages = pipeline.get_bus(), []
    while True:
        message = bus.timed_pop_filtered(
            Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR |
            Gst.MessageType.ELEMENT)
        if message.type == Gst.MessageType.ERROR:
            sys.exit(message.parse_error()[0].message)
        if message.type == Gst.MessageType.EOS:
            break
        messages.append(message.get_structure())
    pipeline.set_state(Gst.State.NULL)
    return messages


def make_gallery():
    """The demonstration's shop, as shop.bin in the working folder."""
    for file, label in make_clip.read_list(os.path.join(DEMO, "products.txt")):
        os.makedirs(os.path.join("shop", label))
        os.symlink(os.path.join(STAMPS, file),
                   os.path.join("shop", label, "1.png"))
    subprocess.run(["dml-gallery", "shop.bin", "enroll", "shop"], check=True)


def still(picture, name="still.png"):
    picture.save(name)
    return f"filesrc location={name} ! pngdec ! videoconvert"


SHELF = [("food/fruit/grapes.png", 22, 50, 160, 6),
         ("household/kettle.png", 190, 130, 170, 0),
         ("household/dishes/pitcher_small.png", 380, 40, 150, -6),
         ("animals/mammals/equines/zebra.png", 480, 185, 150, 0)]


def overlay(out):
    """dmloverlay: three products and a thing that is in no gallery."""
    picture, boxes = scene(SHELF, 14)
    run(f"{still(picture)} ! dmlembed regions=list "
        f"region-list=\"{region_list(boxes)}\" ! dmlmatch gallery=shop.bin "
        "false-accept-rate=0.1 ! dmloverlay ! videoconvert ! "
        "video/x-raw,format=RGB ! pngenc ! filesink location=seen.png")
    Image.open("seen.png").convert("RGB").save(
        os.path.join(out, "dmloverlay.jpg"), quality=82)


def embed(out):
    """dmlembed: six regions, and how alike their embeddings are."""
    files = ("food/fruit/apple_red.png", "household/dishes/mug.png",
             "food/vegetables/broccoli.png")
    things = [(file, 12 + 210 * n + 14 * row, 14 + 172 * row, 150 - 10 * row,
               -14 if row else 6)
              for n, file in enumerate(files) for row in range(2)]
    picture, boxes = scene(things, 23)
    rows = []
    run(f"{still(picture)} ! dmlembed regions=list "
        f"region-list=\"{region_list(boxes)}\" ! fakesink name=sink",
        lambda buffer: rows.extend(
            array.array("f", GstDml.buffer_get_region(buffer, i)
                        .get_embedding().get_bytes().get_data())
            for i in range(GstDml.buffer_get_n_regions(buffer))))
    cosine = numpy.array(rows) @ numpy.array(rows).T
    sheet = Image.new("RGB", (1000, 360), PAPER)
    sheet.paste(picture, (0, 0))
    draw = ImageDraw.Draw(sheet)
    for n, (x, y, w, h) in enumerate(boxes):
        draw.rectangle((x, y, x + w, y + h), outline=(255, 255, 255), width=2)
        draw.rectangle((x, y, x + 22, y + 22), fill=(255, 255, 255))
        draw.text((x + 6, y + 2), str(n + 1), INK, font(16))
    draw.text((668, 8), "cosine of the embeddings", INK, font(16))
    cell, left, top = 48, 690, 54
    for i in range(6):
        draw.text((left - 18, top + i * cell + 14), str(i + 1), INK, font(16))
        draw.text((left + i * cell + 18, top - 20), str(i + 1), INK, font(16))
        for j in range(6):
            value = float(cosine[i, j])
            shade = max(0.0, min(1.0, value))
            colour = tuple(int(255 + shade * (c - 255)) for c in (0, 110, 150))
            box = (left + j * cell, top + i * cell)
            draw.rectangle(box + (box[0] + cell - 2, box[1] + cell - 2),
                           fill=colour)
            draw.text((box[0] + 6, box[1] + 15), f"{value:.2f}",
                      PAPER if shade > 0.55 else INK, font(14))
    sheet.save(os.path.join(out, "dmlembed.jpg"), quality=74)


def clip_frames():
    """Six seconds: a product, a thing that is in no gallery, a product; held
    before the camera, turned to and fro in changing light."""
    for n, file in enumerate(("household/dishes/pitcher_small.png",
                              "animals/mammals/equines/zebra.png",
                              "household/kettle.png")):
        for k in range(60):
            sway = math.sin(k / 60 * 2 * math.pi)
            picture, _ = scene([(file, 75 + int(30 * sway), 70,
                                 320 + int(40 * sway), 10 * sway)], 40 + n,
                               (480, 480))
            yield picture.point(
                lambda v, gain=1 + 0.2 * sway: min(255, int(v * gain)))


def match(out):
    """dmlmatch: similarity and threshold over a clip."""
    with open("clip.rgb", "wb") as clip:
        clip.writelines(picture.tobytes() for picture in clip_frames())
    seen, shots = [], []

    def look(buffer):
        region = GstDml.buffer_get_region(buffer, 0)
        answer = region.get_match()
        seen.append((region.get_decision(), region.get_label(),
                     answer.get_similarity(), answer.get_threshold()))
        if len(seen) % 60 == 15:
            data = buffer.extract_dup(0, buffer.get_size())
            shots.append(Image.frombytes("RGB", (480, 480), data))
    run("filesrc location=clip.rgb ! rawvideoparse format=rgb width=480 "
        "height=480 framerate=30/1 ! dmlembed ! dmlmatch gallery=shop.bin "
        "false-accept-rate=0.1 smoothing=5 ! fakesink name=sink", look)
    width, height, left = 900, 380, 52
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    step = (width - left - 16) / len(seen)
    for n, shot in enumerate(shots):
        sheet.paste(shot.resize((120, 120), Image.LANCZOS),
                    (int(left + (n * 60 + 30) * step - 60), 4))

    def place(i, value):
        return left + i * step, height - 56 - value * 180
    for tick in (0, 0.5, 1):
        y = place(0, tick)[1]
        draw.line((left, y, width - 16, y), fill=(215, 215, 215))
        draw.text((14, y - 9), f"{tick:.1f}", GREY, font(14))
    draw.line([place(i, s[3]) for i, s in enumerate(seen)], fill=GREY, width=2)
    for i, (decision, _, similarity, _) in enumerate(seen):
        x, y = place(i, similarity)
        draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=COLOURS[decision])
    begin = 0
    for i in range(1, len(seen) + 1):
        if i < len(seen) and seen[i][:2] == seen[begin][:2]:
            continue
        decision, label = seen[begin][:2]
        x0, x1, y = place(begin, 0)[0], place(i, 0)[0], height - 44
        draw.rectangle((x0, y, x1 - 2, y + 20), fill=COLOURS[decision])
        text = label or decision
        if draw.textlength(text, font(14)) < x1 - x0 - 6:
            draw.text((x0 + 4, y + 1), text, PAPER, font(14))
        begin = i
    draw.text((left, height - 20), "dots: similarity of the nearest item, by "
              "decision; line: the threshold of that frame", GREY, font(13))
    sheet.quantize(96).save(os.path.join(out, "dmlmatch.png"), optimize=True)


def gallery(out):
    """dmlgallery: what becomes of good and bad frames."""
    good, _ = scene([("household/dishes/mug.png", 170, 60, 250, 0)], 8)
    shots = [
        ("as it is", good),
        ("out of focus", good.filter(ImageFilter.GaussianBlur(9))),
        ("too dark", good.point(lambda v: v // 40)),
        ("turned", scene([("household/dishes/mug.png", 190, 50, 260, 14)],
                         8)[0]),
    ]
    with open("frames.rgb", "wb") as frames:
        for _, shot in shots:
            frames.write(shot.tobytes())
    told = run("filesrc location=frames.rgb ! rawvideoparse format=rgb "
               "width=640 height=360 framerate=1/1 ! dmlembed ! dmlgallery "
               "gallery=cups.bin encoder=default label=mug enroll=true "
               "interval=1 ! fakesink")
    # Refusals are told at once, enrolments when they are on the disk.
    told.sort(key=lambda fields: fields.get_uint64("pts")[1])
    sheet = Image.new("RGB", (4 * 248 + 8, 232), PAPER)
    draw = ImageDraw.Draw(sheet)
    for n, ((name, shot), fields) in enumerate(zip(shots, told)):
        x, ok = 8 + n * 248, fields.get_boolean("ok")[1]
        sheet.paste(shot.resize((240, 135), Image.LANCZOS), (x, 8))
        draw.text((x, 148), name, GREY, font(14))
        colour = COLOURS["known"] if ok else (190, 70, 0)
        draw.text((x, 168), fields.get_string("reason"), colour, font(17))
        found, quality = fields.get_double("quality")
        if found:
            draw.text((x, 194), f"quality {quality:.2f}", INK, font(15))
    sheet.save(os.path.join(out, "dmlgallery.jpg"), quality=82)


def write_sample(line):
    """Puts a line of JSON into dmljson's page, broken and its fingerprint cut."""
    line = re.sub(r'("fingerprint":"[0-9a-f]{8})[0-9a-f]*', "\\1…", line)
    rows = [""]
    for part in re.split(r'(?<=,)(?="|\{)', line):
        if rows[-1] and len(rows[-1]) + len(part) > 80:
            rows.append(" ")
        rows[-1] += part
    path = os.path.join(HERE, "..", "elements", "dmljson.md")
    with open(path, encoding="utf-8") as page:
        text = page.read()
    made = "```\n" + "\n".join(rows) + "\n```"
    text, n = re.subn(r'```\n\{"time".*?```', lambda _: made, text,
                      flags=re.S)
    if n != 1:
        sys.exit(f"{path}: no line of JSON to be replaced")
    with open(path, "w", encoding="utf-8") as page:
        page.write(text)


def json_line(out):
    """dmljson: a frame and its line."""
    picture, boxes = scene([("household/kettle.png", 130, 34, 160, 0)], 5,
                           (420, 216))
    run(f"{still(picture)} ! dmlembed regions=list "
        f"region-list=\"{region_list(boxes)}\" ! dmlmatch gallery=shop.bin "
        "false-accept-rate=0.1 ! dmljson top-k=2 location=seen.jsonl ! "
        "dmloverlay ! videoconvert ! video/x-raw,format=RGB ! pngenc ! "
        "filesink location=seen.png")
    with open("seen.jsonl", encoding="utf-8") as lines:
        line = lines.readline().strip()
    write_sample(line)
    text = font(13, MONO)
    sheet = Image.new("RGB", (1000, 216), PAPER)
    sheet.paste(Image.open("seen.png").convert("RGB"), (0, 0))
    draw = ImageDraw.Draw(sheet)
    for n in range(0, len(line), 70):
        draw.text((432, 8 + n // 70 * 17), line[n:n + 70], INK, text)
    sheet.save(os.path.join(out, "dmljson.jpg"), quality=68)


def main():
    out = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else HERE)
    Gst.init(None)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make_gallery()
        for make in (overlay, embed, match, gallery, json_line):
            make(out)
        os.chdir("/")


if __name__ == "__main__":
    main()
