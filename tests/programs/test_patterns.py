"""patterns.bin, which the build makes with the built-in encoder: each of its
pictures is known as itself, and a picture of nothing is not known. A new encoder
that cannot tell two of them apart fails here: make-patterns.sh leaves one out."""
import json
import os
import unittest

from common import OK, run
from streams import BUILD, StreamTest

PATTERNS = os.path.join(BUILD, "pipelines", "patterns.bin")
N_FRAMES = 60


class Patterns(StreamTest):
    def labels(self, pattern):
        """The label of each frame, None where it is not known."""
        results = self.path(pattern + ".jsonl")
        done = self.start(
            ["gst-launch-1.0", "-q", "videotestsrc", f"pattern={pattern}",
             f"num-buffers={N_FRAMES}", "!", "dmlembed", "!", "dmlmatch",
             f"gallery={PATTERNS}", "!", "dmljson", f"location={results}", "!",
             "fakesink"])
        self.assertEqual(done.returncode, OK, done.stderr)
        with open(results, encoding="utf-8") as lines:
            regions = [json.loads(line)["regions"][0] for line in lines]
        self.assertEqual(len(regions), N_FRAMES)
        return [r["label"] if r["decision"] == "known" else None
                for r in regions]

    def test_each_is_known_as_itself(self):
        listed = json.loads(run("dml-gallery", PATTERNS, "list", "--json",
                                check=OK).stdout)
        patterns = [row["label"] for row in listed["labels"]]
        self.assertGreaterEqual(len(patterns), 5)
        for pattern in patterns:
            labels = self.labels(pattern)
            self.assertGreater(labels.count(pattern), 0.9 * N_FRAMES, pattern)
            self.assertLessEqual(set(labels), {pattern, None}, pattern)

    def test_what_shows_nothing_is_not_known(self):
        for pattern in ("black", "white", "snow"):
            self.assertEqual(self.labels(pattern), N_FRAMES * [None], pattern)


if __name__ == "__main__":
    unittest.main()
