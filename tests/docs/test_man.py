"""The man pages: groff finds no fault; those of the elements name every property
and signal that gst-inspect-1.0 shows, no other, and a line of the element's page
that test_lines.py runs."""
import glob
import os
import re
import shutil
import subprocess
import unittest

from streams import ROOT, StreamTest
from test_lines import lines_to_run

MAN = os.path.join(ROOT, "docs", "man")
PAGES = sorted(glob.glob(os.path.join(MAN, "*.[17]")))
ELEMENTS = ("dmlembed", "dmlgallery", "dmljson", "dmlmatch", "dmloverlay")


def plain(text):
    return text.replace("\\-", "-").replace("\\e", "\\")


def section(page, name):
    found = re.search(rf"^\.SH {name}\n(.*?)(?=^\.SH )", page, re.M | re.S)
    return found.group(1) if found else ""


def terms(page, name):
    """What a section explains, a word each."""
    return re.findall(r"^\.TP\n\.BI? (\S+)", section(page, name), re.M)


class Man(StreamTest):
    def inspect(self, element):
        """Properties and signals of an element."""
        done = self.start(["gst-inspect-1.0", element])
        self.assertEqual(done.returncode, 0, done.stderr)
        _, _, rest = done.stdout.partition("Element Properties:\n")
        properties, _, signals = rest.partition("Element Signals")
        if not signals:
            properties, _, signals = rest.partition("Element Actions")
        rows = re.findall(r"^  ([a-z][a-z0-9-]*) +: ", properties, re.M)
        return ([row for row in rows if row not in ("name", "parent")],
                re.findall(r'^  "([a-z-]+)"', signals, re.M))

    def test_elements_pages_are_whole(self):
        for element in ELEMENTS:
            with open(os.path.join(MAN, element + ".7"),
                      encoding="utf-8") as file:
                page = plain(file.read())
            properties, signals = self.inspect(element)
            self.assertGreater(len(properties), 2, element)
            self.assertEqual(terms(page, "PROPERTIES"), properties, element)
            self.assertEqual(terms(page, "SIGNALS"), sorted(signals), element)
            lines = [line for _, line in lines_to_run(os.path.join(
                ROOT, "docs", "elements", element + ".md"))]
            said = re.search(r"^gst-launch-1\.0 .*$", section(page, "SYNOPSIS"),
                             re.M)
            self.assertIn(said.group(0), lines)

    def test_groff_finds_no_fault(self):
        self.assertGreaterEqual(len(PAGES), 10)
        if shutil.which("groff") is None:
            self.skipTest("no groff")
        for page in PAGES:
            done = subprocess.run(
                ["groff", "-man", "-Tutf8", "-ww", "-z", page],
                capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""), page)


if __name__ == "__main__":
    unittest.main()
