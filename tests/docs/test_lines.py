"""Every line of the documentation that begins with gst-launch-1.0, dml-gallery,
dml-embed or sqlite3 runs, in the order of its page, in a folder that has what
the pages speak of: photos/, clip.mkv, shop.bin, branch.bin, run/encoder.onnx."""
import glob
import os
import re
import shutil
import subprocess
import unittest

from common import OK, draw, run
from streams import ROOT, StreamTest, make_video

PROGRAMS = ("gst-launch-1.0", "dml-gallery", "dml-embed", "sqlite3")
PAGES = sorted(glob.glob(os.path.join(ROOT, "docs", "**", "*.md"),
                         recursive=True)) + [
    os.path.join(ROOT, "README.md"), os.path.join(ROOT, "pipelines",
                                                  "README.md")]
# What a machine for tests has not, and what would never end.
INSTEAD = (
    (r"\bv4l2src\b( device=\S+)?", "videotestsrc num-buffers=10"),
    (r"\bvideotestsrc\b(?!.*num-buffers)", "videotestsrc num-buffers=10"),
    (r"\bnum-buffers=\d\d\d\b", "num-buffers=20"),
    (r"\bautovideosink\b", "fakesink"),
    (r"\brtspsrc\b[^!]*!", "filesrc location=clip.mkv !"),
)


def code_lines(path):
    """[(number, line)] of fenced and indented blocks, continued lines joined."""
    fenced, found, pending = False, [], None
    with open(path, encoding="utf-8") as page:
        for number, line in enumerate(page, 1):
            if line.startswith("```"):
                fenced = not fenced
                continue
            if not fenced and not line.startswith("    "):
                pending = None
                continue
            line = line.strip()
            if pending:
                found[-1] = (found[-1][0], found[-1][1] + " " + line)
            else:
                found.append((number, line))
            pending = line.endswith("\\")
            if pending:
                found[-1] = (found[-1][0], found[-1][1][:-1].rstrip())
    return found


def lines_to_run(path):
    return [(n, line) for n, line in code_lines(path)
            if line.startswith(PROGRAMS)]


class Lines(StreamTest):
    def setUp(self):
        super().setUp()
        if shutil.which("sqlite3") is None:
            self.skipTest("no sqlite3 program")
        os.makedirs(self.path("run"))
        encoder = os.path.join(ROOT, "lib", "encoder", "default.onnx")
        for name in ("run/encoder.onnx", "encoder.onnx", "resnet18.onnx"):
            if os.path.exists(encoder):
                shutil.copy(encoder, self.path(name))
        for name in ("query.jpg", "a.jpg", "photo.jpg", "apple.jpg"):
            draw("disc", seed=5).save(self.path(name))
        for name in ("b.jpg", "pear.jpg"):
            draw("roof", seed=5).save(self.path(name))
        os.symlink("photos", self.path("other-photos"))
        # Folders by the names of things that pages speak of.
        for label in ("apple", "pear", "red apple", "bananas"):
            os.makedirs(self.path("photos", label))
            draw("roof", seed=6).save(self.path("photos", label, "1.jpg"))
        make_video(self.path("clip.mkv"), [("disc", 20)])
        run("dml-gallery", self.path("new.bin"), "enroll", self.photos,
            check=OK)
        shutil.copy(self.path("new.bin"), self.path("branch.bin"))
        self.env = dict(os.environ, PATH=os.environ["DML_PROGRAMS"] + ":" +
                        os.environ["PATH"], G_DEBUG="fatal-criticals")

    def new_gallery(self):
        for name in glob.glob(self.path("shop*.bin*")):
            os.remove(name)
        shutil.copy(self.path("new.bin"), self.gallery)

    def run_line(self, where, line):
        for pattern, instead in INSTEAD:
            line = re.sub(pattern, instead, line)
        done = subprocess.run(["bash", "-o", "pipefail", "-c", line],
                              capture_output=True, text=True, cwd=self.dir,
                              env=self.env, stdin=subprocess.DEVNULL,
                              timeout=120, check=False)
        if done.returncode != OK or "WARNING: erroneous" in done.stderr:
            return (f"{where}: {line}\n    exit {done.returncode}: "
                    f"{done.stdout[-500:]}{done.stderr[-1500:]}")
        return None

    def test_pages(self):
        wrong, n_lines = [], 0
        for path in PAGES:
            self.new_gallery()
            for number, line in lines_to_run(path):
                n_lines += 1
                where = f"{os.path.relpath(path, ROOT)}:{number}"
                wrong.append(self.run_line(where, line))
        wrong = [text for text in wrong if text]
        self.assertFalse(wrong, "\n".join(wrong))
        self.assertGreater(n_lines, 20, "the pages were not read")

    def test_every_element_has_a_page_with_a_line_and_a_picture(self):
        for name in ("dmlembed", "dmlmatch", "dmlgallery", "dmloverlay",
                     "dmljson"):
            path = os.path.join(ROOT, "docs", "elements", name + ".md")
            self.assertTrue(any(name in line for _, line in
                                lines_to_run(path)), name)
            with open(path, encoding="utf-8") as page:
                self.assertRegex(page.read(), r"!\[[^\]]+\]\(\.\./pictures/",
                                 name)

    def test_what_gst_inspect_says_runs(self):
        self.new_gallery()
        for name in ("dmlembed", "dmlmatch", "dmlgallery", "dmloverlay",
                     "dmljson"):
            done = self.start(["gst-inspect-1.0", name], env=self.env)
            example = re.search(r"Example: (gst-launch-1\.0 .*)", done.stdout)
            self.assertTrue(example, f"{name}: no example\n{done.stderr}")
            trouble = self.run_line(f"gst-inspect-1.0 {name}",
                                    example.group(1))
            self.assertIsNone(trouble, trouble)


if __name__ == "__main__":
    unittest.main()
