"""dml-train on the shared data sets, where they are: skipped without them."""
import csv
import json
import os
import unittest

from common import OK, ProgramTest, run
from training import shared

OMNIGLOT = shared("data/omniglot-background.tar.gz")
ALPHABETS = shared("data/omniglot-small-sets.csv")
GROCERY = shared("data/grocery-train.tar.gz")
TINY = shared("data/tiny-imagenet-160.tar.gz")


class SharedTest(ProgramTest):
    def test_omniglot_one_shot(self):
        """The protocol of docs/training.md on a tenth of the drawings for four
        epochs: far from what the net can do, and far better than chance (an
        error of 95 %) and than an untrained one."""
        split = self.path("split.txt")
        with open(ALPHABETS, encoding="utf-8") as table, \
                open(split, "w", encoding="utf-8") as f:
            for row in csv.DictReader(table):
                if row["small1"] == "1":
                    f.write(f"test {row['alphabet']}__*\n")
        run("dml-train", OMNIGLOT, "-o", self.path("run"), "--split", split,
            "--arch=convnet4", "--width=0.5", "--input=32", "--pool=flatten",
            "--embedding=64", "--loss=cosface:scale=16,margin=0.2+supcon:"
            "weight=0.5", "--instance=0", "--views=1",
            "--classes-per-batch=32", "--pictures-per-class=2",
            "--augment=none,rotate=15,crop=0.75", "--max-per-class=4",
            "--epochs=4", check=OK)
        found = json.loads(run(
            "dml-eval", self.path("run", "encoder.onnx"), OMNIGLOT, "--split",
            split, "--protocol=one-shot", "--ways=20", "--group=__", "--json",
            check=OK).stdout)
        self.assertEqual(found["trials"], 400)
        self.assertLess(found["error"], 0.5)
        self.assertLess(found["error_interval"][0], found["error"])

    def test_grocery_by_class(self):
        """Whole classes held out; learning helps on them."""
        run("dml-train", GROCERY, "-o", self.path("run"), "--arch=resnet10",
            "--width=0.25", "--input=32", "--max-per-class=12",
            "--time-budget=60", check=OK)
        with open(self.path("run", "run.jsonl"), encoding="utf-8") as f:
            figures = [json.loads(line)["held_out"] for line in f]
        self.assertEqual(figures[0]["classes"], 8)
        self.assertGreater(max(line["map_r"] for line in figures[1:]),
                           figures[0]["map_r"])

    def test_suspects_of_tiny_imagenet(self):
        """28,000 pictures are read; the one that its README tells of, byte for
        byte in two classes, is named and left out."""
        done = run("dml-train", TINY, "--dry-run", "--arch=resnet10",
                   "--width=0.25", "--input=32", check=OK)
        self.assertIn("27998 pictures in 160 classes", done.stderr)
        self.assertIn("2 are the same picture under different labels",
                      done.stderr)


if __name__ == "__main__":
    unittest.main()
