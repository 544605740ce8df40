"""What a person sees: the programs on a terminal of 80 columns."""
import errno
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

from common import BAD_DATA, OK, PROGRAMS, TIMEOUT
from training import SMALL, TrainTest


class TerminalTest(TrainTest):
    def drawn(self, program, *args, columns=80, check=OK, whole=False):
        """What stderr gets, and stdout with `whole`, by line and redraw of a
        line."""
        ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, columns, 0, 0))
        with subprocess.Popen([os.path.join(PROGRAMS, program), *args],
                              stdin=subprocess.DEVNULL,
                              stdout=its if whole else subprocess.DEVNULL,
                              stderr=its) as process:
            os.close(its)
            seen = b""
            try:
                while more := os.read(ours, 4096):
                    seen += more
            except OSError as e:  # the other end is closed
                if e.errno != errno.EIO:
                    raise
            os.close(ours)
            self.assertEqual(process.wait(timeout=TIMEOUT), check, seen)
        return re.split(r"\r\033\[K|\r?\n", seen.decode())

    def test_when_a_run_ends(self):
        for columns in 80, 50:
            lines = [line for line in
                     self.drawn("dml-train", self.photos, "-o",
                                f"{self.out}{columns}", *SMALL, "--epochs=3",
                                columns=columns)
                     if line.startswith("epoch")]
            self.assertTrue(lines)
            for line in lines:
                self.assertLess(len(line), columns)
                self.assertRegex(
                    line, r"^epoch [123]/3 \[#*\.*\] \d+/\d+, "
                          r"ends (\w+ )?\d\d:\d\d, ")
            if columns == 80:
                self.assertRegex(lines[0], r"\d+ views/s, loss \d+\.\d{3}$")

    def test_no_rate_before_something_was_done(self):
        lines = [line for line in
                 self.drawn("dml-eval", "default", self.photos)
                 if line.startswith("embedding")]
        self.assertRegex(lines[0], r"^embedding \[#+\.*\] \d+/32, -:-- left$")

    def test_a_printed_line_begins_at_the_line(self):
        photo = os.path.join(self.photos, "disc", "0.jpg")
        junk = self.path("junk.png")
        with open(junk, "w", encoding="utf-8") as file:
            file.write("no picture")
        for form, begins in ("--csv", '"'), ("--json", "{"):
            seen = self.drawn("dml-embed", "default", form, photo, junk,
                              columns=200, whole=True, check=BAD_DATA)
            self.assertTrue([s for s in seen if s.startswith("embedding")])
            for said in photo, junk:
                self.assertTrue(
                    [s for s in seen if said in s and s.startswith(
                        (begins, "dml-embed:"))], (form, said, seen))


if __name__ == "__main__":
    import unittest
    unittest.main()
