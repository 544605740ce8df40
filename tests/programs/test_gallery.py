"""dml-gallery as a user runs it."""
import errno
import hashlib
import json
import os
import pty
import signal
import sqlite3
import subprocess
import unittest

import numpy
from PIL import Image

from common import (BAD_DATA, FAILED, MISMATCH, OK, PROGRAMS, SHAPES, TIMEOUT,
                    USAGE, SOMEBODY, ProgramTest, draw, lines, run, toy_encoder)


class Gallery(ProgramTest):
    def call(self, *args, check=OK, **kwargs):
        return run("dml-gallery", self.gallery, *args, check=check, **kwargs)

    def enroll(self):
        return self.call("enroll", self.photos)

    def labels(self):
        return {row["label"]: row["items"]
                for row in lines(self.call("list", "--json"))[0]["labels"]}

    def test_enroll_a_folder_a_product(self):
        done = self.enroll()
        self.assertIn("8 items under 4 labels", done.stdout)
        self.assertEqual(self.labels(), {name: 2 for name in SHAPES})
        self.assertEqual(sorted(os.listdir(self.dir)),
                         ["photos", "shop.bin"])  # one file, nothing beside it

    def test_what_was_enrolled_is_found(self):
        self.enroll()
        for name in SHAPES:
            answer = lines(self.call("search", "--json", "--threshold", "0.8",
                                     self.path("photos", name, "1.jpg")))[0]
            self.assertEqual(answer["decision"], "known", answer)
            self.assertEqual(answer["label"], name)
            self.assertGreater(answer["similarity"], 0.8)
            self.assertEqual(answer["schema"], "dml-search/1")
            self.assertIn(name, answer["explanation"])

    def test_threshold_makes_unknown(self):
        self.enroll()
        answer = lines(self.call("search", "--json", "--threshold", "1",
                                 self.path("photos/disc/0.jpg")))[0]
        self.assertEqual(answer["decision"], "unknown")
        self.assertEqual(answer["reason"], "below-threshold")
        self.assertIn("below", answer["explanation"])

    def test_every_classifier_answers(self):
        self.enroll()
        for name in ("auto", "knn", "prototype", "svm", "bayes"):
            answer = lines(self.call(
                "search", "--json", "--threshold", "0.5", "--classifier",
                name, self.path("photos/roof/0.jpg")))[0]
            self.assertEqual(answer["label"], "roof", name)

    def test_table_says_why(self):
        self.enroll()
        done = self.call("search", self.path("photos/disc/0.jpg"))
        self.assertRegex(done.stdout, r"disc \(item \d+\)")

    def test_sheet_is_a_picture(self):
        self.enroll()
        sheet = self.path("hits.png")
        self.call("search", "--sheet", sheet, self.path("photos/disc"))
        with Image.open(sheet) as picture:
            self.assertGreater(picture.width, picture.height)
            self.assertGreater(len(picture.getcolors(1 << 24)), 50)
        self.call("search", "--sheet", sheet, self.photos, check=USAGE)

    def test_loose_pictures_are_their_own_labels(self):
        draw("disc").save(self.path("red disc.png"))
        self.call("enroll", self.path("red disc.png"))
        self.assertEqual(self.labels(), {"red disc": 1})
        self.call("enroll", "--label", "other", self.path("red disc.png"))
        self.assertEqual(self.labels(), {"red disc": 1, "other": 1})

    def test_transparency_is_said(self):
        picture = draw("disc").convert("RGBA")
        picture.putalpha(Image.new("L", picture.size, 0))
        picture.paste(draw("box").convert("RGBA"), (0, 0))
        picture.putpixel((0, 0), (0, 0, 0, 0))
        picture.save(self.path("cut.png"))
        done = self.call("enroll", self.path("cut.png"))
        self.assertIn("on 12 different backgrounds", done.stderr)
        done = self.call("enroll", "--views", "1", "--label", "one",
                         self.path("cut.png"))
        self.assertIn("embedded on one background", done.stderr)

    def test_nothing_to_see_is_refused_and_little_is_told(self):
        os.makedirs(self.path("odd"))
        for name, size in (("one", 1), ("tiny", 8), ("small", 31),
                           ("enough", 32)):
            draw("box", size).save(self.path("odd", name + ".png"))
        clear = draw("disc").convert("RGBA")
        clear.putalpha(Image.new("L", clear.size, 25))
        clear.save(self.path("odd", "clear.png"))
        # A small thing in a large picture: what counts is what is seen.
        cut = draw("disc").convert("RGBA")
        hole = Image.new("L", cut.size, 0)
        hole.paste(255, (40, 40, 60, 60))
        cut.putalpha(hole)
        cut.save(self.path("odd", "cut.png"))
        done = self.call("enroll", "--json", self.path("odd"), check=BAD_DATA)
        report = lines(done)[0]
        self.assertEqual([os.path.basename(path) for path in report["small"]],
                         ["cut.png", "one.png", "small.png", "tiny.png"])
        self.assertEqual(self.labels(), dict.fromkeys(
            ("cut", "enough", "one", "small", "tiny"), 1))
        self.assertEqual(len(report["failed"]), 1)
        self.assertIn("clear.png: all of it is transparent",
                      report["failed"][0])
        self.assertIn("clear.png: all of it is transparent", done.stderr)
        self.assertIn("1 picture could not be used", done.stderr)
        self.assertIn("tiny.png: what it shows is smaller than 32 pixels",
                      done.stderr)
        self.assertIn("4 were enrolled though smaller", done.stderr)

    def test_nothing_enrolled_leaves_no_gallery(self):
        os.makedirs(self.path("bad/thing"))
        for name in ("bad/one.jpg", "bad/thing/two.jpg"):
            with open(self.path(name), "wb") as picture:
                picture.write(b"no picture")
        done = self.call("enroll", self.path("bad"), check=BAD_DATA)
        self.assertIn("0 items under 0 labels", done.stdout)
        self.assertIn("2 pictures could not be used", done.stderr)
        self.assertEqual(sorted(os.listdir(self.dir)), ["bad", "photos"])
        self.enroll()  # what is there stays
        self.call("enroll", self.path("bad"), check=BAD_DATA)
        self.assertEqual(self.labels(), dict.fromkeys(SHAPES, 2))

    def test_no_place_for_a_gallery_is_told_at_once(self):
        done = run("dml-gallery", self.path("nowhere/shop.bin"), "enroll",
                   self.path("photos"), check=FAILED)
        self.assertIn("the gallery cannot be made", done.stderr)
        self.assertNotIn("enrolled before that", done.stderr)

    def test_a_link_to_nowhere_is_told_at_once(self):
        os.symlink("nowhere.bin", self.gallery)
        with open(self.path("bad.jpg"), "w", encoding="utf-8") as file:
            file.write("no picture")
        done = self.call("enroll", self.path("bad.jpg"), check=FAILED)
        self.assertNotIn("bad.jpg", done.stderr)
        self.assertNotIn("enrolled before that", done.stderr)
        self.assertEqual(sorted(os.listdir(self.dir)),
                         ["bad.jpg", "photos", "shop.bin"])

    def begin(self, *args):
        """An enrolment that has looked for the gallery and begins to embed,
        and the terminal that it talks to."""
        ours, its = pty.openpty()
        process = subprocess.Popen(
            [os.path.join(PROGRAMS, "dml-gallery"), self.gallery, "enroll",
             *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=its, text=True)
        os.close(its)
        seen = b""
        while b"enrolling" not in seen:
            seen += os.read(ours, 4096)
        return process, ours

    def end(self, process, ours):
        """What it printed, and what its terminal got."""
        seen = b""
        try:
            while more := os.read(ours, 4096):
                seen += more
        except OSError as e:  # the other end is closed
            if e.errno != errno.EIO:
                raise
        os.close(ours)
        return process.communicate(timeout=TIMEOUT)[0], seen.decode()

    def test_a_gallery_that_comes_into_being_meanwhile(self):
        mine, other = self.gallery, self.path("other.bin")
        self.gallery = other
        self.call("enroll", "--label", "disc", self.path("photos/disc"))
        self.call("enroll", "--label", "coin", self.path("photos/box/0.jpg"))
        self.gallery = mine
        for n in range(40):
            draw("roof", seed=n).save(self.path("photos/roof", f"x{n}.jpg"))
        process, terminal = self.begin("--json", "--label", "disc", self.photos)
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        os.rename(other, mine)
        process.send_signal(signal.SIGCONT)
        printed, seen = self.end(process, terminal)
        self.assertEqual(process.returncode, OK, seen)
        report = json.loads(printed)
        self.assertEqual((report["items"], report["known"]), (46, 2))
        self.assertEqual([(twin["picture"], twin["other"])
                          for twin in report["twins"]],
                         [(self.path("photos/box/0.jpg"), "coin")])
        self.assertEqual(self.labels(), {"coin": 1, "disc": 48})
        self.call("verify")

    def test_what_an_interrupt_throws_away_is_told(self):
        for n in range(40):
            picture = draw("bars", seed=n).convert("RGBA")
            picture.putpixel((0, 0), (0, 0, 0, 0))
            picture.save(self.path("photos/bars", f"x{n}.png"))
        os.remove(self.path("photos/bars/0.jpg"))
        os.remove(self.path("photos/bars/1.jpg"))
        process, terminal = self.begin(self.photos)
        process.send_signal(signal.SIGINT)
        printed, seen = self.end(process, terminal)
        self.assertEqual(process.returncode, 130, seen)
        self.assertIn("0 items under 0 labels", printed)
        self.assertIn("interrupted: bars and the labels after it were not "
                      "enrolled", seen)
        self.assertNotIn("with transparency", seen)
        self.assertFalse(os.path.exists(self.gallery))

    def test_odd_labels_survive(self):
        for label in ("a'b\"c", "line\nbreak", "\N{RED APPLE} Apfel",
                      "x" * 10000, "-- DROP TABLE item", "%s%n"):
            self.call("enroll", "--label", label,
                      self.path("photos/disc/0.jpg"))
            self.assertIn(label, self.labels())
            answer = lines(self.call("search", "--json", "--threshold", "0",
                                     self.path("photos/disc/0.jpg")))[0]
            self.assertEqual(answer["label"], label)
            self.call("remove", "--", label)
            self.assertNotIn(label, self.labels())

    def test_no_label_makes_no_gallery(self):
        done = self.call("enroll", "--label", "",
                         self.path("photos/disc/0.jpg"), check=USAGE)
        self.assertIn("--label: a label may not be empty", done.stderr)
        self.assertFalse(os.path.exists(self.gallery))

    def test_remove_rename_data(self):
        self.enroll()
        self.call("rename", "disc", "apple")
        self.assertIn("apple", self.labels())
        done = self.call("rename", "apple", "box", check=FAILED)
        self.assertIn("--merge", done.stderr)
        self.assertIn("apple", self.labels())  # no merge unless asked
        self.call("rename", "apple", "box", "--merge")
        self.assertEqual(self.labels()["box"], 4)
        self.call("data", "roof", '{"price": 1.5}')
        self.assertEqual(self.call("data", "roof").stdout, '{"price": 1.5}\n')
        self.assertEqual(lines(self.call("data", "--json", "roof"))[0]["data"],
                         {"price": 1.5})
        self.assertEqual(self.call("data", "bars").stdout, "")
        done = self.call("data", "rof", check=FAILED)
        self.assertIn('did you mean "roof"', done.stderr)
        shown = lines(self.call("show", "--json", "roof"))[0]
        self.assertEqual(shown["data"], {"price": 1.5})
        self.call("data", "roof", "not json", check=None)
        self.assertEqual(lines(self.call("show", "--json", "roof"))[0]["data"],
                         {"price": 1.5})
        item = shown["items"][0]["item"]
        self.call("remove", "--item", str(item))
        self.assertEqual(self.labels()["roof"], 1)
        done = self.call("remove", "rof", check=FAILED)
        self.assertIn("roof", done.stderr)  # a suggestion
        done = self.call("remove", "bars", "rof", check=FAILED)
        self.assertIn("bars", self.labels())  # all or nothing
        done = self.call("remove", "bars", "nothing", check=FAILED)
        self.assertIn("no label nothing, nor one like it", done.stderr)
        done = run("dml-gallery", "postgresql://shop/goods", "list",
                   check=FAILED)
        self.assertIn("a gallery is a file on this machine", done.stderr)

    def test_removed_bytes_are_gone(self):
        self.call("enroll", "--label", "SECRETNAME",
                  self.path("photos/disc/0.jpg"))
        self.call("remove", "SECRETNAME")
        with open(self.gallery, "rb") as file:
            self.assertNotIn(b"SECRETNAME", file.read())

    def test_show_tells_what_an_item_is_made_of(self):
        photograph = self.path("photos/disc/0.jpg")
        self.call("enroll", "--views", "3", photograph, "--label", "disc")
        item = lines(self.call("show", "--json", "disc"))[0]["items"][0]
        with open(photograph, "rb") as file:
            self.assertEqual(item["content"],
                             hashlib.sha256(file.read()).hexdigest())
        self.assertEqual(item["views"], 3)

    def test_calibrate_is_stored_and_used(self):
        rng = numpy.random.RandomState(0)
        for n in range(60):
            os.makedirs(self.path("many", f"thing{n}"))
            Image.fromarray(rng.randint(0, 255, (4, 4, 3)).astype(
                "uint8")).resize((96, 96)).save(
                    self.path("many", f"thing{n}", "0.png"))
        self.call("enroll", "--views", "1", self.path("many"))
        picture = self.path("many/thing3/0.png")
        before = lines(self.call("search", "--json", picture))[0]
        first = lines(self.call("calibrate", "--json", "-f", "0.1"))[0]
        self.assertEqual(first["schema"], "dml-calibrate/1")
        self.assertEqual(first["from"], "gallery")
        self.assertGreater(first["lead"], 0)
        self.assertLessEqual(first["lower"], 0.1)
        self.assertEqual(first["n_impostor"], 60)
        after = lines(self.call("search", "--json", "-f", "0.1", picture))[0]
        self.assertNotEqual(before["threshold"], after["threshold"])
        self.assertEqual(after["label"], "thing3")
        self.call("calibrate", "-f", "1.5", check=USAGE)

    def test_numbers_out_of_their_range(self):
        """Told with name, number and limits; NaN is no way to say nothing."""
        picture = self.path("photos/disc/0.jpg")
        self.enroll()
        rates = "0.000001..0.5"
        for option, value, limits in (
                ("threshold", "nan", "-1..1"), ("threshold", "1.5", "-1..1"),
                ("threshold", "x", "-1..1"), ("margin", "nan", "0..2"),
                ("margin", "-1", "0..2"), ("k", "0", "1..100"),
                ("false-accept-rate", "0.6", rates),
                ("false-accept-rate", "nan", rates),
                ("false-accept-rate", "0", rates)):
            done = self.call("search", f"--{option}={value}", picture,
                             check=USAGE)
            self.assertIn(f"--{option}: {value} is not within {limits}",
                          done.stderr)
            self.assertEqual(done.stdout, "")
        self.call("search", "--threshold=-1", "-t", "0.5", picture)
        self.call("search", "-f", "0.5", picture)
        for program in (("dml-gallery", self.gallery, "search"),
                        ("dml-gallery", self.gallery, "calibrate"),
                        ("dml-embed",)):
            self.assertRegex(run(*program, "--help").stdout,
                             r"(?s)false-accept-rate.*0\.000001\.\.0\.5")
        for command, option, value, limits in (
                ("gallery", "items", 0, "1..10000000"),
                ("gallery", "labels", 20000, "1..10000"),
                ("gallery", "queries", 0, "1..1000000"),
                ("encoder", "batch", 0, "1..1024"),
                ("encoder", "runs", 0, "1..1000000"),
                ("pipeline", "frames", 1, "50..100000"),
                ("pipeline", "width", 63, "64..16384"),
                ("train", "batch", 2, "4..256"),
                ("train", "threads", -1, "0..256")):
            done = run("dml-bench", command, f"--{option}={value}", check=USAGE)
            self.assertIn(f"--{option}: {value} is not within {limits}",
                          done.stderr)
        done = run("dml-eval", "default", self.photos, "--ways=1",
                   "--protocol=one-shot", check=USAGE)
        self.assertIn("--ways: 1 is not within 2..", done.stderr)

    def test_few_labels_take_the_encoders_threshold_for_the_rate(self):
        import onnx
        told = sorted((t["far"], t["threshold"]) for t in json.loads(next(
            p.value for p in onnx.load(os.path.join(
                os.environ["DML_TEST_SOURCE_ROOT"],
                "lib/encoder/default.onnx")).metadata_props
            if p.key == "dml.thresholds")))
        picture = self.path("photos/disc/0.jpg")
        self.enroll()
        for rate in 0.05, 0.02, 0.005, told[-1][0] * 2, told[0][0] / 2:
            wanted = numpy.interp(numpy.log(rate),
                                  *zip(*((numpy.log(r), t) for r, t in told)))
            answer = lines(self.call("calibrate", "--json", "-f", rate))[0]
            self.assertEqual(answer["wished"], rate)
            self.assertAlmostEqual(answer["threshold"], wanted, places=9)
            found = lines(self.call("search", "--json", "-f", rate, picture))[0]
            self.assertEqual(found["threshold"], answer["threshold"])
            inside = told[0][0] <= rate <= told[-1][0]
            self.assertEqual(answer["false_accept_rate"] == rate, inside)
            said = self.call("calibrate", "-f", rate).stdout
            self.assertEqual("it tells none for" in said, not inside)
            self.assertEqual("none nearer to the wished" in
                             found["explanation"], not inside)

    def test_export(self):
        self.enroll()
        self.call("export", "-o", self.path("g.npy"))
        x = numpy.load(self.path("g.npy"))
        with open(self.path("g.txt"), encoding="utf-8") as names:
            self.assertEqual(len(names.read().splitlines()), len(x))
        rows = lines(self.call("export"))
        numpy.testing.assert_array_equal(
            numpy.array([r["embedding"] for r in rows], dtype="float32"), x)

    def test_verify_finds_damage(self):
        self.enroll()
        self.assertIn("sound", self.call("verify").stdout)
        with sqlite3.connect(self.gallery) as db:
            for (name,) in db.execute("SELECT name FROM sqlite_schema "
                                      "WHERE type = 'trigger'").fetchall():
                db.execute(f"DROP TRIGGER {name}")
            db.execute("UPDATE item SET vector = x'00' WHERE id = 2")
        db.close()
        done = self.call("verify", check=BAD_DATA)
        self.assertIn("2", done.stdout)
        done = self.call("search", self.path("photos/disc/0.jpg"),
                         check=BAD_DATA)
        self.assertIn("shop.bin", done.stderr)

    def test_verify_names_thumbnails_that_are_no_pictures(self):
        self.enroll()
        with sqlite3.connect(self.gallery) as db:
            db.execute("UPDATE item SET thumbnail = x'ffd8ff00' WHERE id = 2")
            db.execute("UPDATE item SET thumbnail = substr (thumbnail, 1,"
                       " length (thumbnail) - 40) WHERE id = 3")
            db.execute("UPDATE item SET thumbnail = 'none' WHERE id = 4")
            db.execute("UPDATE item SET thumbnail = NULL WHERE id = 5")
        db.close()
        done = self.call("verify", check=BAD_DATA).stdout.splitlines()
        self.assertEqual([line.split(":")[0] for line in done],
                         ["item 2", "item 3", "item 4"])
        for line in done:
            self.assertIn(": its thumbnail: ", line)
        # It matches as before: only sheets show them.
        self.call("search", self.path("photos/disc/0.jpg"))

    def test_wrong_files_are_errors_not_unknowns(self):
        picture = self.path("photos/disc/0.jpg")
        done = self.call("search", picture, check=FAILED)
        self.assertIn("shop.bin", done.stderr)
        self.assertFalse(os.path.exists(self.gallery))
        with open(self.gallery, "wb"):
            pass
        self.call("search", picture, check=BAD_DATA)
        with open(self.gallery, "wb") as file:
            file.write(b"this is no database" * 100)
        self.call("list", check=BAD_DATA)
        self.call("enroll", self.photos, check=BAD_DATA)

    def test_a_gallery_of_another_encoder_is_refused(self):
        self.enroll()
        with sqlite3.connect(self.gallery) as db:
            names = [k for k, v in db.execute("SELECT key, value FROM gallery")
                     if isinstance(v, str) and len(v) == 64]
            self.assertEqual(len(names), 1)
            db.execute("UPDATE gallery SET value = ? WHERE key = ?",
                       ("0" * 64, names[0]))
        db.close()
        done = self.call("search", self.path("photos/disc/0.jpg"),
                         check=MISMATCH)
        self.assertIn("00000000", done.stderr)
        self.assertIn("--encoder", done.stderr)
        self.call("enroll", self.photos, check=MISMATCH)

    def test_changes_as_json(self):
        self.enroll()
        renamed = lines(self.call("rename", "disc", "round", "--json"))[0]
        self.assertEqual((renamed["schema"], renamed["old"], renamed["label"]),
                         ("dml-rename/1", "disc", "round"))
        said = lines(self.call("data", "round", '{"price": 2}', "--json"))[0]
        self.assertEqual((said["schema"], said["label"]),
                         ("dml-data/1", "round"))
        removed = lines(self.call("remove", "round", "--json"))[0]
        self.assertEqual((removed["schema"], removed["items"]),
                         ("dml-remove/1", 2))
        self.assertEqual(lines(self.call("export", "--json"))[0]["schema"],
                         "dml-export/1")
        self.call("export", "--json", "-o", self.path("x.npy"), check=USAGE)

    def test_enrolling_twice_adds_nothing(self):
        first = lines(self.call("enroll", "--json", self.photos))[0]
        self.assertEqual((first["items"], first["known"], first["twins"]),
                         (8, 0, []))
        again = lines(self.call("enroll", "--json", self.photos))[0]
        self.assertEqual((again["items"], again["labels"], again["known"]),
                         (0, 0, 8))
        done = self.call("enroll", self.photos)
        self.assertIn("8 were enrolled already and left out", done.stderr)
        self.assertIn("--again", done.stderr)
        self.assertEqual(self.labels(), {name: 2 for name in SHAPES})
        draw("disc").crop((30, 10, 90, 60)).save(
            self.path("photos/disc/new.jpg"))
        more = lines(self.call("enroll", "--json", self.photos))[0]
        self.assertEqual((more["items"], more["known"]), (1, 8))
        self.call("enroll", "--again", self.path("photos/box"), "--label",
                  "box")
        self.assertEqual(self.labels()["box"], 4)

    def test_messages_read_well(self):
        picture = self.path("photos/disc/0.jpg")
        said = self.call("enroll", "--label", "a", "--views", "1", picture)
        self.assertIn("1 item under 1 label added to", said.stdout)
        said = self.call("list").stderr
        self.assertTrue(said.startswith("dml-gallery list: 1 item, 1 label, "),
                        said)
        # All of a word would change: nothing like it was meant.
        for command in (("remove", "c"), ("show", "c"), ("rename", "c", "d")):
            said = self.call(*command, check=FAILED).stderr
            self.assertNotIn("did you mean", said)
            self.assertTrue(said.startswith(f"dml-gallery {command[0]}: "),
                            said)
        self.assertIn("nor one like it",
                      self.call("remove", "c", check=FAILED).stderr)
        done = self.call("list", "too", "much", check=USAGE)
        self.assertNotIn("FILE", done.stderr)
        self.assertIn(f"Try 'dml-gallery {self.gallery} list --help'",
                      done.stderr)

    def test_a_label_that_is_no_text(self):
        done = self.call("enroll", "--label", b"bad\xff".decode(
            errors="surrogateescape"), self.photos, check=USAGE)
        self.assertIn("--label: bad\\xff is not UTF-8", done.stderr)
        done = self.call("enroll", "--label=\udcff", self.photos, check=USAGE)
        self.assertIn("--label: \\xff is not UTF-8", done.stderr)
        done = self.call("enroll", "-l", "\udcf0a", self.photos, check=USAGE)
        self.assertIn("-l: \\xf0a is not UTF-8", done.stderr)
        self.assertFalse(os.path.exists(self.gallery))

    def test_odd_characters_look_the_same_everywhere(self):
        picture = self.path("photos/disc/0.jpg")
        self.call("enroll", "--label", "line\nbreak\x1b[2J", picture)
        shown = "line\\x0abreak\\x1b[2J"
        answer = self.call("search", "--threshold", "0", picture)
        self.assertEqual(answer.stdout.count(shown), 3, answer.stdout)
        self.assertIn(shown, self.call("list").stdout)
        wrong = "line\nbroke\x1b[2J"
        for command in (("show", wrong), ("remove", wrong)):
            done = self.call(*command, check=FAILED)
            self.assertIn(shown, done.stderr)
            self.assertNotIn("\x1b", done.stderr)

    def test_one_picture_under_two_labels_is_told(self):
        self.enroll()
        picture = self.path("photos/disc/0.jpg")
        done = self.call("enroll", "--label", "coin", picture)
        self.assertIn(f"{picture}: enrolled as coin, but disc has the same "
                      "picture (item", done.stderr)
        self.assertEqual(self.labels()["coin"], 1)
        # Under its own label too now: nothing to tell, nothing to add.
        twice = lines(self.call("enroll", "--json", "--label", "coin",
                                picture))[0]
        self.assertEqual((twice["known"], twice["twins"]), (1, []))
        told = lines(self.call("enroll", "--json", "--label", "button",
                               picture))[0]["twins"]
        self.assertEqual([(t["picture"], t["label"]) for t in told],
                         [(picture, "button")])
        self.assertIn(told[0]["other"], ("disc", "coin"))

    def overwrite_pages(self):
        """The first page of the items becomes rubbish; returns which it is."""
        with open(self.gallery, "rb") as file:
            data = file.read()
        size = int.from_bytes(data[16:18], "big") % 65535 or 65536
        with sqlite3.connect(self.gallery) as db:
            root, = db.execute("SELECT rootpage FROM sqlite_schema "
                               "WHERE name = 'item'").fetchone()
        db.close()
        at = (root - 1) * size
        with open(self.gallery, "wb") as file:
            file.write(data[:at] + b"\xff" * size + data[at + size:])
        return root

    def test_damage_is_told_before_anything_is_added(self):
        self.enroll()
        page = self.overwrite_pages()
        with open(self.gallery, "rb") as file:
            before = file.read()
        draw("disc", seed=9).save(self.path("new.jpg"))
        done = self.call("enroll", "--label", "disc", self.path("new.jpg"),
                         check=BAD_DATA)
        self.assertIn("shop.bin", done.stderr)
        self.assertIn("damaged", done.stderr)
        self.assertEqual(done.stdout, "")
        with open(self.gallery, "rb") as file:
            # SQLite counts in the first page who opened it for writing.
            self.assertEqual(file.read()[100:], before[100:])
        done = self.call("verify", check=BAD_DATA)
        self.assertIn(f"page {page} of the file is damaged (SQLite: ",
                      done.stdout)
        for line in done.stdout.splitlines():
            self.assertFalse(line.startswith(("Tree", "***", "btree")), line)

    def test_one_bad_picture_of_many(self):
        bad = self.path("photos/disc/bad.jpg")
        with open(bad, "w", encoding="utf-8") as file:
            file.write("no picture")
        done = self.call("enroll", "--views", "1", self.photos, check=BAD_DATA)
        self.assertIn(bad, done.stderr)
        self.assertEqual(sum(self.labels().values()), 8)

    def test_a_picture_in_which_the_encoder_sees_nothing(self):
        """ReLU at the end, all black: all zero. The square root of less than
        the mean: not a number. Either is named, and the others enrolled."""
        black = self.path("photos/disc/black.png")
        Image.new("RGB", (64, 64)).save(black)
        for last, why, good in ("Relu", "sees nothing in it", True), \
                               ("Sqrt", "not finite", False):
            encoder = toy_encoder(self.path(last + ".onnx"), last)
            white = self.path(last + ".png")
            Image.new("RGB", (64, 64), "white").save(white)
            self.gallery = self.path(last + ".bin")
            done = self.call("enroll", "--encoder", encoder, "--views", "1",
                             white, self.photos, check=BAD_DATA)
            self.assertRegex(done.stderr, f"(?m)^.*{black}: .*{why}")
            found = self.labels()
            self.assertEqual(found[last], 1)
            if good:
                self.assertEqual(found["disc"], 2)
            self.call("verify")

    def test_folders_in_disorder(self):
        """A pipe is not waited for, a link that leads back up not followed, a
        folder that cannot be read told; the others are enrolled."""
        os.mkfifo(self.path("photos/disc/pipe.jpg"))
        os.symlink("..", self.path("photos/disc/up"))
        shut = self.path("photos/shut")
        os.mkdir(shut)
        os.chmod(shut, 0)
        os.chmod(self.dir, 0o777)
        done = self.call("enroll", "--views", "1", self.photos, check=BAD_DATA,
                         user=SOMEBODY, timeout=TIMEOUT)
        self.assertIn("pipe.jpg: not a regular file", done.stderr)
        self.assertIn("up: leads back to a folder above", done.stderr)
        self.assertIn("shut: Permission denied", done.stderr)
        self.assertEqual(self.labels(), {name: 2 for name in SHAPES})
        done = self.call("search", self.photos, check=BAD_DATA, user=SOMEBODY,
                         timeout=TIMEOUT)
        self.assertIn("pipe.jpg: not a regular file", done.stderr)
        done = run("dml-embed", "default", self.photos, "--csv", check=BAD_DATA,
                   user=SOMEBODY, timeout=TIMEOUT)
        self.assertIn("shut: Permission denied", done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 8)
        os.rmdir(shut)
        os.remove(self.path("photos/disc/pipe.jpg"))
        self.call("enroll", "--views", "1", self.photos)

    def test_read_only(self):
        if os.geteuid() == 0:
            self.skipTest("root may write everywhere")
        self.enroll()
        os.chmod(self.gallery, 0o444)
        self.call("remove", "disc", check=FAILED)
        self.call("search", self.path("photos/disc/0.jpg"))

    def test_two_processes_enroll_at_once(self):
        runs = [subprocess.Popen(
            [os.path.join(PROGRAMS, "dml-gallery"), self.gallery, "enroll",
             "--views", "1", "--label", f"writer{n}", self.photos],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            for n in range(3)]
        for process in runs:
            _, err = process.communicate(timeout=TIMEOUT)
            self.assertEqual(process.returncode, 0, err)
        self.assertEqual(self.labels(), {f"writer{n}": 8 for n in range(3)})

    def test_mistakes_are_told(self):
        self.enroll()
        done = self.call("serach", check=USAGE)
        self.assertIn("search", done.stderr)
        done = self.call("search", "--encoder", "defualt", self.photos,
                         check=FAILED)
        self.assertIn("did you mean default", done.stderr)
        done = self.call("search", "--shet", "x.png", self.photos, check=USAGE)
        self.assertIn("--sheet", done.stderr)
        self.call("search", "--k", "0", self.photos, check=USAGE)
        self.call("search", "--classifier", "cnn", self.photos, check=USAGE)
        self.call("search", "--threshold", "abc", self.photos, check=USAGE)
        self.call("enroll", check=USAGE)
        os.makedirs(self.path("nothing"))
        done = self.call("enroll", self.path("nothing"), check=BAD_DATA)
        self.assertIn("nothing", done.stderr)
        for command in ("enroll", "list", "show", "search", "remove", "rename",
                        "data", "calibrate", "verify", "diff", "merge",
                        "re-embed", "export"):
            said = self.call(command, "--help").stdout
            self.assertIn("Usage", said)
            self.assertRegex(said, rf"Examples?:\n  dml-gallery \S+ {command}",
                             command)
        self.assertIn("--version", run("dml-gallery", "--help").stdout)


if __name__ == "__main__":
    unittest.main()
