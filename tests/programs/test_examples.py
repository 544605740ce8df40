"""The examples of docs/examples as their readers run them."""
import os
import re
import sys
import unittest

from common import OK, USAGE, draw
from streams import BUILD, ROOT, StreamTest, make_video

EXAMPLES = os.path.join(BUILD, "docs", "examples")
try:
    import gi
    gi.require_version("Gst", "1.0")
    gi.require_version("GstDml", "1.0")
    NO_GI = None
except (ImportError, ValueError) as error:
    NO_GI = str(error)


class MatchPictures(StreamTest):
    def call(self, *args):
        return self.start([os.path.join(EXAMPLES, "match-pictures"), *args])

    def test_names_the_photograph_and_says_why(self):
        done = self.call("photos/disc/0.jpg", "photos/bars/0.jpg",
                         "photos/disc/1.jpg")
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertRegex(done.stdout, r"decision  (known|ambiguous|unknown)\n")
        self.assertRegex(done.stdout, r"reason    [a-z-]+: .+")
        hits = re.findall(r"^(\d)\. +(\S+) (-?\d\.\d+)$", done.stdout, re.M)
        self.assertEqual(len(hits), 2, done.stdout)
        self.assertGreater(float(hits[0][2]), float(hits[1][2]))
        self.assertEqual([hit[1] for hit in hits],  # not 0.jpg twice
                         ["photos/disc/0.jpg", "photos/bars/0.jpg"])

    def test_one_photograph_twice_is_one_label(self):
        done = self.call("photos/disc/0.jpg", "photos/disc/0.jpg",
                         "photos/disc/0.jpg")
        self.assertEqual(done.stdout.count("0.jpg"), 4, done.stdout)

    def test_what_is_close_is_known(self):
        draw("disc", seed=3).save(self.path("red.png"))
        draw("roof", seed=3).save(self.path("green.png"))
        draw("disc", seed=4).save(self.path("query.png"))
        done = self.call("red.png", "green.png", "query.png")
        self.assertIn("decision  known\nlabel     red.png", done.stdout)

    def test_a_missing_photograph_is_named(self):
        done = self.call("photos/disc/0.jpg", "nosuch.jpg", "photos/disc/1.jpg")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nosuch.jpg", done.stderr)
        self.assertEqual(self.call().returncode, USAGE)


class RecogniseVideo(StreamTest):
    program = os.path.join(EXAMPLES, "recognise-video")

    def setUp(self):
        if not os.path.exists(self.program):
            self.skipTest("built without gstreamer-app-1.0")
        super().setUp()

    def test_enrols_what_is_new_and_knows_it_at_once(self):
        make_video(self.path("clip.mkv"), [("disc", 150)])
        done = self.start([self.program, "clip.mkv", "shop.bin", "red disc"])
        self.assertEqual(done.returncode, OK, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"s  unknown   - \(")
        self.assertIn("enrolled   red disc is item 1", done.stdout)
        self.assertRegex(done.stdout, r"gallery    revision \d+, 1 items")
        self.assertRegex(done.stdout, r"s  known     red disc \(")
        frames, known = map(int, re.search(
            r"(\d+) frames, (\d+) of them known", done.stdout).groups())
        self.assertEqual(frames, 150)
        self.assertGreater(known, 30)

    def test_recognises_by_what_is_enrolled(self):
        self.enrol_frames("disc", "bars")
        make_video(self.path("clip.mkv"), [("bars", 20), ("disc", 20)])
        done = self.start([self.program, "clip.mkv", "shop.bin"])
        said = re.findall(r"s  known +(\S+) \(", done.stdout)
        self.assertEqual(said, ["bars", "disc"], done.stdout + done.stderr)

    def test_trouble_is_told(self):
        done = self.start([self.program, "nosuch.mkv", "shop.bin"])
        self.assertEqual(done.returncode, 1)
        self.assertIn("nosuch.mkv", done.stderr)
        self.assertEqual(self.start([self.program]).returncode, USAGE)


@unittest.skipIf(NO_GI, f"no introspection: {NO_GI}")
class RecognisePython(StreamTest):
    def call(self, *args):
        env = dict(os.environ, LD_LIBRARY_PATH=os.environ["DML_LIBRARIES"])
        return self.start([sys.executable, os.path.join(
            ROOT, "docs", "examples", "recognise.py"), *args], env=env)

    def test_enrols_and_recognises(self):
        make_video(self.path("disc.mkv"), [("disc", 90)])
        make_video(self.path("both.mkv"), [("bars", 20), ("disc", 20)])
        done = self.call("shop.bin", "disc.mkv", "--enrol", "red disc")
        self.assertEqual(done.returncode, OK, done.stdout + done.stderr)
        self.assertIn("item 1 enrolled; the gallery has 1 items under 1 labels",
                      done.stdout)
        self.assertNotIn("Warning", done.stderr)
        done = self.call("shop.bin", "both.mkv")
        self.assertEqual(done.returncode, OK, done.stdout + done.stderr)
        self.assertRegex(done.stdout,
                         r"s: known red disc at 40,0 240x240\n    why: .+\n"
                         r"    nearest: red disc \d\.\d\d \(item 1\)")
        self.assertRegex(done.stdout, r"s: unknown - at")
        self.assertIn("40 frames", done.stdout)

    def test_trouble_is_told(self):
        done = self.call("nosuch.bin", "nosuch.mkv")
        self.assertNotEqual(done.returncode, OK)
        self.assertIn("recognise.py: ", done.stderr)
        self.assertIn("nosuch", done.stderr)


if __name__ == "__main__":
    unittest.main()
