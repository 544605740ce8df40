"""dml-embed as a user runs it."""
import csv
import io
import os
import unittest

import numpy
from PIL import Image

from common import (BAD_DATA, FAILED, OK, USAGE, ProgramTest, draw, lines, run,
                    toy_encoder)


class Embed(ProgramTest):
    def test_writes_npy_and_a_path_a_line(self):
        out = self.path("x.npy")
        run("dml-embed", "default", self.photos, "-o", out, check=OK)
        x = numpy.load(out)
        with open(self.path("x.txt"), encoding="utf-8") as paths:
            paths = paths.read().splitlines()
        self.assertEqual(x.dtype, numpy.float32)
        self.assertEqual(len(x), 8)
        self.assertEqual(len(paths), 8)
        self.assertEqual(paths, sorted(paths))
        numpy.testing.assert_allclose(numpy.linalg.norm(x, axis=1), 1,
                                      atol=1e-5)
        self.assertTrue(all(os.path.exists(p) for p in paths))

    def test_csv_json_and_npy_agree(self):
        out = self.path("x.npy")
        run("dml-embed", "default", self.photos, "-o", out, check=OK)
        x = numpy.load(out)
        done = run("dml-embed", "default", self.photos, "--csv", check=OK)
        rows = list(csv.reader(io.StringIO(done.stdout)))
        numpy.testing.assert_array_equal(
            numpy.array([r[1:] for r in rows], dtype="float32"), x)
        done = run("dml-embed", "default", self.photos, "--json", check=OK)
        numpy.testing.assert_array_equal(
            numpy.array([o["embedding"] for o in lines(done)],
                        dtype="float32"), x)
        self.assertEqual(lines(done)[0]["schema"], "dml-embed/1")

    def test_never_writes_over_without_force(self):
        out = self.path("x.npy")
        with open(out, "w", encoding="utf-8") as file:
            file.write("mine")
        done = run("dml-embed", "default", self.photos, "-o", out, check=USAGE)
        self.assertIn("--force", done.stderr)
        with open(out, encoding="utf-8") as file:
            self.assertEqual(file.read(), "mine")
        run("dml-embed", "default", self.photos, "-o", out, "--force",
            check=OK)

    def test_compare_same_and_different(self):
        a, b = self.path("photos/disc/0.jpg"), self.path("photos/box/0.jpg")
        done = run("dml-embed", "default", "--compare", a, a, "--json",
                   check=OK)
        same = lines(done)[0]
        self.assertAlmostEqual(same["cosine"], 1, places=5)
        self.assertAlmostEqual(same["euclidean"], 0, places=5)
        done = run("dml-embed", "default", "--compare", a, b, "--json",
                   check=OK)
        self.assertLess(lines(done)[0]["cosine"], 0.9999)

    def test_unreadable_pictures_are_named_and_the_rest_done(self):
        for name, content in (("empty.jpg", b""), ("text.png", b"hello"),
                              ("cut.jpg", None)):
            with open(self.path("photos", name), "wb") as file:
                if content is None:
                    with open(self.path("photos/disc/0.jpg"), "rb") as whole:
                        content = whole.read()[:200]
                file.write(content)
        done = run("dml-embed", "default", self.photos, "-o",
                   self.path("x.npy"), check=BAD_DATA)
        for name in ("empty.jpg", "text.png", "cut.jpg"):
            self.assertIn(name, done.stderr)
        self.assertEqual(len(numpy.load(self.path("x.npy"))), 8)

    def test_numbers_that_are_none_are_a_failure(self):
        encoder = toy_encoder(self.path("nan.onnx"), "Sqrt")
        black, white = self.path("black.png"), self.path("white.png")
        Image.new("RGB", (64, 64)).save(black)
        Image.new("RGB", (64, 64), "white").save(white)
        done = run("dml-embed", encoder, "--csv", black, white, check=BAD_DATA)
        self.assertRegex(done.stderr, f"dml-embed: {black}: .*nan.* not finite")
        self.assertEqual(len(done.stdout.splitlines()), 1)
        self.assertIn(white, done.stdout)
        done = run("dml-embed", encoder, "--compare", white, black,
                   check=BAD_DATA)
        self.assertIn(f"{black}: ", done.stderr)

    def test_odd_sizes(self):
        draw("disc", 1).save(self.path("one.png"))
        draw("disc").resize((20000, 3)).save(self.path("wide.png"))
        draw("disc").convert("L").save(self.path("grey.jpg"))
        draw("disc").convert("CMYK").save(self.path("cmyk.jpg"))
        draw("disc").save(self.path("disc.webp"))
        done = run("dml-embed", "default", self.path("one.png"),
                   self.path("wide.png"), self.path("grey.jpg"),
                   self.path("cmyk.jpg"), self.path("disc.webp"), "--csv",
                   check=OK)
        self.assertEqual(len(done.stdout.splitlines()), 5)

    def test_mistakes_are_told(self):
        done = run("dml-embed", "default", self.photos, "--ouptut", "x.npy",
                   check=USAGE)
        self.assertIn("--output", done.stderr)
        done = run("dml-embed", "default", self.path("phtos"), "--csv",
                   check=FAILED)
        self.assertIn("phtos", done.stderr)
        done = run("dml-embed", self.path("no.onnx"), self.photos, "--csv",
                   check=FAILED)
        self.assertIn("no.onnx", done.stderr)
        with open(self.path("bad.onnx"), "wb") as file:
            file.write(b"not an onnx file at all")
        done = run("dml-embed", self.path("bad.onnx"), self.photos, "--csv",
                   check=BAD_DATA)
        self.assertIn("bad.onnx", done.stderr)
        for name in ("defualt", "Default", "defaut"):
            done = run("dml-embed", name, self.photos, "--csv", check=FAILED)
            self.assertIn(f"{name}: no such file; did you mean default",
                          done.stderr)
        done = run("dml-eval", "defualt", self.photos, check=FAILED)
        self.assertIn("did you mean default", done.stderr)
        a, b = self.path("photos/disc/0.jpg"), self.path("photos/disc/1.jpg")
        for conflict in (("--csv", "--json"), ("--compare", "--csv"),
                         ("--compare", "-o", self.path("x.npy"))):
            done = run("dml-embed", "default", a, b, *conflict, check=USAGE)
            self.assertEqual(done.stdout, "")
            self.assertIn("--", done.stderr)
        run("dml-embed", "default", self.photos, check=USAGE)
        run("dml-embed", check=USAGE)
        self.assertIn("dml", run("dml-embed", "--version", check=OK).stdout)
        self.assertIn("Examples", run("dml-embed", "--help", check=OK).stdout)

    @unittest.skipIf(not os.path.exists("/dev/full"), "no /dev/full")
    def test_full_disk_is_a_failure(self):
        done = run("dml-embed", "default", self.photos, "-o",
                   "/proc/nowhere.npy")
        self.assertNotEqual(done.returncode, OK)
        self.assertIn("/proc/nowhere.npy", done.stderr)


if __name__ == "__main__":
    unittest.main()
