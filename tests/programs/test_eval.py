"""dml-eval as a user runs it, with the built-in encoder: what it takes for a
gallery, what it counts, what it refuses."""
import json
import os
import re
import shutil
import tarfile
import unicodedata

from common import BAD_DATA, OK, USAGE, run
from training import SMALL, TrainTest, paint, paint_classes


def columns(text):
    """Places of a terminal that a text takes."""
    return sum(0 if unicodedata.combining(c) else
               2 if unicodedata.east_asian_width(c) in "WF" else 1
               for c in text)


def members(value, place=""):
    """Names of all members: "classifier.name", "twins[].a"."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield place + name
            yield from members(inner, place + name + ".")
    elif isinstance(value, list):
        for inner in value:
            yield from members(inner, place[:-1] + "[].")


def documented(page, head):
    """What the first column of a table names."""
    rows = page[page.index(head):].split("\n\n")[0].splitlines()[2:]
    return [name for row in rows
            for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


class EvalTest(TrainTest):
    def setUp(self):
        super().setUp()
        self.things = self.path("things")
        paint_classes(self.things, 4, 3)

    def eval(self, *args, check=OK):
        return run("dml-eval", "default", *args, check=check)

    def figures(self, *args):
        return json.loads(self.eval(*args, "--json").stdout)

    def test_tar_against_tar(self):
        """Labels do not hang on what the folders of a gallery and its queries
        are called."""
        for name in ("gallery", "queries"):
            with tarfile.open(self.path(name + ".tar"), "w") as tar:
                tar.add(self.things, name)
        done = self.eval(self.path("gallery.tar"), "--queries",
                         self.path("queries.tar"), "--json")
        found = json.loads(done.stdout)
        self.assertEqual(found["recall_1"], 1)
        self.assertEqual(found["unknown"], 0)
        self.assertNotIn("no label of the queries", done.stderr)

    def test_queries_of_other_labels(self):
        done = self.eval(self.photos, "--queries", self.things)
        self.assertIn("no label of the queries is in the gallery", done.stderr)
        self.assertIn("the queries have thing-00", done.stderr)

    def test_labels_of_a_gallery_are_its_own(self):
        """Not those that only its queries have."""
        shutil.copytree(os.path.join(self.photos, "disc"),
                        os.path.join(self.things, "disc"))
        args = self.photos, "--queries", self.things
        found = self.figures(*args)
        self.assertEqual(
            [found[name] for name in ("gallery", "classes", "pictures",
                                      "queries", "unknown")],
            [32, 4, 32, 20, 12])
        self.assertIn("20 queries, gallery of 32, 4 labels",
                      self.eval(*args).stdout)

    def test_classes_of_one_picture(self):
        """Nobody can find them: no figure counts them as wrong."""
        apart = {name: self.figures(self.photos)[name]
                 for name in ("recall_1", "classifier")}
        for n in range(8):
            folder = os.path.join(self.photos, f"single-{n}")
            os.mkdir(folder)
            paint(50 + n, 1).save(os.path.join(folder, "1.png"))
        done = self.eval(self.photos, "--json")
        found = json.loads(done.stdout)
        self.assertIn("8 classes of one picture", done.stderr)
        self.assertEqual(found["recall_1"], found["classifier"]["accuracy"])
        self.assertLessEqual(found["recall_1"], apart["recall_1"])
        self.assertGreater(found["classifier"]["accuracy"], 0.8 *
                           apart["classifier"]["accuracy"])
        singles = self.path("singles")
        os.mkdir(singles)
        for n in range(8):
            os.rename(os.path.join(self.photos, f"single-{n}"),
                      os.path.join(singles, str(n)))
        self.assertIn("no class has two pictures",
                      self.eval(singles, check=BAD_DATA).stderr)

    def test_clusters_and_error_rates(self):
        found = self.figures(self.photos, "--clusters")
        for name in "nmi", "ami":  # four shapes in four colours
            self.assertGreater(found[name], 0.5)
            self.assertLessEqual(found[name], 1 + 1e-9)
        for name in "eer", "fpr_tpr_95":
            self.assertTrue(0 <= found[name] <= 1, found)
        self.assertNotIn("nmi", self.figures(self.photos))
        shown = self.eval(self.photos, "--clusters").stdout
        for words in ("NMI of k-means", "AMI of k-means", "equal error rate",
                      "FPR at 95 % TPR"):
            self.assertRegex(shown, words + r" +\d+\.\d\d %")

    def test_every_figure_is_documented(self):
        """And none that is not printed."""
        for n in range(5):  # wrong labels
            paint(2, 10 + n).save(
                os.path.join(self.things, f"thing-0{n % 2}", f"1{n}.png"))
        twin = paint(3, 0)  # one picture under two labels
        twin.putpixel((0, 0), (0, 0, 0))
        twin.save(os.path.join(self.things, "thing-01", "3.png"))
        printed = set()
        for args in ((self.photos,), (self.things, "--suspects=5", "--clusters"),
                     (self.things, "--protocol=one-shot", "--ways=3"),
                     (self.photos, "--queries", self.things)):
            printed.update(members(self.figures(*args)))
        with open(os.path.join(os.environ["DML_TEST_SOURCE_ROOT"], "docs",
                               "training.md"), encoding="utf-8") as f:
            told = documented(f.read(), "| figure | what |")
        self.assertEqual(sorted(told), sorted(printed))

    def test_one_is_no_plural(self):
        """Of one class, one picture, one view, one epoch, one query."""
        one, many = self.path("one"), self.path("many")
        shutil.copytree(os.path.join(self.things, "thing-00"),
                        os.path.join(one, "thing-00"))
        for n in 1, 2:
            os.remove(os.path.join(one, "thing-00", f"{n}.png"))
        for c in range(4):
            os.makedirs(os.path.join(many, f"thing-{c:02}"))
            shutil.copy(os.path.join(self.things, f"thing-{c:02}", "0.png"),
                        os.path.join(many, f"thing-{c:02}"))
        said = ""
        for done in (
                run("dml-train", self.path("things", "thing-01"), "-o",
                    self.out, "--dry-run", *SMALL, "--views=1", "--epochs=1"),
                run("dml-train", many, "-o", self.out, "--dry-run", *SMALL,
                    "--views=2", "--epochs=1"),
                self.eval(one, "--queries", one),
                self.eval(many, "--queries", one),
                self.eval(self.things, "--protocol=one-shot", "--ways=2",
                          "--n-trials=1")):
            said += done.stdout + done.stderr
        self.assertNotRegex(
            said, r"\b1 (classes|pictures|views|quer(ies)|labels|epochs|steps|"
                  r"trials|copies|files|exact copies|seconds|minutes)\b")
        self.assertIn("1 query, gallery of 1, 1 label\n", said)
        self.assertIn("1 query is in the gallery too", said)
        self.assertIn("1 epoch of 1 step, about ", said)
        self.assertNotIn("0.0 minutes", said)
        self.assertNotRegex(said, r"\b(\d+) to \1 in a class")

    def test_options_that_say_nothing_here(self):
        for options, word in (
                (["--queries", self.things, "--protocol=leave-one-out"],
                 "queries: only"),
                (["--queries", self.things, "--protocol=one-shot"],
                 "queries: only"),
                (["--queries", self.things, "--clusters"], "clusters"),
                (["--ways=5"], "--ways"), (["--n-trials=5"], "--n-trials"),
                (["--group=__"], "group: only"),
                (["--trials=x.csv", "--protocol=leave-one-out"],
                 "trials: only"),
                (["--bad-pictures=-1"], "bad-pictures: -1"),
                (["--bad-pictures=2"], "bad-pictures: 2"),
                (["--bad-pictures=nan"], "bad-pictures")):
            self.assertIn(word, self.eval(self.photos, *options,
                                          check=USAGE).stderr)

    def test_table_of_names_in_any_writing(self):
        for old, new in (("thing-00", "\u8336\u7897"), ("thing-01", "caf\u00e9"),
                         ("thing-02", "cafe\u0301s")):
            os.rename(os.path.join(self.things, old),
                      os.path.join(self.things, new))
        shown = self.eval(self.things).stdout.splitlines()
        at = next(i for i, line in enumerate(shown)
                  if line.startswith("worst classes"))
        for line in shown[at + 1:at + 5]:
            self.assertEqual(columns(line[:line.index(" 3 ")]), 46, line)


if __name__ == "__main__":
    import unittest
    unittest.main()
