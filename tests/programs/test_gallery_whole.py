"""dml-gallery re-embed, diff and merge as a user runs them: galleries as
wholes."""
import itertools
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import time

from common import (BAD_DATA, FAILED, MISMATCH, OK, PROGRAMS, SHAPES, TIMEOUT,
                    USAGE, ProgramTest, draw, lines, run)

DIFFERENT = 5
DEFAULT = os.path.join(os.environ["DML_TEST_SOURCE_ROOT"], "lib", "encoder",
                       "default.onnx")


def another_encoder(path):
    """The built-in encoder with another normalisation, so another one: a model
    goes on after its end, and of two entries of a key the last one holds."""
    entry = b"".join(bytes([tag, len(text)]) + text for tag, text in
                     ((0x0a, b"dml.std"), (0x12, b"0.3,0.3,0.3")))
    shutil.copy(DEFAULT, path)
    with open(path, "ab") as file:
        file.write(bytes([0x72, len(entry)]) + entry)
    return path


class Whole(ProgramTest):
    def setUp(self):
        super().setUp()
        self.new = self.path("new.bin")
        self.encoder = another_encoder(self.path("new.onnx"))
        self.call("enroll", self.photos)

    def call(self, *args, check=OK, gallery=None, **kwargs):
        return run("dml-gallery", gallery or self.gallery, *args, check=check,
                   **kwargs)

    def reembed(self, *args, check=OK, **kwargs):
        return self.call("re-embed", "-e", self.encoder, "-o", self.new, *args,
                         check=check, **kwargs)

    def rows(self, gallery, sql):
        with sqlite3.connect(gallery) as db:
            rows = db.execute(sql).fetchall()
        db.close()
        return rows

    def by_hand(self, *statements):
        with sqlite3.connect(self.gallery) as db:
            for statement in statements:
                db.execute(statement)
        db.close()

    def left(self):
        """What lies in the folder beside what the test put there."""
        return sorted(set(os.listdir(self.dir)) -
                      {"photos", "shop.bin", "new.onnx"})


class ReEmbed(Whole):
    KEPT = ("SELECT item.id, label.id, name, data, quality, source, added,"
            " thumbnail, content, views FROM item JOIN label"
            " ON label.id = label_id ORDER BY item.id")

    def test_all_but_the_vectors_stays(self):
        self.call("data", "disc", '{"price": 2}')
        self.call("enroll", "--views", "3", "--label", "odd",
                  self.path("photos/disc/0.jpg"))
        self.call("remove", "bars")
        self.by_hand("INSERT INTO tag VALUES (3, 'front')")
        before = self.rows(self.gallery, self.KEPT)
        with open(self.gallery, "rb") as file:
            old = file.read()
        done = self.reembed("--json")
        report = lines(done)[0]
        self.assertEqual(report["schema"], "dml-re-embed/1")
        self.assertEqual((report["items"], report["labels"], report["lost"]),
                         (7, 4, []))
        self.assertEqual(self.rows(self.new, self.KEPT), before)
        self.assertEqual(self.rows(self.new, "SELECT * FROM tag"),
                         [(3, "front")])
        self.assertEqual(self.rows(
            self.new, "SELECT seq FROM sqlite_sequence WHERE name = 'item'"),
            [(9,)])
        self.assertEqual(self.left(), ["new.bin"])
        with open(self.gallery, "rb") as file:
            self.assertEqual(file.read(), old)
        self.call("verify", gallery=self.new)
        answer = lines(self.call(
            "search", "--json", "-e", self.encoder, "--threshold", "0.9",
            self.path("photos/roof/1.jpg"), gallery=self.new))[0]
        self.assertEqual(answer["label"], "roof")
        self.call("search", self.path("photos/roof/1.jpg"), gallery=self.new,
                  check=MISMATCH)

    def test_as_if_enrolled_with_it(self):
        self.reembed()
        self.call("enroll", "-e", self.encoder, self.photos,
                  gallery=self.path("enrolled.bin"))
        vectors = "SELECT source, vector, probe FROM item ORDER BY source"
        self.assertEqual(self.rows(self.new, vectors),
                         self.rows(self.path("enrolled.bin"), vectors))

    def test_gone_and_changed_are_named(self):
        os.remove(self.path("photos/disc/0.jpg"))
        os.remove(self.path("photos/roof/0.jpg"))
        os.remove(self.path("photos/roof/1.jpg"))
        draw("bars", seed=9).save(self.path("photos/box/1.jpg"))
        with open(self.path("photos/bars/1.jpg"), "wb") as file:
            file.write(b"no picture")
        done = self.reembed("--json", check=BAD_DATA)
        report = lines(done)[0]
        self.assertEqual(
            sorted((row["label"], row["reason"]) for row in report["lost"]),
            [("bars", "changed"), ("box", "changed"), ("disc", "gone"),
             ("roof", "gone"), ("roof", "gone")])
        self.assertIn("photos/disc/0.jpg is gone", done.stderr)
        self.assertIn("photos/box/1.jpg is another picture now", done.stderr)
        self.assertIn("5 items without a photograph were left out",
                      done.stderr)
        self.assertIn("1 label is without items now", done.stderr)
        self.assertIn("--photos", done.stderr)
        self.assertEqual(report["items"], 3)

    def test_moved_photographs_are_found_by_content(self):
        shutil.move(self.path("photos"), self.path("archive"))
        os.makedirs(self.path("photos/disc"))
        os.rename(self.path("archive/disc/0.jpg"),
                  self.path("archive/roof/zero.jpg"))
        self.reembed(check=FAILED)
        self.assertEqual(self.left(), ["archive"])
        done = self.reembed("--json", "--photos", self.path("archive"))
        self.assertEqual(lines(done)[0]["moved"], 8)
        self.assertEqual(
            self.rows(self.new, "SELECT source FROM item WHERE label_id ="
                      " (SELECT id FROM label WHERE name = 'disc')"),
            [(self.path("archive/roof/zero.jpg"),),
             (self.path("archive/disc/1.jpg"),)])

    def test_an_older_gallery_tells_by_thumbnails(self):
        self.by_hand("UPDATE item SET content = NULL, views = NULL",
                     "UPDATE item SET thumbnail = NULL WHERE id = 8")
        draw("bars", seed=9).save(self.path("photos/box/1.jpg"))
        os.makedirs(self.path("archive"))
        os.rename(self.path("photos/disc/0.jpg"), self.path("archive/x.jpg"))
        report = lines(self.reembed("--json", "--photos", self.path("archive"),
                                    check=BAD_DATA))[0]
        self.assertEqual([row["reason"] for row in report["lost"]],
                         ["changed"])
        self.assertEqual((report["moved"], report["unchecked"]), (1, 1))
        self.assertEqual(self.rows(self.new,
                                   "SELECT min(views), count(content)"
                                   " FROM item"), [(12, 7)])

    def test_a_camera_left_no_photograph(self):
        self.by_hand("UPDATE item SET content = NULL, views = NULL, source ="
                     " 'stream, 0:00:01.000000000' WHERE id = 1",
                     "DROP TRIGGER item_vector_is_fixed",
                     "UPDATE item SET probe = NULL WHERE id = 1")
        done = self.reembed(check=BAD_DATA)
        self.assertIn("item 1 of bars came from a camera", done.stderr)
        self.assertNotIn("--photos", done.stderr)

    def test_calibrated_again_where_it_was(self):
        for n in range(12):
            os.makedirs(self.path("many", f"thing{n}"))
            draw("disc", size=40 + 6 * n, seed=n).save(
                self.path("many", f"thing{n}", "0.png"))
        self.call("enroll", "--views", "1", self.path("many"))
        self.assertFalse(lines(self.reembed("--json"))[0]["calibrated"])
        os.remove(self.new)
        self.call("calibrate", "-f", "0.07")
        self.assertTrue(lines(self.reembed("--json"))[0]["calibrated"])
        keys = "SELECT key FROM calibration ORDER BY key"
        self.assertIn(("item/0.07",), self.rows(self.new, keys))
        self.assertEqual(self.rows(self.new, keys),
                         self.rows(self.gallery, keys))

    def test_nothing_is_written_over(self):
        self.reembed()
        with open(self.new, "rb") as file:
            before = file.read()
        done = self.reembed(check=USAGE)
        self.assertIn("is there already", done.stderr)
        with open(self.new, "rb") as file:
            self.assertEqual(file.read(), before)
        self.call("re-embed", check=USAGE)
        self.call("re-embed", "-o", self.gallery, check=USAGE)

    def test_a_full_disk_leaves_nothing(self):
        for blocks in (0, 1, 8, 20, 60):
            done = self.reembed(check=FAILED, preexec_fn=lambda: (
                resource.setrlimit(resource.RLIMIT_FSIZE,
                                   (1024 * blocks, 1024 * blocks))))
            self.assertIn("new.bin", done.stderr)
            self.assertEqual(self.left(), [])
        self.call("verify")

    def test_killed_or_interrupted(self):
        for n in range(40):
            draw("roof", seed=n).save(self.path("photos/roof", f"x{n}.jpg"))
        self.call("enroll", "--views", "1", self.photos)
        command = [os.path.join(PROGRAMS, "dml-gallery"), self.gallery,
                   "re-embed", "-e", self.encoder, "-o", self.new]
        n_stopped = 0
        for deadly, rest in itertools.product((signal.SIGKILL, signal.SIGINT),
                                              (0, 0.2)):
            process = subprocess.Popen(command, stderr=subprocess.PIPE,
                                       stdout=subprocess.DEVNULL, text=True)
            deadline = time.monotonic() + 120
            while process.poll() is None and not any(
                    name.startswith("new.bin.new-") for name in self.left()):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.01)
            time.sleep(rest)
            process.send_signal(deadly)
            said = process.communicate(timeout=TIMEOUT)[1]
            if process.returncode == 0:  # before it was stopped
                os.remove(self.new)
                continue
            n_stopped += 1
            self.assertFalse(os.path.exists(self.new), said)
            if deadly == signal.SIGINT:
                self.assertEqual(process.returncode, 130)
                self.assertIn("nothing was written", said)
            for name in self.left():  # of the one that was killed
                self.assertTrue(name.startswith("new.bin.new-"), name)
                self.assertEqual(deadly, signal.SIGKILL)
                os.remove(self.path(name))
        self.assertGreater(n_stopped, 0)
        self.call("verify")
        self.reembed()


class Diff(Whole):
    def setUp(self):
        super().setUp()
        self.other = self.path("other.bin")
        shutil.copy(self.gallery, self.other)

    def diff(self, check=DIFFERENT):
        done = self.call("diff", "--json", self.other, check=check)
        answer = lines(done)[0]
        self.assertEqual(answer["schema"], "dml-diff/1")
        self.assertEqual(answer["equal"], check == OK)
        return {(row["kind"], row.get("label")) for row in
                answer["differences"]}

    def test_equal_whatever_the_numbers(self):
        self.assertEqual(self.diff(check=OK), set())
        os.remove(self.other)
        for name in reversed(list(SHAPES)):
            self.call("enroll", "--label", name, self.path("photos", name),
                      gallery=self.other)
        self.assertEqual(self.diff(check=OK), set())
        done = self.call("diff", self.other)
        self.assertEqual(done.stdout, "")
        self.assertIn("hold the same", done.stderr)

    def test_labels_data_and_items(self):
        self.call("remove", "disc", gallery=self.other)
        draw("disc", seed=7).save(self.path("ring.jpg"))
        self.call("enroll", self.path("ring.jpg"), gallery=self.other)
        self.call("data", "box", '{"price": 1}', gallery=self.other)
        self.call("remove", "--item", "1", gallery=self.other)
        draw("roof", seed=7).save(self.path("roof7.jpg"))
        self.call("enroll", "--label", "roof", self.path("roof7.jpg"),
                  gallery=self.other)
        self.assertEqual(self.diff(), {
            ("label-removed", "disc"), ("label-added", "ring"),
            ("data", "box"), ("item-removed", "bars"), ("item-added", "roof")})
        done = self.call("diff", self.other, check=DIFFERENT)
        self.assertIn("- disc: 2 items\n", done.stdout)
        self.assertIn("+ ring: 1 item\n", done.stdout)
        self.assertIn("~ box: its data\n", done.stdout)
        self.assertIn("- bars: item 1, " + self.path("photos/bars/0.jpg"),
                      done.stdout)

    def test_other_views_of_the_same_photograph(self):
        os.remove(self.other)
        self.call("enroll", "--views", "1", self.photos, gallery=self.other)
        self.assertEqual({kind for kind, _ in self.diff()}, {"embedding"})

    def test_two_encoders_are_compared_by_photograph(self):
        self.reembed()
        self.other = self.new
        self.assertEqual(self.diff(), {("encoder", None)})
        os.rename(self.path("photos/box/0.jpg"), self.path("away.jpg"))
        os.remove(self.new)
        self.reembed(check=BAD_DATA)
        self.assertEqual(self.diff(), {("encoder", None),
                                       ("item-removed", "box")})
        # neither content nor thumbnails: by path
        self.by_hand("UPDATE item SET content = NULL, thumbnail = NULL")
        self.assertEqual(self.diff(), {("encoder", None),
                                       ("item-removed", "box")})

    def test_calibration(self):
        for n in range(12):
            draw("disc", size=40 + 6 * n, seed=n).save(
                self.path(f"thing{n}.png"))
            self.call("enroll", "--views", "1", self.path(f"thing{n}.png"))
        shutil.copy(self.gallery, self.other)
        self.call("calibrate")
        self.assertEqual(self.diff(), {("calibration", None)})
        self.call("calibrate", gallery=self.other)
        self.assertEqual(self.diff(check=OK), set())
        self.call("remove", "thing3", gallery=self.other)
        self.call("calibrate", gallery=self.other)
        self.assertEqual(self.diff(), {("calibration", None),
                                       ("label-removed", "thing3")})

    def test_trouble_is_no_difference(self):
        self.call("diff", self.path("nothing.bin"), check=FAILED)
        self.call("diff", self.encoder, check=BAD_DATA)
        self.call("diff", check=USAGE)


class Merge(Whole):
    """A branch has the shop's discs, one more, and a thing of its own."""

    def setUp(self):
        super().setUp()
        self.branch = self.path("branch.bin")
        draw("roof").rotate(180).save(self.path("disc7.jpg"))
        draw("bars").rotate(90).save(self.path("ring.jpg"))
        for label, *pictures in (("disc", "photos/disc", "disc7.jpg"),
                                 ("ring", "ring.jpg")):
            self.call("enroll", "--label", label, *map(self.path, pictures),
                      gallery=self.branch)
        self.call("data", "ring", '{"sku": 5}', gallery=self.branch)
        self.call("data", "disc", '{"sku": 6}', gallery=self.branch)
        self.sizes = "SELECT name, count(item.id), data FROM label" \
            " LEFT JOIN item ON label.id = label_id GROUP BY name"

    def merge(self, *args, **kwargs):
        return self.call("merge", self.branch, *args, **kwargs)

    def test_what_is_new_comes_once(self):
        before = self.rows(self.gallery, self.sizes)
        dry = lines(self.merge("--json", "--dry-run"))[0]
        self.assertEqual(self.rows(self.gallery, self.sizes), before)
        with open(self.branch, "rb") as file:
            branch = file.read()
        report = lines(self.merge("--json"))[0]
        self.assertEqual(report, dict(dry, dry_run=False))
        self.assertEqual(report["schema"], "dml-merge/1")
        self.assertEqual((report["labels"], report["items"], report["known"]),
                         (1, 2, 2))
        after = {name: (n, data) for name, n, data in
                 self.rows(self.gallery, self.sizes)}
        self.assertEqual(after["disc"], (3, '{"sku": 6}'))
        self.assertEqual(after["ring"], (1, '{"sku": 5}'))
        self.assertEqual(after["box"], (2, None))
        with open(self.branch, "rb") as file:
            self.assertEqual(file.read(), branch)
        whole = ("SELECT vector, quality, source, added, thumbnail, probe,"
                 " content, views FROM item WHERE source LIKE '%ring.jpg'")
        self.assertEqual(self.rows(self.gallery, whole),
                         self.rows(self.branch, whole))
        self.call("verify")
        again = lines(self.merge("--json"))[0]
        self.assertEqual((again["items"], again["known"], again["changes"]),
                         (0, 4, []))
        removed = self.rows(self.gallery, "SELECT value FROM gallery WHERE"
                            " key = 'revision'")
        self.merge()
        self.assertEqual(removed, self.rows(
            self.gallery, "SELECT value FROM gallery WHERE key = 'revision'"))

    def test_it_is_told(self):
        self.call("data", "disc", '{"sku": 1}')
        self.call("enroll", "--label", "hoop", self.path("ring.jpg"))
        done = self.merge("--dry-run")
        self.assertIn("+ ring: 1 item, a new label\n", done.stdout)
        self.assertIn("+ disc: 1 item\n", done.stdout)
        self.assertIn("2 items and 1 new label would be taken", done.stdout)
        self.assertIn("disc: its data stays", done.stderr)
        self.assertIn("2 items are there already", done.stderr)
        self.assertIn("has the same picture under hoop", done.stderr)
        report = lines(self.merge("--json"))[0]
        self.assertEqual(report["kept"], ["disc"])
        self.assertEqual([(t["label"], t["other"]) for t in report["twins"]],
                         [("ring", "hoop")])

    def test_calibration_is_of_before(self):
        for n in range(12):
            draw("disc", size=40 + 6 * n, seed=n).save(
                self.path(f"thing{n}.png"))
            self.call("enroll", "--views", "1", self.path(f"thing{n}.png"))
        self.assertFalse(lines(self.merge("--json", "-n"))[0]["calibrate"])
        self.call("calibrate")
        self.assertIn("'calibrate' measures them again", self.merge().stderr)

    def test_same_photograph_with_other_views_is_not_doubled(self):
        os.remove(self.branch)
        self.call("enroll", "--views", "1", self.photos, gallery=self.branch)
        self.assertEqual(lines(self.merge("--json"))[0]["known"], 8)

    def test_an_older_schema_takes_a_newer_ones_items(self):
        self.by_hand("DROP TRIGGER item_vector_is_fixed",
                     "UPDATE item SET content = NULL")
        self.assertEqual(lines(self.merge("--json"))[0]["known"], 2)

    def test_refused(self):
        self.reembed()
        done = self.call("merge", self.new, check=MISMATCH)
        self.assertIn("cannot be joined", done.stderr)
        self.assertIn("new.bin", done.stderr)
        done = self.call("merge", self.gallery, check=USAGE)
        self.assertIn("are the same gallery", done.stderr)
        os.link(self.gallery, self.path("link.bin"))
        self.call("merge", self.path("link.bin"), check=USAGE)
        self.call("merge", self.path("nothing.bin"), check=FAILED)
        self.call("merge", check=USAGE)
        before = self.rows(self.gallery, self.sizes)
        with sqlite3.connect(self.branch) as db:
            db.execute("DROP TRIGGER item_vector_is_fixed")
            db.execute("UPDATE item SET vector = x'00' WHERE id = 4")
        db.close()
        self.assertIn("item 4", self.merge(check=BAD_DATA).stderr)
        self.assertEqual(self.rows(self.gallery, self.sizes), before)

    def test_a_full_disk_or_a_kill_takes_nothing_or_all(self):
        for n in range(30):
            draw("roof", seed=100 + n).save(
                self.path("photos/roof", f"x{n}.jpg"))
        self.call("enroll", "--views", "1", self.photos, gallery=self.branch)
        before = self.rows(self.gallery, self.sizes)
        size = os.path.getsize(self.gallery)
        self.merge(check=FAILED, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (size, size)))
        self.assertEqual(self.rows(self.gallery, self.sizes), before)
        shutil.copy(self.gallery, self.path("whole.bin"))
        begun = time.monotonic()
        self.call("merge", self.branch, gallery=self.path("whole.bin"))
        took = time.monotonic() - begun
        after = self.rows(self.path("whole.bin"), self.sizes)
        for part in (0.05, 0.2, 0.3, 0.45, 0.6, 0.75, 0.9):
            process = subprocess.Popen(
                [os.path.join(PROGRAMS, "dml-gallery"), self.gallery, "merge",
                 self.branch], stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            time.sleep(part * took)
            process.kill()
            process.wait()
            self.call("verify")
            self.assertIn(self.rows(self.gallery, self.sizes), (before, after))
        self.merge()
        self.assertEqual(self.rows(self.gallery, self.sizes), after)
