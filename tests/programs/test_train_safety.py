"""Runs that are stopped: by Ctrl-C, by kill -9 at any moment, by a full disk."""
import fcntl
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import time
import unittest

from common import FAILED, OK, PROGRAMS, TIMEOUT, USAGE, run
from training import INTERRUPTED, SMALL, TrainTest, paint

N_KILLS = 20
ENDLESS = ["--epochs=100000", "--evaluate-every=100000", *SMALL]


def draw_other(path, word):
    """Another picture in its place, of a class that the word stands for."""
    number = int(os.path.splitext(os.path.basename(path))[0])
    paint(ord(word), number).save(path)


class StopTest(TrainTest):
    def fingerprint(self, folder):
        done = run("dml-eval", os.path.join(folder, "encoder.onnx"),
                   self.photos, "--json", check=OK)
        return json.loads(done.stdout)["fingerprint"]

    def test_ctrl_c_saves_and_resume_goes_on(self):
        process = self.start(self.photos, "-o", self.out, *ENDLESS)
        self.wait_for(self.saved("last.ckpt"), process)
        time.sleep(0.3)
        talk = self.interrupt(process)
        self.assertIn(f"dml-train --resume {self.out}", talk)
        self.assertIn("all is saved", talk)
        self.interrupt(self.go_on(self.out))

    def test_ctrl_c_at_any_moment(self):
        """While reading, training, evaluating: what was trained is kept, and
        the end is to the bit that of a run that nobody stopped."""
        options = ["--epochs=12", *[o for o in SMALL if "hold-out" not in o],
                   "--hold-out=0.6"]
        for shape in ("a", "b", "c", "d"):  # more to evaluate than to train
            shutil.copytree(os.path.join(self.photos, "box"),
                            os.path.join(self.photos, shape))
            for name in os.listdir(os.path.join(self.photos, shape)):
                draw_other(os.path.join(self.photos, shape, name), shape)
        whole = os.path.join(self.dir, "whole")
        run("dml-train", self.photos, "-o", whole, *options, check=OK)
        rng = random.Random(2)
        process = self.start(self.photos, "-o", self.out, *options)
        self.wait_for(self.saved("last.ckpt"), process)
        while process.poll() is None:
            time.sleep(rng.uniform(0, 0.5))
            process.send_signal(signal.SIGINT)
            _, talk = process.communicate(timeout=TIMEOUT)
            if process.returncode == OK:
                break
            # at the very start the program has not yet asked for signals
            if process.returncode != -signal.SIGINT:
                self.assertEqual(process.returncode, INTERRUPTED, talk)
                self.assertTrue("--resume" in talk or "reading" in talk, talk)
            process = self.start("--resume", self.out)
            if rng.random() < 0.5:
                self.wait_for(self.saved("run.jsonl"), process,
                              os.stat(self.saved("run.jsonl")).st_mtime_ns)
        for name in ("loss", "score", "best"):
            self.assertEqual([line[name] for line in self.run_lines()],
                             [line[name] for line in self.run_lines(whole)])

    def test_changed_settings_are_refused_by_name(self):
        run("dml-train", self.photos, "-o", self.out, "--epochs=1", *SMALL,
            check=OK)
        before = self.read("last.ckpt")
        for option, value in (("epochs", 3), ("lr", 0.5), ("loss", "softmax"),
                              ("augment", "strong"), ("seed", 2),
                              ("input", 32), ("hold-out", 0.5)):
            done = run("dml-train", "--resume", self.out, f"--{option}={value}",
                       check=USAGE)
            self.assertIn(f"{option} cannot become '{value}'", done.stderr)
            self.assertIn("--init", done.stderr)
        self.assertEqual(self.read("last.ckpt"), before)
        run("dml-train", "--resume", self.out, "--threads=1", "--loaders=1",
            "--stop-early=4", check=OK)
        done = run("dml-train", "--resume", self.out, "-o", self.out,
                   check=USAGE)
        self.assertIn("no -o", done.stderr)

    def test_free_settings_reach_a_run_that_has_ended(self):
        """config.ini and encoder.onnx say what was said anew, figures and
        weights stay, and so it goes on."""
        run("dml-train", self.photos, "-o", self.out, "--epochs=2",
            "--licence=none", *SMALL, check=OK)
        before = self.read("encoder.onnx")
        self.assertIn(b"dml.licence", before)

        def fingerprint():
            return json.loads(run("dml-eval", self.saved("encoder.onnx"),
                                  self.photos, "--json", check=OK).stdout
                              )["fingerprint"]

        def again(*options):
            run("dml-train", "--resume", self.out, *options, check=OK)
            return self.read("encoder.onnx"), self.read("config.ini")

        full = fingerprint()
        encoder, config = again("--half-weights=true", "--name=shopenc",
                                "--licence=")
        self.assertIn(b"\x12\x07shopenc", encoder)
        self.assertIn(b"--half-weights=true", encoder)
        self.assertNotIn(b"dml.licence", encoder)
        self.assertLess(len(encoder), 0.8 * len(before))
        self.assertIn(b"\nname=shopenc\n", config)
        self.assertIn(b"\nhalf-weights=true\n", config)
        half = fingerprint()
        self.assertNotEqual(half, full)
        self.assertEqual(again(), (encoder, config))
        named, config = again("--name=other")
        self.assertIn(b"\x12\x05other", named)
        self.assertEqual(fingerprint(), half)
        whole, config = again("--half-weights=false", "--licence=CC0",
                              "--stop-early=7")
        self.assertIn(b"CC0", whole)
        self.assertIn(b"\nstop-early=7\n", config)
        self.assertEqual(fingerprint(), full)
        self.assertEqual(len(self.run_lines()), 3)

    def test_other_pictures_are_refused(self):
        run("dml-train", self.photos, "-o", self.out, "--epochs=1", *SMALL,
            check=OK)
        os.unlink(os.path.join(self.photos, "box", "12.png"))
        done = run("dml-train", "--resume", self.out)
        self.assertNotEqual(done.returncode, OK)
        self.assertIn("not those that the run began with", done.stderr)

    def test_pictures_that_moved(self):
        process = self.start(self.photos, "-o", self.out, *ENDLESS)
        self.wait_for(self.saved("last.ckpt"), process)
        self.interrupt(process)
        moved = self.path("moved")
        os.rename(self.photos, moved)
        done = run("dml-train", "--resume", self.out)
        self.assertIn(self.photos, done.stderr)
        for _ in range(2):  # the second time it knows where they are
            last = os.stat(self.saved("last.ckpt")).st_mtime_ns
            self.interrupt(self.go_on(self.out, *([] if _ else [moved])))
            self.assertGreater(os.stat(self.saved("last.ckpt")).st_mtime_ns,
                               last)
        os.unlink(os.path.join(moved, "box", "12.png"))
        done = run("dml-train", "--resume", self.out, moved)
        self.assertIn("not those that the run began with", done.stderr)

    def test_checkpoints_of_before(self):
        """Without the blocks that came later."""
        process = self.start(self.photos, "-o", self.out, *ENDLESS)
        self.wait_for(self.saved("last.ckpt"), process)
        self.interrupt(process)
        whole = self.read("last.ckpt")
        version, n = struct.unpack_from("<II", whole, 8)
        kept, at = [], 16
        for _ in range(n):
            name_size, size = struct.unpack_from("<IQ", whole, at)
            end = at + 12 + name_size + size
            if whole[at + 12:at + 12 + name_size] not in (b"epoch", b"packed"):
                kept.append(whole[at:end])
            at = end
        self.assertEqual(len(kept), n - 2)
        old = whole[:8] + struct.pack("<II", version, n - 2) + b"".join(kept)
        with open(self.saved("last.ckpt"), "wb") as f:
            f.write(old + hashlib.sha256(old).digest())
        self.interrupt(self.go_on(self.out))

    def test_memory_that_would_change_the_pictures(self):
        """More or less of it goes on as long as the pixels stay the same."""
        for n in range(100):
            paint(3, n, 200).save(os.path.join(self.photos, "box",
                                               f"more{n}.png"))
        options = [o for o in SMALL if "--input" not in o] + [
            "--input=64", "--batches-per-epoch=1", "--epochs=1"]
        run("dml-train", self.photos, "-o", self.out, *options, check=OK)
        self.assertIn("cache-memory=0\n", self.read("config.ini").decode())
        self.assertNotIn(b"--cache-memory", self.read("encoder.onnx"))
        run("dml-train", "--resume", self.out, "--cache-memory=9", check=OK)
        done = run("dml-train", "--resume", self.out, "--cache-memory=1")
        self.assertNotEqual(done.returncode, OK)
        self.assertIn("the run began with 0", done.stderr)
        self.out += "2"
        run("dml-train", self.photos, "-o", self.out, *options,
            "--cache-memory=1", check=OK)
        self.assertIn(b"--cache-memory=1 ", self.read("encoder.onnx"))
        done = run("dml-train", "--resume", self.out, "--cache-memory=9")
        self.assertIn("as JPEG here", done.stderr)

    def test_report_of_a_broken_epoch_is_whole(self):
        """What run.jsonl tells of an epoch in two parts is what it tells of one
        that nobody stopped."""
        options = ["--epochs=2", "--batches-per-epoch=400", *SMALL,
                   "--checkpoint-every=0",
                   "--loss=cosface:scale=16+contrastive:memory=32"]
        whole = os.path.join(self.dir, "whole")
        run("dml-train", self.photos, "-o", whole, *options, check=OK)
        process = self.start(self.photos, "-o", self.out, *options)
        self.wait_for(self.saved("last.ckpt"), process)
        for _ in range(3):
            time.sleep(0.3)
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=TIMEOUT)
            process = self.start("--resume", self.out)
        _, talk = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, OK, talk)
        clock = ("views_per_second", "waited_for_data", "peak_mib")
        for ours, theirs in zip(self.run_lines(), self.run_lines(whole)):
            for line in (ours, theirs):
                line.pop("seconds")
                for name in clock:
                    line.get("training", {}).pop(name, None)
            self.assertEqual(ours, theirs)
        talk = run("dml-train", "--resume", self.out, check=OK).stderr
        self.assertNotIn("never shown", talk)

    def test_kill_at_any_moment_loses_nothing_saved(self):
        """Killed twenty times, ten of them anywhere, loading included, ten
        just after something was saved; then to the end, and to the bit what a
        run leaves that nobody disturbed. How long that one took says how far
        apart the kills lie, so that a fast machine does not end before them."""
        whole = os.path.join(self.dir, "whole")
        options = ["--epochs=150", "--evaluate-every=5", *SMALL]
        begun = time.monotonic()
        run("dml-train", self.photos, "-o", whole, *options, check=OK)
        stretch = (time.monotonic() - begun) / N_KILLS
        rng = random.Random(5)
        process = self.start(self.photos, "-o", self.out, *options)
        self.wait_for(self.saved("last.ckpt"), process)
        n_kills, reached = 0, 0
        for i in range(N_KILLS):
            if i % 2:
                last = os.stat(self.saved("last.ckpt")).st_mtime_ns
                self.wait_for(self.saved("last.ckpt"), process, last)
                time.sleep(rng.uniform(0, stretch / 4))
            else:
                time.sleep(rng.uniform(0, stretch))
            n_kills += process.poll() is None
            process.kill()
            _, talk = process.communicate(timeout=TIMEOUT)
            for line in talk.splitlines():
                if line.startswith("going on at step "):
                    step = int(line.split()[4])
                    self.assertGreaterEqual(step, reached)
                    reached = step
            # what the last evaluations but one tell of has been saved
            lines = self.run_lines()
            if len(lines) > 1:
                reached = max(reached, lines[-2]["step"])
            if i % 5 == 0:
                self.fingerprint(self.out)
            process = self.start("--resume", self.out)
        _, talk = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, OK, talk)
        self.assertGreaterEqual(n_kills, N_KILLS // 2)
        self.assertEqual([line["loss"] for line in self.run_lines()],
                         [line["loss"] for line in self.run_lines(whole)])
        self.assertEqual(self.fingerprint(self.out), self.fingerprint(whole))
        left = sorted(os.listdir(self.out))
        self.assertEqual([n for n in left if not n.startswith(".")],
                         ["config.ini", "encoder.onnx", "last.ckpt",
                          "report.html", "run.jsonl"])

    def test_run_folder_that_cannot_be_made(self):
        """Found before a picture is read."""
        with open(self.path("file"), "w", encoding="utf-8"):
            pass
        for out in ("/dev/full/run", self.path("file"), "/proc/run", ""):
            done = run("dml-train", self.photos, "-o", out, *SMALL)
            self.assertIn(done.returncode, (FAILED, USAGE), done.stderr)
            self.assertIn(out, done.stderr)
            self.assertNotIn("pictures", done.stderr)

    def test_one_folder_two_processes(self):
        """The second is turned away, and the first goes on; what ends a process
        ends its lock."""
        for killed in (False, True):
            process = self.start(self.photos, "-o", self.out, *ENDLESS)
            self.wait_for(self.saved("last.ckpt"), process)
            done = run("dml-train", "--resume", self.out, check=FAILED)
            self.assertIn(f"another dml-train works in {self.out}", done.stderr)
            self.assertNotIn("fault of dml", done.stderr)
            run("dml-train", "--resume", self.out, "--dry-run", check=OK)
            if killed:
                process.kill()
                process.communicate(timeout=TIMEOUT)
            else:
                self.interrupt(process)
            last = os.stat(self.saved("last.ckpt")).st_mtime_ns
            self.interrupt(self.go_on(self.out))
            self.assertGreater(os.stat(self.saved("last.ckpt")).st_mtime_ns,
                               last)
            self.out += "2"

    def test_second_new_run_in_a_folder(self):
        """Before the first has saved anything to resume."""
        os.mkdir(self.out)
        folder = os.open(self.out, os.O_RDONLY)
        fcntl.flock(folder, fcntl.LOCK_EX)
        done = run("dml-train", self.photos, "-o", self.out, *SMALL,
                   check=FAILED)
        os.close(folder)
        self.assertIn("another dml-train works in", done.stderr)
        self.assertEqual(os.listdir(self.out), [])

    @unittest.skipUnless("DML_NO_FLOCK" in os.environ, "sanitized")
    def test_a_folder_that_cannot_be_locked(self):
        """It is trained in all the same, and told once."""
        env = dict(os.environ, LD_PRELOAD=os.environ["DML_NO_FLOCK"])
        talk = run("dml-train", self.photos, "-o", self.out, "--epochs=1",
                   *SMALL, env=env, check=OK).stderr
        self.assertEqual(talk.count(f"{self.out} cannot be locked"), 1, talk)
        self.assertTrue(os.path.exists(self.saved("encoder.onnx")))


class FullDiskTest(TrainTest):
    def test_files_that_may_not_grow(self):
        """As a full disk: nothing large can be written. What was, stands."""
        run("dml-train", self.photos, "-o", self.out, "--epochs=2", *SMALL,
            check=OK)
        process = self.start(self.photos, "-o", self.out + "2", *ENDLESS)
        self.out += "2"
        self.wait_for(self.saved("last.ckpt"), process)
        self.interrupt(process)
        before = {name: self.read(name) for name in ("last.ckpt",
                                                     "encoder.onnx")}
        done = run("dml-train", "--resume", self.out, "--checkpoint-every=0",
                   check=FAILED, preexec_fn=lambda: resource.setrlimit(
                       resource.RLIMIT_FSIZE, (16384, 16384)))
        self.assertIn("last.ckpt", done.stderr)
        self.assertIn("What was saved before stands", done.stderr)
        self.assertIn(f"--resume {self.out}", done.stderr)
        for name, bytes_ in before.items():
            self.assertEqual(self.read(name), bytes_, name)
        self.interrupt(self.go_on(self.out))

    SCRIPT = r"""
set -e
mount -t tmpfs -o size=$size tmpfs disk
"$programs/dml-train" "$photos" -o disk/run $options > table 2> talk &
trainer=$!
for i in $(seq 3000); do [ -e disk/run/last.ckpt ] && break; sleep 0.1; done
[ -e disk/run/last.ckpt ]
cp disk/run/encoder.onnx before.onnx
dd if=/dev/zero of=disk/filler bs=4k 2> /dev/null || true
set +e
wait $trainer
echo "exit $?"
set -e
cmp disk/run/encoder.onnx before.onnx
"$programs/dml-embed" disk/run/encoder.onnx "$picture" -o row.npy
ls -A disk/run
rm disk/filler
"$programs/dml-train" --resume disk/run > table 2> more &
trainer=$!
for i in $(seq 3000); do grep -q "going on" more && break; sleep 0.1; done
kill -INT $trainer
set +e
wait $trainer
echo "exit $?"
"""

    def test_full_disk(self):
        """A real one: a small file system in memory that somebody fills."""
        if shutil.which("unshare") is None or subprocess.run(
                ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
                capture_output=True).returncode != 0:
            self.skipTest("no name space of one's own for mounting")
        os.mkdir(self.path("disk"))
        done = subprocess.run(
            ["unshare", "-rm", "bash", "-c", self.SCRIPT], cwd=self.dir,
            capture_output=True, text=True, timeout=TIMEOUT,
            env={**os.environ, "size": "3M", "programs": PROGRAMS,
                 "photos": self.photos, "options": " ".join(
                     [*ENDLESS, "--checkpoint-every=0"]),
                 "picture": os.path.join(self.photos, "box", "0.jpg")})
        with open(self.path("talk"), encoding="utf-8") as f:
            talk = f.read()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + talk)
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0], "exit 1", talk)
        self.assertIn("No space left on device", talk)
        self.assertIn("make room", talk)
        self.assertEqual(sorted(lines[1:-1]), [
            "config.ini", "encoder.onnx", "last.ckpt", "report.html",
            "run.jsonl"])
        self.assertEqual(lines[-1], "exit 130")
        with open(self.path("more"), encoding="utf-8") as f:
            self.assertIn("going on at step", f.read())


if __name__ == "__main__":
    unittest.main()
