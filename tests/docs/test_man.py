"""The man pages: groff finds no fault; those of the elements tell of every property
what gst-inspect-1.0 shows (values and when it may be changed, too), every signal,
no other, and a line of the element's page that test_lines.py runs; those of the
programs name every option that --help shows."""
import glob
import os
import re
import shutil
import subprocess
import sys
import unittest

from common import OK, run
from streams import ROOT, StreamTest
from test_lines import lines_to_run

MAN = os.path.join(ROOT, "docs", "man")
sys.path.insert(0, MAN)
import make_properties  # noqa: E402

COMMANDS = {
    "dml-bench": ("encoder", "gallery", "kernels", "pipeline", "train"),
    "dml-gallery": ("enroll", "list", "show", "search", "remove", "rename",
                    "data", "calibrate", "verify", "diff", "merge", "re-embed",
                    "export"),
}
PROGRAMS = ("dml-bench", "dml-embed", "dml-eval", "dml-gallery", "dml-train")
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

    def test_properties_are_what_gst_inspect_says(self):
        """docs/man/make_properties.py writes them anew."""
        for element in ELEMENTS:
            with open(os.path.join(MAN, element + ".7"),
                      encoding="utf-8") as file:
                said = section(file.read(), "PROPERTIES")
            self.assertEqual(said, make_properties.section(element))
        with open(os.path.join(MAN, "dmlembed.7"), encoding="utf-8") as file:
            page = " ".join(file.read().split())
        for word in ("centre", "list", "while playing", "in NULL and READY"):
            self.assertIn(word, page)

    def options(self, program):
        """The long options that --help shows, of all commands."""
        calls = [[*(["x.bin"] if program == "dml-gallery" else []), command]
                 for command in COMMANDS.get(program, ())] or [[]]
        return {option for call in calls for option in re.findall(
            r"^  (?:-., )?(--[a-z0-9-]+)",
            run(program, *call, "--help", check=OK).stdout, re.M)}

    def test_programs_pages_are_whole(self):
        for program in PROGRAMS:
            with open(os.path.join(MAN, program + ".1"),
                      encoding="utf-8") as file:
                page = plain(file.read())
            for name in ("OPTIONS", "EXIT STATUS", "EXAMPLES"):
                self.assertGreater(len(section(page, name)), 20,
                                   f"{program}: {name}")
            found = set(re.findall(r"--[a-z0-9-]+", page))
            options = self.options(program) - {"--help", "--help-all"}
            self.assertGreater(len(options), 3, program)
            self.assertEqual(options - found, set(), program)
            # .B takes one word in bold, commas would be bold with quotes
            self.assertNotRegex(page, r'(?m)^\.B \S+ "', program)
        for name in ("report.html", "zip"):
            self.assertIn(name, page, "dml-train")
            self.assertIn(name, run("dml-train", "--help", check=OK).stdout)

    def test_help_is_a_screen_with_examples(self):
        for program in PROGRAMS:
            said = run(program, "--help", check=OK).stdout
            self.assertLess(len(said.splitlines()),
                            40 if program == "dml-train" else 48, program)
            self.assertIn("Example", said, program)

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
