"""dml-gallery and dml-embed under valgrind: no error, no definite leak."""
import os
import shutil
import subprocess
import unittest

import common
from common import BAD_DATA, OK, PROGRAMS, TIMEOUT, ProgramTest

WRONG = 99  # what valgrind exits with when it found something


@unittest.skipIf(shutil.which("valgrind") is None, "valgrind is not installed")
class Valgrind(ProgramTest):
    def clean(self, program, *args, exit_code=OK):
        done = subprocess.run(
            ["valgrind", "--quiet", f"--error-exitcode={WRONG}",
             "--suppressions=" + os.path.join(
                 os.environ["DML_TEST_SOURCE_ROOT"], "tests/valgrind.supp"),
             "--leak-check=full", "--show-leak-kinds=definite",
             "--errors-for-leak-kinds=definite", "--num-callers=30",
             os.path.join(PROGRAMS, program), *args],
            env=dict(os.environ, DML_THREADS="1"), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=TIMEOUT)
        self.assertEqual(done.returncode, exit_code,
                         f"{program} {args}\n{done.stdout}\n{done.stderr}")

    def test_gallery(self):
        disc = self.path("photos/disc/0.jpg")
        other = self.path("photos/bars/1.jpg")
        for command in (
                ["enroll", "--views", "1", self.photos],
                ["enroll", "--label", "a \"new\" one", other],
                ["list", "--json"], ["show", "disc"],
                ["data", "disc", "{\"price\": 2}"],
                ["calibrate", "--false-accept-rate", "0.1"],
                ["search", "--json", "--classifier", "svm", "--sheet",
                 self.path("hits.png"), disc, other],
                ["rename", "disc", "round"], ["remove", "bars"],
                ["verify"], ["export", "-o", self.path("all.npy")]):
            self.clean("dml-gallery", self.gallery, *command)

    def test_gallery_with_bad_pictures(self):
        bad = self.path("photos/disc/bad.jpg")
        with open(bad, "wb") as file:
            file.write(b"\xff\xd8\xff\xe0 no picture")
        self.clean("dml-gallery", self.gallery, "enroll", "--views", "1", bad,
                   exit_code=BAD_DATA)

    def test_embed(self):
        disc = self.path("photos/disc/0.jpg")
        box = self.path("photos/box/0.png")
        common.draw("box").save(box)
        self.clean("dml-embed", "default", disc, box, "-o",
                   self.path("x.npy"))
        self.clean("dml-embed", "default", "--compare", disc, box)


if __name__ == "__main__":
    unittest.main()
