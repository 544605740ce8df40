"""What the tests of the programs share: running them, and drawing pictures."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import numpy
from PIL import Image, ImageDraw

PROGRAMS = os.environ["DML_PROGRAMS"]
OK, FAILED, USAGE, BAD_DATA, MISMATCH = 0, 1, 2, 3, 4
TIMEOUT = 600  # of one call, on a machine that much else runs on


# Whom doors are shut to; root is let in everywhere.
SOMEBODY = 65534 if os.geteuid() == 0 else None


def run(program, *args, check=None, timeout=TIMEOUT, **kwargs):
    """Runs a program; .returncode, .stdout, .stderr as text. One that hangs is
    killed, so that the test fails rather than hang too."""
    try:
        done = subprocess.run(
            [os.path.join(PROGRAMS, program), *map(str, args)],
            capture_output=True, text=True, stdin=subprocess.DEVNULL,
            timeout=timeout, **kwargs)
    except PermissionError as e:
        raise unittest.SkipTest("SOMEBODY may not run programs here") from e
    if check is not None and done.returncode != check:
        raise AssertionError(
            f"{program} {args}: exit {done.returncode}, not {check}\n"
            f"{done.stdout}\n{done.stderr}")
    return done


def lines(done):
    """The JSON lines that a program printed."""
    return [json.loads(line) for line in done.stdout.splitlines()]


SHAPES = {
    "disc": lambda d, s: d.ellipse((s * .2, s * .2, s * .8, s * .8),
                                   fill=(200, 40, 30)),
    "box": lambda d, s: d.rectangle((s * .25, s * .2, s * .75, s * .85),
                                    fill=(40, 70, 200)),
    "roof": lambda d, s: d.polygon((s * .5, s * .1, s * .9, s * .9,
                                    s * .1, s * .9), fill=(30, 160, 60)),
    "bars": lambda d, s: [d.rectangle((s * x, 0, s * (x + .1), s),
                                      fill=(20, 20, 20))
                          for x in (.1, .35, .6, .85)],
}


def draw(name, size=96, seed=0):
    """A picture of one of SHAPES on a lightly noisy background."""
    noise = numpy.random.RandomState(seed).randint(180, 220, (size, size, 3))
    picture = Image.fromarray(noise.astype("uint8"))
    SHAPES[name](ImageDraw.Draw(picture), size)
    return picture


def toy_encoder(path, *operators):
    """An ONNX encoder: a picture's 8 x 8 values through those operators."""
    import onnx  # takes a second, and few tests want it
    nodes, last = [], "image"
    for i, operator in enumerate(("Flatten", *operators)):
        name = "embedding" if i == len(operators) else f"x{i}"
        nodes.append(onnx.helper.make_node(operator, [last], [name]))
        last = name
    shaped = onnx.helper.make_tensor_value_info
    onnx.save(onnx.helper.make_model(
        onnx.helper.make_graph(
            nodes, "toy",
            [shaped("image", onnx.TensorProto.FLOAT, ["N", 3, 8, 8])],
            [shaped("embedding", onnx.TensorProto.FLOAT, ["N", 192])]),
        ir_version=8,
        opset_imports=[onnx.helper.make_opsetid("", 17)]), path)
    return path


class ProgramTest(unittest.TestCase):
    """A folder of its own, with photos/<shape>/<n>.jpg in it."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="dml-test-")
        self.photos = os.path.join(self.dir, "photos")
        for name in SHAPES:
            os.makedirs(os.path.join(self.photos, name))
            for n in range(2):
                draw(name, seed=n).save(
                    os.path.join(self.photos, name, f"{n}.jpg"))
        self.gallery = os.path.join(self.dir, "shop.bin")

    def tearDown(self):
        shutil.rmtree(self.dir)

    def path(self, *names):
        return os.path.join(self.dir, *names)
