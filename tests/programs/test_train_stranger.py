"""The four commands of the README on a stranger's folder, word for word, with no
option more; training is interrupted twice, so that this ends in time."""
import json
import os
import signal
import subprocess
import time
import unittest

from common import OK, PROGRAMS, TIMEOUT, ProgramTest, lines, run
from training import INTERRUPTED, paint, paint_classes


class StrangerTest(ProgramTest):
    def in_dir(self, *words, check=OK):
        return run(*words, check=check, cwd=self.dir)

    def test_four_commands(self):
        photos = self.path("photos")
        paint_classes(photos, 8, 5, size=100)
        paint_classes(self.path("other-photos"), 8, 3, size=100)
        for c in range(8):  # things that were never seen
            os.rename(self.path("other-photos", f"thing-{c:02}"),
                      self.path("other-photos", f"new-{c:02}"))
            for n in range(3):
                paint(100 + c, n, 100).save(
                    self.path("other-photos", f"new-{c:02}", f"{n}.png"))
        with open(os.path.join(photos, "thing-03", "holiday.jpg"), "wb") as f:
            f.write(b"\xff\xd8\xff\xe0 cut off")
        process = subprocess.Popen(
            [os.path.join(PROGRAMS, "dml-train"), "photos/", "-o", "run"],
            cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)
        while not os.path.exists(self.path("run", "last.ckpt")):
            if process.poll() is not None:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, INTERRUPTED, talk)
        self.assertIn("1 cannot be read and is skipped", talk)
        self.assertIn("holiday.jpg", talk)
        self.assertIn("dml-train --resume run", talk)
        process = subprocess.Popen(  # an epoch more, and enough of it
            [os.path.join(PROGRAMS, "dml-train"), "--resume", "run"],
            cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)
        while process.poll() is None:
            with open(self.path("run", "run.jsonl"), encoding="utf-8") as f:
                if len(f.readlines()) > 2:
                    break
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=TIMEOUT)
        self.assertIn(process.returncode, (OK, INTERRUPTED), talk)
        self.assertIn("going on at step", talk)

        figures = json.loads(self.in_dir(
            "dml-eval", "run/encoder.onnx", "other-photos/",
            "--json").stdout)
        self.assertGreater(figures["recall_1"], 0.3)
        self.assertIn("recall@1", self.in_dir(
            "dml-eval", "run/encoder.onnx", "other-photos/").stdout)

        self.in_dir("dml-gallery", "shop.bin", "enroll", "photos/",
                    "--encoder", "run/encoder.onnx", check=3)  # holiday.jpg
        found = lines(self.in_dir(
            "dml-gallery", "shop.bin", "search", "photos/thing-05/2.png",
            "--encoder", "run/encoder.onnx", "--json"))
        self.assertEqual(found[0]["hits"][0]["label"], "thing-05")


if __name__ == "__main__":
    unittest.main()
