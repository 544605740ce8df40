"""The demonstration's parts in small: the clip, the replayed boxes, the report."""
import fcntl
import importlib
import json
import os
import subprocess
import sys
import unittest

from PIL import Image

from common import BAD_DATA, FAILED, OK, TIMEOUT, USAGE, draw, run
from streams import BUILD, ROOT, StreamTest

DEMO = os.path.join(ROOT, "pipelines", "demo")
STAMPS = "/usr/share/tuxpaint/stamps"
WIDTH, HEIGHT = 640, 480


def region(decision, similarity, label=None, nearest=None):
    """What dmljson writes of a region, as far as the report reads it."""
    words = {"decision": decision, "similarity": similarity,
             "threshold": .55}
    if label:
        words["label"] = label
    if nearest or label:
        words["nearest"] = nearest or label
    return words


class Demo(StreamTest):
    def write_lines(self, name, rows):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows)

    def script(self, name, *args, **kwargs):
        return self.start([sys.executable, os.path.join(DEMO, name), *args],
                          **kwargs)

    def make_stamps(self):
        """Cut-out shapes in place of tuxpaint's photographs."""
        os.makedirs(self.path("stamps"))
        with open(self.path("products.txt"), "w", encoding="utf-8") as known, \
                open(self.path("strangers.txt"), "w",
                     encoding="utf-8") as unknown:
            known.write("# file, label\n")
            for name, out in (("disc", known), ("bars", known),
                              ("roof", unknown)):
                picture = draw(name, 200).convert("RGBA")
                hole = Image.new("L", picture.size, 0)
                hole.paste(255, (20, 20, 180, 180))
                picture.putalpha(hole)
                picture.save(self.path("stamps", name + ".png"))
                out.write(f"{name}.png\t{name}\n")

    def make_clip(self, frames, seed=1):
        with open(self.path("clip.rgb"), "wb") as clip:
            done = self.start_to(
                clip, [sys.executable, os.path.join(DEMO, "make_clip.py"),
                       "truth.jsonl", "--stamps", "stamps", "--products",
                       "products.txt", "--strangers", "strangers.txt",
                       "--frames", frames, "--seed", seed])
        self.assertEqual(done.returncode, OK, done.stderr)
        with open(self.path("clip.rgb"), "rb") as clip, \
                open(self.path("truth.jsonl"), encoding="utf-8") as truth:
            return clip.read(), [json.loads(row) for row in truth]

    def start_to(self, out, command):
        return subprocess.run([str(word) for word in command], stdout=out,
                              stderr=subprocess.PIPE, text=True, cwd=self.dir,
                              timeout=TIMEOUT, check=False)

    def test_report_counts(self):
        """Two products and a stranger of four frames each, by hand."""
        truth, results = [], []
        said = {
            # three right (one of them after a change), one called unknown
            "apple": [region("known", .9, "apple"), region("known", .8, "apple"),
                      region("unknown", .5, nearest="apple"),
                      region("known", .9, "apple")],
            # one right, one mistaken, one unknown, one without any region
            "pear": [region("known", .7, "pear"), region("known", .6, "apple"),
                     region("unknown", .3, nearest="apple"), None],
            # a stranger: three without a name, one with
            "goat": [region("unknown", .2, nearest="pear"),
                     region("ambiguous", .4, nearest="pear"),
                     region("unknown", .1, nearest="pear"),
                     region("known", .65, "pear")],
        }
        for label, rows in said.items():
            for row in rows:
                number = len(truth)
                truth.append({"frame": number, "label": label,
                              "known": label != "goat", "box": [0, 0, 9, 9],
                              "occluded": False})
                results.append({"stream_time": number * 1000000000 // 30,
                                "regions": [row] if row else []})
        self.write_lines("truth.jsonl", truth)
        self.write_lines("results.jsonl", results)
        self.write_lines("timing.json", [{"frames": 12, "seconds": 0.5}])
        done = self.script("report.py", "truth.jsonl", "results.jsonl",
                           "timing.json", "--json", "out.json")
        self.assertEqual(done.returncode, OK, done.stderr)
        with open(self.path("out.json"), encoding="utf-8") as out:
            figures = json.load(out)
        # Known .9 .8 .5 .9 .7 .6 .3 -1 against unknown .2 .4 .1 .65: of 32
        # pairs 4 + 4 + 3 + 4 + 4 + 3 + 2 + 0 = 24 are in order.
        expected = {"products": 2, "strangers": 1, "accuracy": 4 / 8,
                    "rank 1": 5 / 8, "mistaken": 1 / 8, "rejected": 3 / 4,
                    "auroc": 24 / 32, "changes": (2 + 2) / 2, "frames": 12,
                    "seconds": 0.5}
        self.assertEqual(set(figures), set(expected))
        for name, value in expected.items():
            self.assertAlmostEqual(figures[name], value, places=9, msg=name)
        self.assertRegex(done.stdout, r"\napple +4 +3 +1 +0\n")
        self.assertRegex(done.stdout, r"\npear +4 +1 +2 +1  as apple\n")
        self.assertRegex(done.stdout, r"\ngoat +4 +3 +1  as pear\n")
        self.assertRegex(done.stdout, r"accuracy +50\.0%")
        self.assertRegex(done.stdout, r"speed +24\.0 ")

    def test_sheet_tells_a_rejection_from_a_wrong_name(self):
        sys.path.insert(0, DEMO)
        try:
            report = importlib.import_module("report")
        finally:
            sys.path.remove(DEMO)
        pear, goat = ({"label": "pear", "known": True},
                      {"label": "goat", "known": False})
        said = [report.verdict(pear, region("known", .7, "pear")),
                report.verdict(pear, region("unknown", .3, nearest="apple")),
                report.verdict(pear, None),
                report.verdict(pear, region("known", .6, "apple")),
                report.verdict(goat, region("ambiguous", .4, nearest="pear")),
                report.verdict(goat, region("known", .65, "pear"))]
        self.assertEqual([words for words, _ in said],
                         ["", "called unknown", "called unknown",
                          "taken for apple", "rightly unknown",
                          "taken for pear"])
        right, unknown, mistaken = (said[n][1] for n in (0, 1, 3))
        self.assertEqual(len({right, unknown, mistaken}), 3)
        self.assertEqual([colour for _, colour in said[4:]], [right, mistaken])

    def test_report_without_results_says_so(self):
        self.write_lines("truth.jsonl", [])
        self.write_lines("results.jsonl", [])
        self.write_lines("timing.json", [{"frames": 1, "seconds": 1}])
        done = self.script("report.py", "truth.jsonl", "results.jsonl",
                           "timing.json")
        self.assertNotEqual(done.returncode, OK)
        self.assertIn("results.jsonl: no results", done.stderr)

    def test_same_seed_same_clip(self):
        self.make_stamps()
        pixels, truth = self.make_clip(4)
        self.assertEqual(len(pixels), 3 * 4 * WIDTH * HEIGHT * 3)
        self.assertEqual([row["frame"] for row in truth], list(range(12)))
        self.assertEqual({row["label"]: row["known"] for row in truth},
                         {"disc": True, "bars": True, "roof": False})
        for row in truth:
            x, y, w, h = row["box"]
            self.assertTrue(0 < x + w / 2 < WIDTH, row)
            self.assertTrue(0 < y + h / 2 < HEIGHT, row)
            self.assertGreater(max(w, h), 100, row)
        self.assertEqual(sum(row["occluded"] for row in truth), 3)
        again = self.make_clip(4)
        self.assertEqual((pixels, truth), again)
        self.assertNotEqual(pixels, self.make_clip(4, seed=2)[0])

    def test_same_seed_same_video(self):
        """Once encoded, too: the file's own date and number set aside."""
        self.make_stamps()
        streams = []
        for _ in range(2):
            for command in (
                    [os.path.join(DEMO, "make-clip.sh"), "clip.mkv",
                     "truth.jsonl", "--stamps", "stamps", "--products",
                     "products.txt", "--strangers", "strangers.txt",
                     "--frames", "16"],
                    ["gst-launch-1.0", "-q", "filesrc", "location=clip.mkv",
                     "!", "matroskademux", "!", "video/x-h264", "!",
                     "filesink", "location=clip.h264"]):
                done = self.start(command)
                self.assertEqual(done.returncode, OK, done.stderr)
            with open(self.path("clip.h264"), "rb") as stream:
                streams.append(stream.read())
        self.assertGreater(len(streams[0]), 10000)
        self.assertTrue(streams[0] == streams[1], "another clip")

    def test_clip_boxes_pipeline_and_report(self):
        """demo.sh's middle part: boxes arrive where the truth has them."""
        self.make_stamps()
        _, truth = self.make_clip(6)
        for name in ("disc", "bars"):
            os.makedirs(self.path("shop", name))
            os.symlink(self.path("stamps", name + ".png"),
                       self.path("shop", name, "1.png"))
        run("dml-gallery", self.gallery, "enroll", self.path("shop"), check=OK)
        with open(self.path("timing.json"), "w", encoding="utf-8") as timing:
            done = self.start_to(
                timing, [os.path.join(BUILD, "pipelines", "replay-boxes"),
                         "truth.jsonl", "filesrc", "location=clip.rgb", "!",
                         "rawvideoparse", "format=rgb", f"width={WIDTH}",
                         f"height={HEIGHT}", "framerate=30/1", "!",
                         "identity", "name=boxes", "!", "dmlembed",
                         "regions=roi", "!", "dmlmatch", "gallery=shop.bin",
                         "!", "dmljson", "location=results.jsonl", "!",
                         "dmloverlay", "!", "videoconvert", "!", "jpegenc",
                         "!", "matroskamux", "!", "filesink",
                         "location=seen.mkv"])
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertIn("  18 frames of 18\n", done.stderr)
        with open(self.path("results.jsonl"), encoding="utf-8") as rows:
            rows = [json.loads(row)["regions"][0] for row in rows]
        self.assertEqual(len(rows), len(truth))
        for row, real in zip(rows, truth):
            x, y, w, h = real["box"]  # as far as it lies in the picture
            left, top = max(0, x), max(0, y)
            self.assertEqual([row["x"], row["y"], row["width"], row["height"]],
                             [left, top, min(WIDTH, x + w) - left,
                              min(HEIGHT, y + h) - top])
            self.assertIn(row["nearest"], ("disc", "bars"))
        done = self.script("report.py", "truth.jsonl", "results.jsonl",
                           "timing.json", "--video", "seen.mkv", "--sheet",
                           "sheet.png")
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertIn("AUROC", done.stdout)
        with Image.open(self.path("sheet.png")) as sheet:
            self.assertGreater(len(sheet.convert("RGB").getcolors(1 << 24)),
                               1000)

    def fill(self, *files):
        """Files in a folder of the user's, by name."""
        os.makedirs(self.path("mine", "photos"))
        for name in files + ("shop.bin", "photos/1.jpg"):
            with open(self.path("mine", name), "w", encoding="utf-8") as out:
                out.write(name)
        return self.mine()

    def mine(self):
        found = {}
        for folder, _, files in os.walk(self.path("mine")):
            for name in files:
                with open(os.path.join(folder, name), "rb") as file:
                    found[os.path.join(folder, name)] = file.read()
        return found

    def want_packages(self):
        """The demonstration goes no further without them."""
        done = self.start([os.path.join(ROOT, "tests", "install-packages.sh"),
                           "--check"])
        if done.returncode != OK:
            self.skipTest(done.stderr)

    def shell(self, script, *args, check):
        done = self.start([os.path.join(ROOT, script), *args],
                          env={**os.environ, "DML_BUILD": BUILD})
        self.assertEqual(done.returncode, check, done.stdout + done.stderr)
        return done.stderr

    def test_files_of_the_user_are_never_replaced(self):
        before = self.fill("encoder.txt", "dml_0.1.0.orig.tar.gz", "a.deb")
        for script, args in (("pipelines/demo.sh", ["--no-install"]),
                             ("pipelines/demo.sh", ["--no-install", "--fresh"]),
                             ("tools/debian/build-package.sh", [])):
            said = self.shell(script, *args, "--out", "mine", check=USAGE)
            self.assertIn("mine: holds files that are not of an earlier", said)
            self.assertIn("a new or an empty folder", said)
            self.assertEqual(self.mine(), before)

    def test_values_are_wanted(self):
        for script, option in (("pipelines/demo.sh", "--out"),
                               ("pipelines/demo.sh", "--encoder"),
                               ("tools/debian/build-package.sh", "--out")):
            self.assertIn(f"{option} wants a value",
                          self.shell(script, option, check=USAGE))

    def test_two_demonstrations_do_not_share_a_folder(self):
        before = self.fill(".dml-demo")
        with open(self.path("mine", ".dml-demo"), encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            said = self.shell("pipelines/demo.sh", "--no-install", "--fresh",
                              "--out", "mine", check=FAILED)
        self.assertIn("mine: another demo.sh is at work there", said)
        self.assertEqual(self.mine(), before)

    def test_a_wrong_encoder_harms_nothing(self):
        before = self.fill(".dml-demo", "encoder.txt", "boxes.jsonl",
                           "boxes.timing", "boxes.mkv", "clip.mkv",
                           "truth.jsonl")
        said = self.shell("pipelines/demo.sh", "--out", "mine", "--encoder",
                          "nix.onnx", check=FAILED)
        self.assertEqual(said,
                         "demo.sh: nix.onnx: there is no such encoder\n")
        self.assertEqual(self.mine(), before)
        self.want_packages()
        with open(self.path("bad.onnx"), "w", encoding="utf-8") as bad:
            bad.write("no encoder")
        said = self.shell("pipelines/demo.sh", "--no-install", "--fresh",
                          "--out", "mine", "--encoder", "bad.onnx",
                          check=BAD_DATA)
        self.assertIn("bad.onnx", said)
        after = self.mine()
        for name in before:
            if os.path.basename(name) != "1.jpg": # photos are links, made anew
                self.assertEqual(after.get(name), before[name], name)

    def test_a_run_that_fails_leaves_the_results_that_stand(self):
        self.fill(".dml-demo", "boxes.jsonl", "boxes.timing", "boxes.mkv",
                  "clip.mkv", "truth.jsonl")
        version = run("dml-gallery", "--version", check=OK).stdout
        summed = self.start(["cksum", os.path.join(BUILD, "lib",
                                                   "libdml-1.0.so.0")]).stdout
        with open(self.path("mine", "encoder.txt"), "w",
                  encoding="utf-8") as known:
            known.write(version + summed.split()[0] + "\n")
        self.want_packages()
        before = self.mine()
        done = self.start([os.path.join(ROOT, "pipelines", "demo.sh"),
                           "--no-install", "--out", "mine"],
                          env={**os.environ, "DML_BUILD": BUILD})
        self.assertNotEqual(done.returncode, OK)  # "clip.mkv" is no video
        self.assertIn("recognising with the true boxes", done.stdout)
        after = self.mine()
        self.assertEqual({name: after.get(name) for name in before}, before)

    def test_lists_name_at_least_forty_products_and_twelve_strangers(self):
        things = {}
        for name in ("products.txt", "strangers.txt"):
            with open(os.path.join(DEMO, name), encoding="utf-8") as rows:
                things[name] = [row.rstrip("\n").split("\t") for row in rows
                                if not row.startswith("#")]
        self.assertGreaterEqual(len(things["products.txt"]), 40)
        self.assertGreaterEqual(len(things["strangers.txt"]), 12)
        every = things["products.txt"] + things["strangers.txt"]
        self.assertEqual(len({file for file, _ in every}), len(every))
        self.assertEqual(len({label for _, label in every}), len(every))
        if not os.path.isdir(STAMPS):
            self.skipTest("tuxpaint-stamps-default is not installed")
        for file, label in every:
            with Image.open(os.path.join(STAMPS, file)) as picture:
                self.assertGreater(min(picture.size), 24, label)


if __name__ == "__main__":
    unittest.main()
