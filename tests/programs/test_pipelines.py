"""The scripts of pipelines/ as a user without a camera runs them."""
import json
import os
import re
import signal
import socket
import subprocess
import time
import unittest

from PIL import Image

from common import BAD_DATA, FAILED, OK, TIMEOUT, USAGE, lines
from streams import ROOT, StreamTest, frame, make_video

SCRIPTS = ("camera", "file", "folder", "enrol-camera", "json-service")


def script(name):
    return os.path.join(ROOT, "pipelines", name + ".sh")


def children(pid):
    """Names of the programs that a process has started."""
    names = []
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as pids:
        for child in pids.read().split():
            try:
                with open(f"/proc/{child}/comm", encoding="utf-8") as comm:
                    names.append(comm.read().strip())
            except FileNotFoundError:
                pass  # it has ended
    return names


class Pipelines(StreamTest):
    def setUp(self):
        super().setUp()
        self.env = {k: v for k, v in os.environ.items()
                    if k not in ("DISPLAY", "WAYLAND_DISPLAY", "DML_CAMERA")}

    def call(self, name, *args, check=None):
        done = self.start([script(name), *args], env=self.env)
        if check is not None:
            self.assertEqual(done.returncode, check, done.stdout + done.stderr)
        return done

    def test_help_and_mistakes(self):
        for name in SCRIPTS + ("demo",):
            done = self.call(name, "--help", check=OK)
            self.assertIn(f"usage: pipelines/{name}.sh", done.stdout)
            self.assertLess(len(done.stdout.splitlines()), 25, "one screen")
            done = self.call(name, "--galery", "x", check=USAGE)
            self.assertIn("--galery", done.stderr)
        for name in SCRIPTS:
            done = self.call(name, check=USAGE)
            self.assertIn("--gallery is needed", done.stderr)
            done = self.call(name, "--gallery", check=USAGE)
            self.assertIn("--gallery wants a value", done.stderr)

    def test_numbers_are_numbers(self):
        for name, option in (("camera", "--frames"), ("json-service", "--port"),
                             ("json-service", "--frames"),
                             ("enrol-camera", "--frames"),
                             ("enrol-camera", "--items")):
            most = 65535 if option == "--port" else 2147483647
            for value in ("abc", "0", "-1", str(most + 1), "99999999999"):
                done = self.call(name, "--gallery", "x", option, value,
                                 check=USAGE)
                self.assertEqual(done.stderr, f"{name}.sh: {option}: {value} is "
                                 f"not a whole number within 1..{most}\n")
        done = self.call("camera", "--gallery", "x", "--encoder", "",
                         check=USAGE)
        self.assertIn("--encoder wants a value", done.stderr)

    def test_names_with_anything_in_them(self):
        """What gst-launch-1.0 would read as its own, and what it escapes."""
        label, odd = "Gr\u00fcne \u00c4pfel \\ \"x\"", 'a\\b "c" ! d'
        self.call("enrol-camera", "--gallery", odd + ".bin", "--label", label,
                  "--frames", "20", "--test-card", check=OK)
        done = self.call("camera", "--gallery", odd + ".bin", "--frames", "5",
                         "--test-card", check=OK)
        self.assertIn(f"known      {label}: ", done.stdout)
        self.call("enrol-camera", "--gallery", odd + ".bin", "--label",
                  "two\nlines", "--frames", "20", "--test-card", check=OK)
        make_video(self.path("clip.mkv"), [("disc", 3)])
        os.rename(self.path("clip.mkv"), self.path(odd + ".mkv"))
        done = self.call("file", "--gallery", odd + ".bin", "--input",
                         odd + ".mkv", "--json", odd + ".jsonl", check=OK)
        self.assertEqual(done.stdout,
                         f"3 frames with results in {odd}.jsonl\n")
        os.makedirs(self.path("some"))
        names = sorted(("a\\b.png", "c\td.png", "e\nf.png"))
        for name in names:
            frame("disc", 1).save(self.path("some", name))
        done = self.call("folder", "--gallery", odd + ".bin", "--input", "some",
                         check=OK)
        self.assertEqual([row["picture"] for row in lines(done)],
                         ["some/" + name for name in names])

    def test_file_writes_over_nothing_that_it_reads(self):
        self.enrol_frames("disc")
        make_video(self.path("clip.mkv"), [("disc", 2)])
        for option, name in (("--json", "shop.bin"), ("--output", "clip.mkv"),
                             ("--json", "./clip.mkv")):
            done = self.call("file", "--gallery", "shop.bin", "--input",
                             "clip.mkv", option, name, "--force", check=USAGE)
            self.assertIn(f"{name} is what is read", done.stderr)
        done = self.call("file", "--gallery", "shop.bin", "--input", "clip.mkv",
                         "--json", "x", "--output", "x", check=USAGE)
        self.assertIn("x is one file", done.stderr)

    def test_file_that_is_stopped_leaves_what_stood(self):
        self.enrol_frames("disc")
        os.mkfifo(self.path("clip"))  # nobody ever writes into it
        with open(self.path("results.jsonl"), "w", encoding="utf-8") as old:
            old.write("{}\n")
        before = sorted(os.listdir(self.dir))
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with subprocess.Popen(
                    [script("file"), "--gallery", "shop.bin", "--input", "clip",
                     "--force"], cwd=self.dir, env=self.env, text=True,
                    stderr=subprocess.PIPE) as running:
                while "gst-launch-1.0" not in children(running.pid):
                    time.sleep(0.05)
                time.sleep(0.2)
                running.send_signal(number)
                self.assertIn("stopped: there are no results",
                              running.communicate(timeout=TIMEOUT)[1])
                self.assertEqual(running.returncode, code)
        self.assertEqual(sorted(os.listdir(self.dir)), before)
        with open(self.path("results.jsonl"), encoding="utf-8") as old:
            self.assertEqual(old.read(), "{}\n")

    def test_false_accept_rate_reaches_the_answer(self):
        self.enrol_frames("disc", "bars", "roof")
        make_video(self.path("clip.mkv"), [("disc", 12)])
        self.env["DML_CAMERA"] = "clip.mkv"
        thresholds = []
        for rate in ("0.5", "1e-3"):
            self.call("file", "--gallery", "shop.bin", "--input", "clip.mkv",
                      "--force", "--false-accept-rate", rate, check=OK)
            with open(self.path("results.jsonl"), encoding="utf-8") as rows:
                rows = [json.loads(row)["regions"][0] for row in rows]
            thresholds.append(rows[0]["threshold"])
            done = self.call("camera", "--gallery", "shop.bin",
                             "--false-accept-rate", rate, check=OK)
            self.assertRegex(done.stdout, rf"{thresholds[-1]:.2f}")
            done = self.call("folder", "--gallery", "shop.bin", "--input",
                             "frames/disc", "--false-accept-rate", rate,
                             check=OK)
            self.assertEqual(len(lines(done)), 3)
        self.assertLess(thresholds[0], thresholds[1])
        for name in ("camera", "file", "folder", "json-service"):
            for rate in ("0", "0.6", "2", "-0.1", "abc", "1e-7"):
                done = self.call(name, "--gallery", "x", "--false-accept-rate",
                                 rate, check=USAGE)
                self.assertIn(f"--false-accept-rate: {rate} is not "
                              "within 0.000001..0.5",
                              done.stderr)

    def test_a_wrong_path_is_an_error_and_never_unknown(self):
        make_video(self.path("clip.mkv"), [("disc", 2)])
        for name, more in (("camera", []), ("file", ["--input", "clip.mkv"]),
                           ("folder", ["--input", "photos/disc"]),
                           ("json-service", [])):
            done = self.call(name, "--gallery", "nosuch.bin", *more,
                             check=FAILED)
            self.assertIn("nosuch.bin", done.stderr)
            self.assertIn("dml-gallery", done.stderr, "what to do")
            self.assertEqual(done.stdout, "")

    def test_damaged_input_is_3_and_one_sentence(self):
        self.enrol_frames("disc")
        with open(self.path("bad.jpg"), "w", encoding="utf-8") as bad:
            bad.write("neither a gallery nor a video")
        make_video(self.path("clip.mkv"), [("disc", 2)])
        self.env["DML_CAMERA"] = "clip.mkv"
        for name, more in (("camera", []), ("json-service", []),
                           ("file", ["--input", "clip.mkv"]),
                           ("folder", ["--input", "photos/disc"]),
                           ("enrol-camera", ["--label", "disc"])):
            done = self.call(name, "--gallery", "bad.jpg", *more,
                             check=BAD_DATA)
            self.assertEqual(done.stderr, f"{name}.sh: bad.jpg: not a gallery: "
                             "not an SQLite file\n")
        for video in ("bad.jpg", "shop.bin"):
            self.env["DML_CAMERA"] = video
            for name, more in (("camera", []), ("json-service", []),
                               ("file", ["--input", video]),
                               ("enrol-camera", ["--label", "disc"])):
                done = self.call(name, "--gallery", "shop.bin", *more,
                                 check=BAD_DATA)
                self.assertRegex(
                    done.stderr, rf"^{name}\.sh: {video}: no video that "
                    r"GStreamer can decode: [^\n]+\n$")
                self.assertEqual(done.stdout, "")

    def test_enrol_camera_then_camera(self):
        done = self.call("enrol-camera", "--gallery", "my shop.bin", "--label",
                         "test card", "--frames", "150", "--items", "2",
                         "--test-card", check=OK)
        self.assertIn("enrolled   test card (item 1)", done.stdout)
        self.assertIn("enrolled   test card (item 2)", done.stdout)
        self.assertIn("max-per-label test card: ", done.stdout)
        done = self.call("camera", "--gallery", "my shop.bin", "--frames", "30",
                         "--test-card", check=OK)
        self.assertRegex(done.stdout, r"^known      test card: \d\.\d\d is abo")
        self.assertEqual(len(done.stdout.splitlines()), 1, done.stdout)

    def test_a_camera_that_is_not_there_is_an_error(self):
        """Nothing stands in for what the user asked for."""
        self.enrol_frames("disc")
        os.makedirs(self.path("folder"))
        for camera in ("/nonexistent/video7", "nosuch.mkv", "folder"):
            self.env["DML_CAMERA"] = camera
            for name, gallery, more in (
                    ("enrol-camera", "z.bin", ["--label", "red apple"]),
                    ("camera", "shop.bin", []), ("json-service", "shop.bin", [])):
                done = self.call(name, "--gallery", gallery, "--frames", "5",
                                 *more, check=FAILED)
                self.assertEqual(done.stdout, "")
                self.assertEqual(
                    done.stderr, f"{name}.sh: {camera}: there is no such camera "
                    "or video file (DML_CAMERA)\n")
        self.assertFalse(os.path.exists(self.path("z.bin")))

    @unittest.skipIf(os.path.exists("/dev/video0"), "a camera is here")
    def test_without_a_camera(self):
        """A test card is shown with a word, and never enrolled by itself."""
        done = self.call("enrol-camera", "--gallery", "z.bin", "--label",
                         "red apple", "--frames", "5", check=FAILED)
        self.assertIn("/dev/video0: there is no camera", done.stderr)
        self.assertFalse(os.path.exists(self.path("z.bin")))
        self.enrol_frames("disc")
        done = self.call("camera", "--gallery", "shop.bin", "--frames", "5",
                         check=OK)
        self.assertIn("NO CAMERA at /dev/video0", done.stderr)
        self.assertIn("test card", done.stderr)

    def test_enrol_camera_tells_refusals(self):
        make_video(self.path("dark.mkv"), [("disc", 30)], size=(32, 24))
        self.env["DML_CAMERA"] = "dark.mkv"
        done = self.call("enrol-camera", "--gallery", "shop.bin", "--label",
                         "disc", check=FAILED)
        self.assertIn("dark.mkv stands in for a camera", done.stderr)
        self.assertRegex(done.stdout, r"low-quality disc: quality 0\.\d\d is")
        self.assertIn("nothing is enrolled under disc", done.stderr)

    def test_camera_tells_changes_of_a_stand_in_video(self):
        self.enrol_frames("disc", "bars")
        make_video(self.path("a clip.mkv"), [("disc", 30), ("bars", 30)])
        self.env["DML_CAMERA"] = "a clip.mkv"
        done = self.call("camera", "--gallery", "shop.bin", check=OK)
        known = re.findall(r"^known +(\w+): ", done.stdout, re.M)
        self.assertEqual(known, ["disc", "bars"], done.stdout)

    def test_file(self):
        self.enrol_frames("disc", "bars")
        make_video(self.path("a clip.mkv"), [("disc", 15), ("bars", 15)])
        args = ["--gallery", "shop.bin", "--input", "a clip.mkv", "--output",
                "seen it.mkv"]
        done = self.call("file", *args, check=OK)
        self.assertEqual(done.stdout, "30 frames with results in results.jsonl"
                         ", video in seen it.mkv\n")
        with open(self.path("results.jsonl"), encoding="utf-8") as rows:
            rows = [json.loads(row)["regions"][0] for row in rows]
        self.assertEqual([row.get("label") for row in rows],
                         ["disc"] * 15 + ["bars"] * 15)
        # Annotated: the decoded copy has the box's colour in it.
        done = self.start(
            ["gst-launch-1.0", "-q", "filesrc", "location=seen it.mkv", "!",
             "decodebin", "!", "videoconvert", "!", "pngenc", "snapshot=true",
             "!", "filesink", "location=first.png"], env=self.env)
        self.assertEqual(done.returncode, OK, done.stderr)
        with Image.open(self.path("first.png")) as picture:
            self.assertEqual(picture.size, (320, 240))
            r, g, b = picture.convert("RGB").getpixel((41, 120))
        self.assertGreater(g, r + 60, "the box is green")
        # Nothing is written over, and JSON lines are never doubled.
        done = self.call("file", *args, check=USAGE)
        self.assertIn("--force", done.stderr)
        self.call("file", *args, "--force", check=OK)
        with open(self.path("results.jsonl"), encoding="utf-8") as rows:
            self.assertEqual(len(rows.readlines()), 30)

    def test_file_that_fails_leaves_nothing(self):
        self.enrol_frames("disc")
        done = self.call("file", "--gallery", "shop.bin", "--input", "photos",
                         check=BAD_DATA)
        self.assertEqual(done.stderr,
                         "file.sh: photos: a folder; folder.sh takes those\n")
        with open(self.path("no.mkv"), "w", encoding="utf-8") as bad:
            bad.write("no video")
        make_video(self.path("clip.mkv"), [("disc", 2)])
        os.mkfifo(self.path("pipe"))
        os.symlink("no.mkv", self.path("link"))
        for name in ("pipe", "link"):
            done = self.call("file", "--gallery", "shop.bin", "--input",
                             "clip.mkv", "--json", name, "--force", check=USAGE)
            self.assertIn(f"{name}: not a plain file", done.stderr)
            os.remove(self.path(name))
        for standing in (False, True):
            if standing:
                with open(self.path("results.jsonl"), "w",
                          encoding="utf-8") as old:
                    old.write("{}\n")
            done = self.call("file", "--gallery", "shop.bin", "--input",
                             "clip.mkv", "--output", "seen.mkv", "--force",
                             "--encoder", "no.mkv", check=FAILED)
            self.assertIn("file.sh: clip.mkv: no results", done.stderr)
            self.assertEqual(sorted(os.listdir(self.dir)), sorted(
                ["photos", "frames", "clip.mkv", "no.mkv", "shop.bin"]
                + ["results.jsonl"] * standing))
        with open(self.path("results.jsonl"), encoding="utf-8") as old:
            self.assertEqual(old.read(), "{}\n")

    def test_folder(self):
        self.enrol_frames("disc", "bars")
        os.makedirs(self.path("some pictures"))
        for name, shape, form in (('1 "q".PNG', "disc", "PNG"),
                                  ("2.jpg", "bars", "JPEG"),
                                  ("3.webp", "disc", "WEBP")):
            frame(shape, 5).crop((40, 0, 280, 240)).save(
                self.path("some pictures", name), form)
        done = self.call("folder", "--gallery", "shop.bin", "--input",
                         "some pictures", check=OK)
        rows = lines(done)
        self.assertEqual([row["picture"] for row in rows],
                         ['some pictures/1 "q".PNG', "some pictures/2.jpg",
                          "some pictures/3.webp"])
        self.assertEqual([row["regions"][0].get("label") for row in rows],
                         ["disc", "bars", "disc"])
        with open(self.path("some pictures", "2b.jpg"), "wb") as bad:
            bad.write(b"no picture")
        done = self.call("folder", "--gallery", "shop.bin", "--input",
                         "some pictures", check=BAD_DATA)
        self.assertEqual(lines(done)[2]["picture"], "some pictures/3.webp")
        self.assertIn("2b.jpg: no picture that can be read", done.stderr)
        os.makedirs(self.path("empty"))
        done = self.call("folder", "--gallery", "shop.bin", "--input", "empty",
                         check=BAD_DATA)
        self.assertIn("empty: no picture there", done.stderr)

    def test_json_service(self):
        self.call("enrol-camera", "--gallery", "shop.bin", "--label", "card",
                  "--frames", "20", "--test-card", check=OK)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with subprocess.Popen(
                [script("json-service"), "--gallery", self.gallery, "--port",
                 str(port), "--test-card"], env=self.env, cwd=self.dir,
                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                text=True) as service:
            try:
                readers = [self.connect(port, service) for _ in range(2)]
                for reader in readers:
                    with reader, reader.makefile(encoding="utf-8") as rows:
                        for _ in range(3):
                            row = json.loads(rows.readline())
                            self.assertEqual(row["regions"][0]["label"],
                                             "card")
            finally:
                service.terminate()

    @staticmethod
    def connect(port, service):
        for _ in range(300):
            try:
                reader = socket.create_connection(("127.0.0.1", port), 30)
                return reader
            except OSError:
                if service.poll() is not None:
                    raise AssertionError(service.stderr.read()) from None
                time.sleep(0.1)
        raise AssertionError("nobody listens")


if __name__ == "__main__":
    unittest.main()
