"""dml-train from something: fine-tuning, frozen weights, a teacher, parts of a
batch."""
import os
import shutil
import unittest

import numpy
import onnx
from onnx import numpy_helper

from common import MISMATCH, OK, TIMEOUT, USAGE, run
from training import SMALL, TrainTest, paint_classes


class BeginTest(TrainTest):
    def setUp(self):
        super().setUp()
        self.things = self.path("things")
        paint_classes(self.things, 12, 6)
        self.first = self.path("first")
        run("dml-train", self.things, "-o", self.first, "--epochs=3", *SMALL,
            check=OK)
        self.encoder = os.path.join(self.first, "encoder.onnx")

    def train(self, *options, check=OK):
        return run("dml-train", self.things, "-o", self.out, "--epochs=2",
                   *options, *[o for o in SMALL if not o.startswith(
                       ("--arch", "--width", "--embedding", "--input"))],
                   check=check).stderr

    def weights(self, path):
        """Kernels, matrices and their biases by name; no constants."""
        weights = {w.name: numpy_helper.to_array(w)
                   for w in onnx.load(path).graph.initializer}
        return {name: w for name, w in weights.items() if w.size > 1}

    def test_fine_tuning_begins_where_the_first_ended(self):
        self.train(f"--init={self.encoder}")
        first = self.run_lines(self.first)[-1]["loss"]
        lines = self.run_lines()
        self.assertLess(lines[1]["loss"],
                        self.run_lines(self.first)[1]["loss"])
        self.assertGreater(first, 0)
        before, after = self.weights(self.encoder), \
            self.weights(self.saved("encoder.onnx"))
        self.assertEqual(set(before), set(after))
        self.assertTrue(any((before[n] != after[n]).any() for n in before))

    def test_the_head_has_a_rate_of_its_own(self):
        """At rate 0 it stays what the seed made of it, and the rest moves."""
        made = {}
        for epochs in "1", "2":
            out = self.path("rate" + epochs)
            run("dml-train", self.things, "-o", out, f"--epochs={epochs}",
                "--head-lr=0", "--hold-out=0", *SMALL, check=OK)
            made[epochs] = self.weights(os.path.join(out, "encoder.onnx"))
        moved = {n for n, w in made["1"].items()
                 if (w != made["2"][n]).any()}
        self.assertNotIn("embed.weight", moved)
        self.assertIn("embed.weight", made["1"])
        self.assertTrue(any(n.endswith(".weight") for n in moved), moved)

    def test_frozen_layers_stay(self):
        """All but the last layer frozen: only it has moved."""
        names = self.weights(self.encoder)
        frozen = ",".join(n for n in names if not n.startswith("embed."))
        talk = self.train(f"--init={self.encoder}", f"--freeze={frozen}")
        after = self.weights(self.saved("encoder.onnx"))
        for name in frozen.split(","):
            self.assertTrue((names[name] == after[name]).all(), name)
        self.assertTrue((names["embed.weight"] != after["embed.weight"]).any())
        trained = 1 + sum(w.size for n, w in names.items()  # 1: GeM's exponent
                          if n.startswith("embed."))
        self.assertIn(f"{trained / 1e6:.4g} M weights to train", talk)

    def test_freeze_that_fits_nothing(self):
        talk = self.train(f"--init={self.encoder}", "--freeze=nothing-*",
                          check=USAGE)
        self.assertIn("nothing-*", talk)
        self.assertIn("calls them", talk)
        self.assertIn("conv", talk)
        self.assertRegex(talk, r" and \d+ more")

    def test_another_embedding_gets_a_new_head(self):
        self.train(f"--init={self.encoder}", "--embedding=12")
        run("dml-embed", self.saved("encoder.onnx"),
            os.path.join(self.things, "thing-00", "0.png"), "-o",
            self.path("row.npy"), check=OK)
        self.assertEqual(numpy.load(self.path("row.npy")).shape, (1, 12))

    def test_a_split_neck(self):
        """A pair loss sees what a neck gets, so that the neck learns nothing
        by it: that of a new head, and the one that a file has kept."""
        for number, (options, moves) in enumerate((
                (["--neck=split"], False),
                (["--neck=split", "--embedding=12"], False),
                (["--neck=after", "--embedding=12"], True))):
            self.out = self.path(f"split{number}")
            talk = self.train(f"--init={self.encoder}", "--loss=supcon",
                              "--instance=0", "--views=2", "--hold-out=0",
                              "--freeze-norm=false", *options)
            self.assertNotIn("does nothing", talk)
            before = self.weights(self.encoder)
            after = self.weights(self.saved("encoder.onnx"))
            neck = [n for n in after if n.endswith("neck.weight")]
            self.assertEqual(len(neck), 1, list(after))
            begun = before.get(neck[0], numpy.ones_like(after[neck[0]]))
            self.assertEqual((after[neck[0]] != begun).any(), moves, options)
            self.assertTrue(any((w != before.get(n)).any()
                                for n, w in after.items()
                                if n.endswith("embed.weight")
                                or n.endswith("head.weight")))

    def test_a_head_without_a_neck_is_not_split(self):
        run("dml-train", self.things, "-o", self.out, "--epochs=1",
            "--neck=none", *SMALL, check=OK)
        bare = self.saved("encoder.onnx")
        self.out += "2"
        talk = self.train(f"--init={bare}", "--neck=split")
        self.assertIn("neck=split does nothing here", talk)

    def test_the_built_in_encoder(self):
        """By the name that it has everywhere, in what the run keeps too."""
        options = ["--init=default", "--teacher=default", "--epochs=1",
                   "--batches-per-epoch=2", "--classes-per-batch=2",
                   "--pictures-per-class=2", "--max-per-class=3",
                   "--hold-out=0"]
        run("dml-train", self.photos, "-o", self.out, *options, check=OK)
        config = self.read("config.ini").decode()
        self.assertIn("\ninit=default\n", config)
        self.assertIn("\nteacher=default\n", config)
        command = self.read("encoder.onnx").split(b"dml.command")[1]
        self.assertIn(b"--init=default", command)
        for untouched in b"--width", b"--cache-memory", b"--checkpoint-every":
            self.assertNotIn(untouched, command)
        self.assertIn(b"--teacher=default", command)
        run("dml-train", "--resume", self.out, check=OK, cwd="/")
        again = ["--config", self.saved("config.ini"), "--dry-run"]
        self.assertIn("default: ", run("dml-train", self.photos, *again,
                                       check=OK).stderr)

    def test_another_encoder_under_the_same_name(self):
        """A run goes on from what it began with, or not at all."""
        for option in ("init", "teacher"):
            begun = self.path(f"{option}.onnx")
            self.out = self.path(option)
            shutil.copy(self.encoder, begun)
            self.train(f"--{option}={begun}")
            other = self.path(f"other-{option}")
            run("dml-train", self.things, "-o", other, "--epochs=1",
                "--seed=5", *SMALL, check=OK)
            os.replace(os.path.join(other, "encoder.onnx"), begun)
            talk = run("dml-train", "--resume", self.out, check=MISMATCH).stderr
            self.assertIn(f"another {option} than {begun}", talk)

    def test_init_that_is_none(self):
        done = run("dml-train", self.things, "-o", self.out, "--init=gone.onnx")
        self.assertNotEqual(done.returncode, OK)
        self.assertIn("gone.onnx", done.stderr)

    def test_parts_of_a_batch_are_exact(self):
        """Two passes: a pair loss sees the whole batch. Batch norm, whose
        statistics would be of a part, is frozen in fine-tuning."""
        losses = []
        for part in (0, 8, 4):
            self.train(f"--init={self.encoder}", f"--micro-batch={part}",
                       "--loss=supcon+cosface:scale=16", "--instance=0",
                       "--views=2")
            losses.append([line["loss"] for line in self.run_lines()[1:]])
            self.out += "x"
        for other in losses[1:]:
            for a, b in zip(losses[0], other):
                self.assertAlmostEqual(a, b, delta=2e-4 * abs(a))

    def test_teacher(self):
        """Pupils of a teacher come nearer to it, and go on to the bit."""
        options = [f"--teacher={self.encoder}", "--arch=resnet10",
                   "--width=0.0625", "--input=16", "--embedding=8",
                   "--instance=0", "--views=2"]
        talk = self.train("--loss=distil", *options)
        self.assertIn("teacher", talk)
        self.assertTrue(os.path.exists(self.saved("teacher.bin")))
        lines = self.run_lines()
        self.assertLess(lines[-1]["loss"], lines[1]["loss"])
        self.out += "2"
        self.train("--loss=cosface:scale=16", "--teacher-weight=2", *options)
        whole, self.out = self.run_lines(), self.out + "3"
        process = self.start(
            self.things, "-o", self.out, "--epochs=2", *SMALL, *options,
            "--loss=cosface:scale=16", "--teacher-weight=2")
        self.wait_for(self.saved("last.ckpt"), process)
        process.kill()
        process.communicate(timeout=TIMEOUT)
        run("dml-train", "--resume", self.out, check=OK)
        self.assertEqual([line["loss"] for line in self.run_lines()],
                         [line["loss"] for line in whole])


if __name__ == "__main__":
    unittest.main()
