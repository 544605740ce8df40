"""Runs that are made to fail, each as people make them fail: what is wrong is
named, and what to do."""
import json
import os
import random
import time
import unittest

import onnx

from common import FAILED, OK, USAGE, run
from training import TrainTest, paint_classes

PLAIN = ["--arch=resnet10", "--width=0.125", "--input=24", "--embedding=16",
         "--instance=0", "--views=1", "--classes-per-batch=8",
         "--pictures-per-class=2", "--augment=none", "--neck=none",
         "--hold-out=0"]


class HealthTest(TrainTest):
    def setUp(self):
        super().setUp()
        self.things = self.path("things")
        paint_classes(self.things, 16, 8)

    def train(self, *options, data=None, check=OK):
        """What a run says; options override those of PLAIN."""
        given = {option.split("=")[0] for option in options}
        plain = [o for o in PLAIN if o.split("=")[0] not in given]
        return run("dml-train", data or self.things, "-o", self.out, *plain,
                   *options, check=check).stderr

    def test_no_number(self):
        talk = self.train("--loss=npairs:weight=1e6", "--lr=100", "--warmup=0",
                          "--clip=0", "--epochs=10", check=FAILED)
        self.assertIn("no number", talk)
        self.assertIn("lower lr (it is 100)", talk)
        self.assertIn(".png", talk)  # the batch is named
        self.assertTrue(os.path.exists(self.saved("encoder.onnx")))

    def test_collapse(self):
        talk = self.train("--loss=contrastive:neg_margin=0,semantics=pml",
                          "--lr=0.3", "--epochs=40", check=FAILED)
        self.assertIn("collapsed", talk)
        self.assertIn("cosface", talk)
        last = self.run_lines()[-1]["training"]
        self.assertLess(last["distance_other"], 0.2)
        run("dml-embed", self.saved("encoder.onnx"),
            os.path.join(self.things, "thing-00", "0.png"), "-o",
            self.path("row.npy"), check=OK)

    def test_collapse_that_the_end_cuts_short(self):
        """Too short to be stopped: said all the same, with what is in the file,
        and without advice that fits another trouble."""
        talk = self.train("--loss=contrastive:neg_margin=0,semantics=pml",
                          "--lr=0.3", "--clip=0", "--epochs=9",
                          "--batches-per-epoch=8", "--hold-out=0.5")
        self.assertIn("collapsed: different classes were 0.0", talk)
        self.assertNotIn("fits the training pictures only", talk)

    def test_standing_at_the_value_of_collapse(self):
        """So high a temperature that all similarities look the same."""
        talk = self.train("--loss=supcon:temperature=10", "--lr=0.001",
                          "--epochs=16")
        self.assertIn("supcon has stood at", talk)
        self.assertIn("does not learn", talk)

    def test_alarms_count_over_a_resume(self):
        """A hundred steps in two sittings are a hundred steps."""
        process = self.start(self.things, "-o", self.out, *PLAIN,
                             "--loss=supcon:temperature=10", "--lr=0.001",
                             "--epochs=16")
        self.wait_for(self.saved("last.ckpt"), process)
        while process.poll() is None and len(self.run_lines()) < 6:
            time.sleep(0.01)
        talk = self.interrupt(process)
        talk += run("dml-train", "--resume", self.out, check=OK).stderr
        self.assertEqual(talk.count("supcon has stood at"), 1)

    def wrong_labels(self):
        """A table of them: the loss falls, nothing is learned."""
        rng = random.Random(1)
        table = self.path("table.csv")
        names = sorted(os.listdir(self.things))
        with open(table, "w", encoding="utf-8") as f:
            f.write("path,label,split\n")
            for c, name in enumerate(names):
                for n in range(8):
                    val = c % 2
                    label = name if val else rng.choice(names[::2])
                    f.write(f"things/{name}/{n}.png,{label},"
                            f"{'val' if val else 'train'}\n")
        return table

    def test_worse_than_untrained(self):
        talk = self.train("--loss=contrastive", "--lr=0.5", "--epochs=12",
                          data=self.wrong_labels())
        self.assertIn("of before training: the loss falls", talk)
        self.assertIn("Add a softmax loss", talk)

    def test_one_epoch_that_is_worse_than_none(self):
        """Pulled together under wrong labels: the file is still the first."""
        self.train("--epochs=6", "--loss=cosface:scale=16")
        first, self.out = self.saved("encoder.onnx"), self.out + "2"
        talk = self.train(f"--init={first}", "--freeze-norm=false", "--lr=1",
                          "--loss=contrastive:neg_margin=0", "--clip=0",
                          "--epochs=1", "--batches-per-epoch=12",
                          data=self.wrong_labels())
        self.assertIn("of before training: usual while", talk)
        self.assertIn("holds the encoder that this run started from", talk)
        self.assertNotIn("the best weights", talk)

    def test_which_weights_are_kept(self):
        """The same run as above keeps its last weights where that is set, at
        its beginning or when it has ended."""
        self.train("--epochs=6", "--loss=cosface:scale=16")
        worse = [f"--init={self.saved('encoder.onnx')}", "--freeze-norm=false",
                 "--lr=1", "--loss=contrastive:neg_margin=0", "--clip=0",
                 "--epochs=2", "--batches-per-epoch=6"]
        table, first = self.wrong_labels(), self.out

        def card():
            card = {p.key: p.value for p in
                    onnx.load(self.saved("encoder.onnx")).metadata_props}
            done = run("dml-embed", self.saved("encoder.onnx"), self.things,
                       "--csv", check=OK)
            return card, done.stdout

        self.out = first + "-last"
        talk = self.train(*worse, "--keep=last", data=table)
        self.assertRegex(talk, r"the last weights, of epoch 2, are in .*"
                         r"keep=last.*; the best were those of epoch 0")
        self.assertIn("no epoch was better", talk)
        self.assertNotIn("holds the encoder that this run started from", talk)
        last, embeddings = card()
        lines = self.run_lines()
        self.assertEqual([line["best"] for line in lines],
                         [True, False, False])
        self.assertEqual(
            json.loads(last["dml.measures"])["recall_1"],
            lines[2]["held_out"]["recall_1"])
        self.assertIn("dml.thresholds", last)
        self.assertIn("2 (kept)", self.read("report.html").decode())

        self.out = first + "-best"
        self.train(*worse, data=table)
        best, others = card()
        self.assertNotEqual(others, embeddings)
        talk = run("dml-train", "--resume", self.out, "--keep=last",
                   check=OK).stderr
        self.assertIn("the last weights, of epoch 2, are in", talk)
        then, others = card()
        self.assertEqual(others, embeddings)
        self.assertNotEqual(then["dml.thresholds"], best["dml.thresholds"])
        self.assertEqual(then["dml.thresholds"], last["dml.thresholds"])
        self.assertEqual([line["best"] for line in self.run_lines()],
                         [True, False, False])

    def test_no_pairs_to_look_at(self):
        talk = self.train("--loss=contrastive", "--pictures-per-class=1",
                          "--epochs=20", check=FAILED)
        self.assertIn("20 batches in a row had no two of a class", talk)
        self.assertIn("use the sampler pxk", talk)
        self.assertNotIn("lower lr", talk)

    def test_pictures_never_shown(self):
        """One class twenty times as large as the others: equal shares."""
        paint_classes(self.things, 1, 120)
        talk = self.train("--epochs=1", "--batches-per-epoch=4")
        self.assertIn("training pictures were never shown", talk)
        self.out += "2"
        talk = self.train("--epochs=3", "--sampler=uniform")
        self.assertNotIn("never shown", talk)

    def test_epochs_of_any_length(self):
        """Shorter ones go on where the last one ended, so all is shown; longer
        ones begin anew."""
        talk = self.train("--epochs=8", "--batches-per-epoch=3",
                          "--evaluate-every=8")
        self.assertNotIn("never shown", talk)
        self.out += "2"
        self.train("--epochs=1", "--batches-per-epoch=50")
        self.assertEqual(self.run_lines()[-1]["step"], 50)

    def test_classes_smaller_than_k(self):
        paint_classes(self.things, 20, 1)
        talk = self.train("--epochs=3", "--pictures-per-class=4",
                          "--classes-per-batch=4")
        self.assertIn("4 classes have one picture", talk)
        self.assertNotIn("never shown", talk)

    def test_batches_that_are_too_large(self):
        talk = self.train("--loss=triplet", "--classes-per-batch=16",
                          "--pictures-per-class=300", "--epochs=1",
                          "--input=8", check=USAGE)
        self.assertIn("a batch of 4800 views", talk)
        self.assertIn("at most 4096", talk)
        self.assertFalse(os.path.exists(self.out))

    def test_relatives(self):
        os.makedirs(self.path("whole"))
        os.rename(self.things, self.path("whole", "things"))
        talk = self.train("--ignore-relatives=true", "--epochs=1",
                          check=USAGE, data=self.path("whole"))
        self.assertIn("all classes lie in one folder", talk)
        self.things = self.path("whole", "things")
        for i, name in enumerate(sorted(os.listdir(self.things))):
            folder = self.path("shop", f"shelf-{i % 4}")
            os.makedirs(folder, exist_ok=True)
            os.rename(os.path.join(self.things, name),
                      os.path.join(folder, name))
        losses = []
        for option in ("--ignore-relatives=false", "--ignore-relatives=true",
                       "--sampler=hierarchical"):
            self.train("--loss=multi_similarity", "--epochs=2", option,
                       data=self.path("shop"))
            losses.append(self.run_lines()[-1]["loss"])
            self.out += "x"
        self.assertEqual(len(set(losses)), 3)


if __name__ == "__main__":
    unittest.main()
