"""What the tests of dml-train and dml-eval share: pictures, starting, waiting."""
import json
import os
import signal
import subprocess
import sys
import time

import numpy
from PIL import Image

from common import PROGRAMS, SHAPES, TIMEOUT, ProgramTest, draw

INTERRUPTED = 130
SMALL = ["--arch=resnet10", "--width=0.0625", "--input=16", "--embedding=8",
         "--classes-per-batch=4", "--pictures-per-class=2", "--hold-out=0",
         "--augment=light"]


def shared(name):
    """A file of the shared folder; without it the whole test is skipped."""
    root = os.environ.get("DML_SHARED") or os.path.join(
        os.environ["DML_TEST_SOURCE_ROOT"], "..", "shared")
    path = os.path.join(root, name)
    if not os.path.exists(path):
        print(f"skipped: {name} is not there (DML_SHARED names its folder)")
        sys.exit(77)
    return path


def paint(number, seed, size=40):
    """A picture of class `number`: a shape in a colour, on coloured noise."""
    rng = numpy.random.RandomState(1000 * number + seed)
    hue = numpy.random.RandomState(number).randint(0, 256, 3)
    pixels = rng.randint(0, 60, (size, size, 3)) + hue // 2
    picture = Image.fromarray(pixels.astype("uint8"))
    shape = draw(list(SHAPES)[number % len(SHAPES)], size=size // 2, seed=seed)
    picture.paste(shape, (rng.randint(0, size // 2), rng.randint(0, size // 2)))
    return picture


def paint_classes(folder, n_classes, n_pictures, size=40):
    for c in range(n_classes):
        os.makedirs(os.path.join(folder, f"thing-{c:02}"), exist_ok=True)
        for n in range(n_pictures):
            paint(c, n, size).save(
                os.path.join(folder, f"thing-{c:02}", f"{n}.png"))


class TrainTest(ProgramTest):
    """photos/<shape>/<n>.png with eight pictures each; self.out for a run."""

    def setUp(self):
        super().setUp()
        for shape in os.listdir(self.photos):
            for n in range(10, 16):
                draw(shape, size=40, seed=n).save(
                    os.path.join(self.photos, shape, f"{n}.png"))
        self.out = os.path.join(self.dir, "run")
        self.started = []

    def tearDown(self):
        for process in self.started:  # what a test that failed left running
            process.kill()
            process.wait()
        super().tearDown()

    def start(self, *args, **kwargs):
        process = subprocess.Popen(
            [os.path.join(PROGRAMS, "dml-train"), *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, **kwargs)
        self.started.append(process)
        return process

    def wait_for(self, path, process, newer_than=0):
        """Until there is a file, written after a time in nanoseconds."""
        for _ in range(18000):
            if process.poll() is not None:
                return
            if os.path.exists(path) and \
                    os.stat(path).st_mtime_ns > newer_than:
                return
            time.sleep(0.01)
        self.fail(f"{path} does not come")

    def go_on(self, *args):
        """Resumes a run, until it says that it goes on. What it has said by
        then is taken; a machine's speed is no matter."""
        process = self.start("--resume", *args)
        for line in process.stderr:
            if "going on" in line:
                return process
        self.fail(f"--resume {args} does not go on")

    def interrupt(self, process):
        """Ctrl-C; the program's talk."""
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, INTERRUPTED, talk)
        return talk

    def saved(self, name):
        return os.path.join(self.out, name)

    def run_lines(self, folder=None):
        """The whole lines of a run's run.jsonl."""
        with open(os.path.join(folder or self.out, "run.jsonl"),
                  encoding="utf-8") as f:
            return [json.loads(line) for line in f if line.endswith("\n")]

    def read(self, name):
        with open(self.saved(name), "rb") as f:
            return f.read()
