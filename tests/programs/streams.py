"""What the tests of pipelines share: videos made of drawn pictures, and
GStreamer's programs with a registry of the test's own."""
import os
import subprocess

from common import TIMEOUT, ProgramTest, draw, run

ROOT = os.environ["DML_TEST_SOURCE_ROOT"]
BUILD = os.environ["DML_BUILD"]
SIZE = (320, 240)
RATE = 30


def frame(name, n, size=SIZE):
    """A shape in the middle of a frame, moving a little; None: an empty desk."""
    picture = draw("disc", 8, seed=n).resize(size).point(lambda v: v // 2 + 90)
    if name is not None:
        thing = draw(name, 150, seed=n)
        picture.paste(thing, ((size[0] - 150) // 2 + n % 7 - 3,
                              (size[1] - 150) // 2 + n % 5 - 2))
    return picture


def make_video(path, scenes, size=SIZE):
    """A Matroska file with JPEG frames; scenes: [(shape or None, frames)]."""
    with subprocess.Popen(
            ["gst-launch-1.0", "-q", "fdsrc", "!", "rawvideoparse",
             "format=rgb", f"width={size[0]}", f"height={size[1]}",
             f"framerate={RATE}/1", "!", "videoconvert", "!", "jpegenc", "!",
             "matroskamux", "!", "filesink", f"location={path}"],
            stdin=subprocess.PIPE) as maker:
        for name, n_frames in scenes:
            for n in range(n_frames):
                maker.stdin.write(frame(name, n, size).tobytes())
        maker.stdin.close()
    if maker.returncode != 0:
        raise AssertionError(f"{path}: no video was made")


class StreamTest(ProgramTest):
    """A folder with photographs, and a gallery made of them on demand."""

    def setUp(self):
        super().setUp()
        os.environ["GST_REGISTRY"] = os.path.join(
            BUILD, "tests", "programs", type(self).__module__ + ".registry")

    def enrol_frames(self, *names):
        """A gallery in which the shapes look as they do in the videos."""
        for name in names:
            folder = self.path("frames", name)
            os.makedirs(folder)
            for n in range(3):
                square = frame(name, n).crop((40, 0, 280, 240))
                square.save(os.path.join(folder, f"{n}.png"))
        run("dml-gallery", self.gallery, "enroll", self.path("frames"),
            check=0)

    def start(self, command, **kwargs):
        """subprocess.run of a command in the test's folder, as text."""
        return subprocess.run([str(word) for word in command],
                              capture_output=True, text=True, cwd=self.dir,
                              stdin=subprocess.DEVNULL, timeout=TIMEOUT,
                              **kwargs)
