"""What is printed and cannot be written is no success, whichever program."""
import os
import subprocess
import unittest

from common import BAD_DATA, FAILED, OK, PROGRAMS, TIMEOUT, ProgramTest, run


@unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full here")
class Output(ProgramTest):
    def setUp(self):
        super().setUp()
        run("dml-gallery", self.gallery, "enroll", self.photos, check=OK)
        self.query = self.path("photos", "disc", "0.jpg")

    def call(self, program, args, **kwargs):
        return subprocess.run(
            [os.path.join(PROGRAMS, program), *args], text=True,
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=TIMEOUT,
            **kwargs)

    def calls(self):
        for args in (["list"], ["list", "--json"], ["export"], ["show", "disc"],
                     ["search", self.query], ["search", "--json", self.query],
                     ["verify"], ["verify", "--json"], ["calibrate"],
                     ["diff", self.gallery, "--json"], ["list", "--help"]):
            yield "dml-gallery", [self.gallery, *args]
        for program in "gallery", "bench", "embed", "eval", "train":
            yield "dml-" + program, ["--help"]
            yield "dml-" + program, ["--version"]
        yield "dml-embed", ["default", "--csv", self.query]
        yield "dml-embed", ["default", "--compare", self.query, self.query]
        yield "dml-eval", ["default", self.photos]
        yield "dml-bench", ["gallery", "--items=10", "--labels=2"]
        yield os.environ["DML_CHECK"], ["--list"]

    def test_a_full_disk(self):
        for program, args in self.calls():
            with self.subTest(program=program, args=args), \
                    open("/dev/full", "wb") as full:
                done = self.call(program, args, stdout=full)
                self.assertEqual(done.returncode, FAILED, done.stderr)
                name = os.path.basename(program)
                self.assertRegex(
                    done.stderr.splitlines()[-1],
                    rf"^{name}[^:]*: standard output: "
                    "No space left on device$")

    def test_more_than_a_buffer(self):
        with open("/dev/full", "wb") as full:
            done = self.call("dml-embed", ["default", "--csv",
                                           *4 * [self.photos]], stdout=full)
        self.assertEqual(done.returncode, FAILED, done.stderr)
        self.assertIn("dml-embed: standard output: No space left", done.stderr)

    def test_a_reader_that_is_gone(self):
        reading, writing = os.pipe()
        os.close(reading)
        try:
            for ignored in False, True:  # Python's own programs ignore SIGPIPE
                done = self.call("dml-gallery", [self.gallery, "list"],
                                 stdout=writing, restore_signals=not ignored)
                self.assertEqual(done.returncode, FAILED if ignored else -13)
                self.assertNotIn("standard output", done.stderr)
        finally:
            os.close(writing)

    def test_no_output_is_no_loss(self):
        closed = {"preexec_fn": lambda: os.close(1)}
        bad = self.path("bad.jpg")
        open(bad, "wb").close()
        for args, code in ((["data", "disc", "{}"], OK), (["list"], FAILED),
                           (["search", bad], BAD_DATA)):
            done = self.call("dml-gallery", [self.gallery, *args], **closed)
            self.assertEqual(done.returncode, code, done.stderr)
