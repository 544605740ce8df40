#!/usr/bin/python3
"""A camera clip of cut-out photographs on textured backgrounds, and its truth.

Every thing is shown for some frames: moving, turned within 20 degrees, scaled
0.6 to 1.4, under changing light and colour temperature, with blur, sensor noise
and, in the middle of its time, a partial occlusion. The same seed gives the same
frames. Raw RGB frames go to stdout; the truth, a JSON line a frame, to a file:

    {"frame": 0, "label": "banana", "known": true, "box": [x, y, w, h],
     "occluded": false}
"""
import argparse
import colorsys
import json
import math
import multiprocessing
import os
import sys

import numpy
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 640, 480
BASE = 280  # longer side of a thing at scale 1, pixels: at arm's length


def read_list(path):
    """[(file below the stamps' folder, label)]"""
    with open(path, encoding="utf-8") as lines:
        return [tuple(line.rstrip("\n").split("\t")) for line in lines
                if line.strip() and not line.startswith("#")]


def octaves(rng, width, height, cells, persistence=0.55):
    """Smooth noise in 0..1 from several scales."""
    total, weight, amount = 0, 1.0, 0.0
    for n in cells:
        coarse = rng.rand(max(2, n * height // width + 1), n + 1)
        layer = Image.fromarray((coarse * 255).astype("uint8"))
        layer = layer.resize((width, height), Image.BICUBIC)
        total = total + weight * numpy.asarray(layer, dtype="float32") / 255
        amount += weight
        weight *= persistence
    return total / amount


def texture(rng):
    """A background larger than the frame: wood, stone, cloth, tiles or foil."""
    width, height = WIDTH + 160, HEIGHT + 120
    dark, light = (numpy.array(colorsys.hsv_to_rgb(
        rng.rand(), rng.uniform(0, 0.5), value)) * 255
        for value in (rng.uniform(0.1, 0.45), rng.uniform(0.5, 0.95)))
    kind = rng.randint(5)
    y, x = numpy.mgrid[0:height, 0:width].astype("float32")
    if kind == 0:  # wood: noise stretched along one axis, with rings
        noise = octaves(rng, width, height, (3, 6, 12))
        value = 0.5 + 0.5 * numpy.sin(noise * 26 + y / rng.uniform(12, 40))
    elif kind == 1:  # stone
        value = octaves(rng, width, height, (6, 14, 40, 120), 0.75)
        value = numpy.clip((value - 0.5) * 2.4 + 0.5, 0, 1)
    elif kind == 2:  # cloth: a weave over soft folds
        step = rng.uniform(5, 14)
        weave = 0.5 + 0.25 * (numpy.sin(x / step * math.pi) +
                              numpy.sin(y / step * math.pi))
        value = 0.6 * weave + 0.4 * octaves(rng, width, height, (3, 7))
    elif kind == 3:  # tiles with joints
        step = rng.randint(48, 110)
        joint = (x % step < 4) | (y % step < 4)
        shade = rng.rand(height // step + 1, width // step + 1)
        tile = shade[(y // step).astype(int), (x // step).astype(int)]
        value = numpy.where(joint, 0.05, 0.45 + 0.5 * tile)
    else:  # clutter: overlapping blots
        blots = Image.new("L", (width, height), rng.randint(60, 200))
        draw = ImageDraw.Draw(blots)
        for _ in range(70):
            cx, cy = rng.randint(width), rng.randint(height)
            rx, ry = rng.randint(10, 90, 2)
            draw.ellipse((cx - rx, cy - ry, cx + rx, cy + ry),
                         fill=int(rng.randint(256)))
        blots = blots.filter(ImageFilter.GaussianBlur(2))
        value = numpy.asarray(blots, dtype="float32") / 255
    picture = dark + value[..., None] * (light - dark)
    return Image.fromarray(numpy.clip(picture, 0, 255).astype("uint8"))


def cut_out(path):
    """The photograph without its transparent border."""
    picture = Image.open(path).convert("RGBA")
    box = picture.getchannel("A").point(lambda a: 255 * (a > 24)).getbbox()
    return picture.crop(box) if box else picture


def occlude(rng, layer, phase):
    """A bar, as of an arm, laid over part of the thing; phase 0..1."""
    draw = ImageDraw.Draw(layer)
    w, h = layer.size
    thick = 0.26 * min(w, h) + 4
    along = (phase - 0.5) * 0.5
    tilt = rng.uniform(-0.4, 0.4)
    colour = tuple(int(c) for c in rng.uniform(40, 210, 3))
    if rng.rand() < 0.5:
        centre = w * (0.5 + along)
        ends = (centre - tilt * h, -h * 0.1, centre + tilt * h, h * 1.1)
    else:
        centre = h * (0.5 + along)
        ends = (-w * 0.1, centre - tilt * w, w * 1.1, centre + tilt * w)
    draw.line(ends, fill=colour + (255,), width=int(thick))


def segment(task):
    """The frames of one thing as bytes, and their truth."""
    (file, label, known), seed, n_frames = task
    rng = numpy.random.RandomState(seed)
    back, thing = texture(rng), cut_out(file)
    phase = rng.uniform(0, 2 * math.pi, 6)
    pace = rng.uniform(0.6, 1.4, 6)
    bar_seed, frames, truth = rng.randint(1 << 30), [], []
    grain = rng.normal(0, 1, (HEIGHT + 64, WIDTH + 64, 1)).astype("float32")
    for n in range(n_frames):
        t = n / n_frames * 2 * math.pi
        swing = [math.sin(phase[k] + pace[k] * t) for k in range(6)]
        scale = 1.0 + 0.4 * swing[0]
        factor = BASE * scale / max(thing.size)
        size = [max(2, round(s * factor)) for s in thing.size]
        layer = thing.resize(size, Image.LANCZOS if factor < 1
                             else Image.BICUBIC)
        layer = layer.rotate(20 * swing[1], Image.BICUBIC, expand=True)
        layer = layer.crop(layer.getchannel("A").point(
            lambda a: 255 * (a > 24)).getbbox())
        w, h = layer.size
        x = int((WIDTH - w) * (0.5 + 0.2 * swing[2]))
        y = int((HEIGHT - h) * (0.5 + 0.2 * swing[3]))
        pan = (int(80 + 60 * swing[4]), int(60 + 40 * swing[5]))
        frame = back.crop((pan[0], pan[1], pan[0] + WIDTH, pan[1] + HEIGHT))
        frame.paste(layer, (x, y), layer)
        occluded = n_frames // 2 <= n < n_frames * 3 // 4
        if occluded:
            bar = Image.new("RGBA", layer.size, (0, 0, 0, 0))
            occlude(numpy.random.RandomState(bar_seed), bar,
                    (n - n_frames / 2) / (n_frames / 4))
            frame.paste(bar, (x, y), bar)
        blur = 0.6 + 0.6 * math.sin(phase[5] + 2 * t)
        if blur > 0.3:
            frame = frame.filter(ImageFilter.GaussianBlur(blur))
        warm = 0.12 * math.sin(phase[4] + t)
        light = 0.95 + 0.3 * math.sin(phase[3] + pace[3] * t)
        gain = light * numpy.array([1 + warm, 1, 1 - warm], dtype="float32")
        pixels = numpy.asarray(frame, dtype="float32") * gain
        at = rng.randint(0, 64, 2)  # the sensor's noise, another part of it
        pixels += rng.uniform(2, 6) * grain[at[0]:at[0] + HEIGHT,
                                            at[1]:at[1] + WIDTH]
        frames.append(numpy.clip(pixels, 0, 255).astype("uint8").tobytes())
        truth.append({"label": label, "known": known, "box": [x, y, w, h],
                      "occluded": occluded})
    return frames, truth


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("truth", help="where the truth goes")
    parser.add_argument("--stamps", default="/usr/share/tuxpaint/stamps")
    parser.add_argument("--products",
                        default=os.path.join(here, "products.txt"))
    parser.add_argument("--strangers",
                        default=os.path.join(here, "strangers.txt"))
    parser.add_argument("--frames", type=int, default=30,
                        help="frames a thing (30)")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    things = [(os.path.join(args.stamps, file), label, known)
              for known, path in ((True, args.products),
                                  (False, args.strangers))
              for file, label in read_list(path)]
    order = numpy.random.RandomState(args.seed).permutation(len(things))
    tasks = [(things[k], args.seed * 1000 + int(k), args.frames)
             for k in order]
    number = 0
    with multiprocessing.Pool() as pool, \
            open(args.truth, "w", encoding="utf-8") as truth:
        for n, (frames, rows) in enumerate(pool.imap(segment, tasks), 1):
            for frame, row in zip(frames, rows):
                sys.stdout.buffer.write(frame)
                truth.write(json.dumps({"frame": number, **row}) + "\n")
                number += 1
            if sys.stderr.isatty():
                print(f"\r  {n} things of {len(tasks)}", end="",
                      file=sys.stderr, flush=True)
            elif n % 10 == 0 or n == len(tasks):
                print(f"  {n} things of {len(tasks)}", file=sys.stderr,
                      flush=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)


if __name__ == "__main__":
    main()
