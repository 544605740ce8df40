#!/usr/bin/env python3
"""Writes resize.json: what Pillow's Image.resize (BILINEAR, box=...) makes of a
small noisy picture, for lib/image/preprocess.c to agree with to one level.

Boxes that stick out are taken from the picture padded by its edge pixels until
it holds the box. Usage: make_resize.py [resize.json]; needs python3-pil and
python3-numpy. The picture is a formula that the test repeats, so that only the
results are stored."""
import base64
import json
import math
import os
import sys

import numpy as np
import PIL
from PIL import Image

# width, height of the picture; box x, y, width, height; output width, height
CASES = [
    (40, 30, 0, 0, 40, 30, 40, 30),        # as it is
    (40, 30, 0, 0, 40, 30, 13, 7),         # shrunk, all of it
    (40, 30, 5, 0, 30, 30, 12, 12),        # centre square
    (40, 30, 3.25, 4.5, 20.3, 11.7, 9, 8), # fractions
    (40, 30, 10, 10, 4, 4, 16, 16),        # enlarged
    (40, 30, 20.1, 9.9, .7, .4, 8, 8),     # enlarged a lot
    (40, 30, -7, -5.5, 30, 30, 11, 11),    # sticks out, upper left
    (40, 30, 25, 20, 40, 33.3, 10, 9),     # lower right
    (40, 30, -30, -30, 100, 90, 10, 9),    # all round
    (40, 30, 60, 50, 12, 12, 4, 4),        # nothing but edge
    (1, 1, 0, 0, 1, 1, 5, 5),
    (67, 3, 0, 0, 67, 3, 5, 16),           # flat
    (3, 67, .5, 1.5, 2, 60, 16, 5),
    (301, 211, 0, 0, 301, 211, 5, 5),      # shrunk sixtyfold
]


def picture(width, height):
    """Noise from a 32-bit linear congruential generator, high bits."""
    n, state, out = width * height * 3, 12345, []
    for _ in range(n):
        state = (state * 1664525 + 1013904223) & 0xffffffff
        out.append(state >> 24)
    return np.array(out, np.uint8).reshape(height, width, 3)


def resize(pixels, box, size):
    height, width = pixels.shape[:2]
    x, y, w, h = box
    left, top = max(0, -math.floor(x)), max(0, -math.floor(y))
    right = max(0, math.ceil(x + w) - width)
    bottom = max(0, math.ceil(y + h) - height)
    padded = np.pad(pixels, ((top, bottom), (left, right), (0, 0)), "edge")
    shifted = (x + left, y + top, x + left + w, y + top + h)
    return np.asarray(Image.fromarray(padded).resize(
        size, Image.BILINEAR, box=shifted))


def main(path):
    cases = []
    for width, height, x, y, w, h, out_w, out_h in CASES:
        rgb = resize(picture(width, height), (x, y, w, h), (out_w, out_h))
        cases.append({"picture": [width, height], "box": [x, y, w, h],
                      "output": [out_w, out_h],
                      "rgb": base64.b64encode(rgb.tobytes()).decode()})
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"made_by": "make_resize.py", "pillow": PIL.__version__,
                   "cases": cases}, out, indent=1)
        out.write("\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else
         os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      "resize.json"))
