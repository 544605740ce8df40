"""The line of JSON on dmljson's page: it has the fields of a real one, and was
made with the encoder that is built in. docs/pictures/make_pictures.py makes it.
The model card's picture of failures was made with that encoder, too, by
docs/pictures/make_failures.py."""
import json
import os
import re
import unittest

from PIL import Image

from common import OK, draw, run
from streams import ROOT, StreamTest

PAGE = os.path.join(ROOT, "docs", "elements", "dmljson.md")
FAILURES = os.path.join(ROOT, "docs", "pictures", "failures.jpg")


def fields(line):
    """Names of the members of a line, of its region and of a hit."""
    region = line["regions"][0]
    return list(line), list(region), list(region["hits"][0])


class Sample(StreamTest):
    def real_line(self):
        draw("disc", 200, seed=3).save(self.path("still.png"))
        run("dml-gallery", self.gallery, "enroll", self.photos, check=OK)
        done = self.start(
            ["gst-launch-1.0", "-q", "filesrc", "location=still.png", "!",
             "pngdec", "!", "videoconvert", "!", "dmlembed", "regions=list",
             "region-list=10,10,180,180", "!", "dmlmatch",
             f"gallery={self.gallery}", "threshold=0.01", "!", "dmljson",
             "top-k=2", "location=seen.jsonl", "!", "fakesink"])
        self.assertEqual(done.returncode, OK, done.stderr)
        with open(self.path("seen.jsonl"), encoding="utf-8") as file:
            return json.loads(file.readline())

    def test_sample_is_what_comes_out(self):
        with open(PAGE, encoding="utf-8") as file:
            found = re.search(r'^```\n(\{"time".*?)^```', file.read(),
                              re.M | re.S)
        sample, real = json.loads(found.group(1)), self.real_line()
        self.assertEqual(fields(sample), fields(real))
        sample, real = sample["regions"][0], real["regions"][0]
        self.assertEqual(sample["decision"], "known")
        again = "docs/pictures/make_pictures.py makes page and pictures anew"
        self.assertEqual(sample["encoder"], real["encoder"], again)
        self.assertEqual(sample["fingerprint"],
                         real["fingerprint"][:8] + "…", again)
        with Image.open(FAILURES) as picture:
            self.assertEqual(picture.info["comment"].decode(),
                             real["fingerprint"],
                             "docs/pictures/make_failures.py makes it anew")


if __name__ == "__main__":
    unittest.main()
