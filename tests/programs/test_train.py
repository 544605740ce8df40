"""dml-train and dml-eval as a user runs them: stopped by Ctrl-C and by kill -9
at any moment, wrong options, bad pictures."""
import json
import os
import random
import signal
import subprocess
import time
import unittest

from common import BAD_DATA, FAILED, OK, PROGRAMS, USAGE, ProgramTest, draw, run

SMALL = ["--arch=resnet10", "--width=0.0625", "--input=16", "--embedding=8",
         "--classes-per-batch=4", "--pictures-per-class=2", "--hold-out=0",
         "--augment=light"]
INTERRUPTED = 130


class TrainTest(ProgramTest):
    def setUp(self):
        super().setUp()
        for shape in os.listdir(self.photos):
            for n in range(10, 16):
                draw(shape, size=40, seed=n).save(
                    os.path.join(self.photos, shape, f"{n}.png"))
        self.out = os.path.join(self.dir, "run")

    def start(self, *args):
        return subprocess.Popen(
            [os.path.join(PROGRAMS, "dml-train"), *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)

    def wait_for(self, path, process):
        for _ in range(600):
            if os.path.exists(path) or process.poll() is not None:
                return
            time.sleep(0.05)
        self.fail(f"{path} does not come")

    def losses(self, folder):
        with open(os.path.join(folder, "run.jsonl"), encoding="utf-8") as f:
            return [json.loads(line)["loss"] for line in f]

    def test_trains_and_says_what_it_found(self):
        done = run("dml-train", self.photos, "-o", self.out, "--epochs=2",
                   "--json", *SMALL, check=OK)
        self.assertIn("in 4 classes", done.stderr)
        self.assertEqual([json.loads(line)["epoch"]
                          for line in done.stdout.splitlines()], [0, 1, 2])
        for name in ("encoder.onnx", "last.ckpt", "run.jsonl", "config.ini"):
            self.assertTrue(os.path.exists(os.path.join(self.out, name)), name)
        again = run("dml-train", self.photos, "-o", self.out, check=FAILED)
        self.assertIn("--resume", again.stderr)
        done = run("dml-eval", os.path.join(self.out, "encoder.onnx"),
                   self.photos, "--json", check=OK)
        figures = json.loads(done.stdout)
        self.assertEqual(figures["schema"], "dml-eval/1")
        self.assertGreater(figures["recall_1"], 0.25)

    def test_ctrl_c_saves_and_resume_goes_on(self):
        process = self.start(self.photos, "-o", self.out, "--epochs=100000",
                             "--evaluate-every=100000", *SMALL)
        self.wait_for(os.path.join(self.out, "last.ckpt"), process)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=60)
        self.assertEqual(process.returncode, INTERRUPTED, talk)
        self.assertIn("--resume", talk)
        done = run("dml-train", "--resume", self.out, "--epochs=3")
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("epochs cannot become '3'", done.stderr)

    def test_kill_at_any_moment_loses_nothing_saved(self):
        whole = os.path.join(self.dir, "whole")
        options = ["--epochs=30", "--evaluate-every=5", *SMALL]
        run("dml-train", self.photos, "-o", whole, *options, check=OK)
        rng = random.Random(5)
        process = self.start(self.photos, "-o", self.out, *options)
        self.wait_for(os.path.join(self.out, "last.ckpt"), process)
        for _ in range(6):
            time.sleep(rng.uniform(0, 0.25))
            process.kill()
            process.communicate()
            process = self.start("--resume", self.out)
        _, talk = process.communicate(timeout=120)
        self.assertEqual(process.returncode, OK, talk)
        self.assertEqual(self.losses(self.out), self.losses(whole))
        with open(os.path.join(self.out, "encoder.onnx"), "rb") as f:
            self.assertGreater(len(f.read()), 1000)

    def test_settings_are_checked(self):
        for option, word in (("--lr=x", "not a number"),
                             ("--epochs=0", "outside"),
                             ("--epocs=3", "did you mean --epochs"),
                             ("--loss=cosfaec", "cosface"),
                             ("--augment=default,flop=1", "flip"),
                             ("--arch=resnet", "resnet18")):
            done = run("dml-train", self.photos, "-o", self.out, option)
            self.assertEqual(done.returncode,
                             FAILED if option.startswith("--arch") else USAGE,
                             option + done.stderr)
            self.assertIn(word, done.stderr)

    def test_bad_pictures(self):
        for n in range(40):
            with open(os.path.join(self.photos, "disc", f"bad{n}.jpg"),
                      "wb") as f:
                f.write(b"\xff\xd8\xff" + bytes([n]))
        done = run("dml-train", self.photos, "-o", self.out, *SMALL,
                   check=BAD_DATA)
        self.assertIn("cannot be read", done.stderr)
        self.assertFalse(os.path.exists(self.out))

    def test_dry_run_and_preview_write_no_run(self):
        done = run("dml-train", self.photos, "--dry-run", *SMALL, check=OK)
        self.assertIn("a step takes", done.stderr)
        sheet = os.path.join(self.dir, "sheet.png")
        run("dml-train", self.photos, "--preview-augment", sheet, *SMALL,
            check=OK)
        self.assertTrue(os.path.getsize(sheet) > 1000)

    def test_full_disk_in_words(self):
        """A run folder that cannot be made is named."""
        done = run("dml-train", self.photos, "-o", "/dev/full/run", *SMALL)
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("/dev/full/run", done.stderr)

    def test_leak_is_named(self):
        run("dml-train", self.photos, "-o", self.out, "--epochs=1", *SMALL,
            check=OK)
        done = run("dml-eval", os.path.join(self.out, "encoder.onnx"),
                   self.photos, "--queries", self.photos, check=OK)
        self.assertIn("queries are in the gallery too", done.stderr)


if __name__ == "__main__":
    unittest.main()
