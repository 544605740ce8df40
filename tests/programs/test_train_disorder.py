"""dml-train on what people really have: every kind of disorder, told in words."""
import io
import os
import tarfile
import unittest
import zipfile

from PIL import Image

from common import (BAD_DATA, FAILED, OK, SOMEBODY, TIMEOUT, USAGE, draw,
                    run)
from training import SMALL, TrainTest, paint, paint_classes

QUICK = ["--epochs=1", *SMALL]


def write(path, data=b""):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def png(number, seed):
    out = io.BytesIO()
    paint(number, seed).save(out, "png")
    return out.getvalue()


class FolderTest(TrainTest):
    def setUp(self):
        super().setUp()
        self.mess = self.path("mess")
        paint_classes(self.mess, 6, 6)

    def train(self, *data, check=OK, options=()):
        data = data or (self.mess,)
        done = run("dml-train", *data, "-o", self.out, *QUICK, *options,
                   check=check)
        for line in done.stderr.splitlines():
            self.assertNotIn("Traceback", line)
            self.assertNotIn("CRITICAL", line)
        return done.stderr

    def test_everything_at_once(self):
        """Unreadable pictures, empty files, texts, nested folders, pictures in
        no folder, one-picture classes, odd names, links: it trains, and says
        what it left out and why."""
        join = os.path.join
        write(join(self.mess, "thing-00", "empty.jpg"))
        write(join(self.mess, "thing-01", "text.jpg"), b"this is no picture\n")
        write(join(self.mess, "thing-02", "cut.png"), png(2, 99)[:200])
        write(join(self.mess, "thing-02", "notes.txt"), b"mind the gap")
        write(join(self.mess, "thing-02", ".DS_Store"), b"x")
        write(join(self.mess, "thing-02", "._0.png"), b"\0\5\26\7")
        write(join(self.mess, "__MACOSX", "thing-02", "0.png"), b"x")
        write(join(self.mess, "fruit", "apples", "red", "1.png"), png(20, 1))
        write(join(self.mess, "fruit", "apples", "red", "2.png"), png(20, 2))
        write(join(self.mess, "loose.png"), png(21, 1))
        write(join(self.mess, "single", "1.png"), png(22, 1))
        odd = "two\nlines \N{GREEN APPLE} \u202e\x1b[31m"
        write(join(self.mess, odd, "1.png"), png(23, 1))
        write(join(self.mess, odd, "2.png"), png(23, 2))
        write(join(self.mess, odd, "bad\n.png"), b"no")
        write(join(self.mess, os.fsdecode(b"caf\xe9"), "1.png"), png(24, 1))
        write(join(self.mess, os.fsdecode(b"caf\xe9"), "2.png"), png(24, 2))
        write(join(self.mess, "copies", "1.png"), png(25, 1))
        write(join(self.mess, "copies", "2.png"), png(25, 1))
        write(join(self.mess, "copies", "3.png"), png(0, 0))
        os.mkdir(join(self.mess, "nothing"))
        os.mkdir(join(self.mess, "folder.jpg"))
        os.symlink(join(self.mess, "thing-03", "1.png"),
                   join(self.mess, "thing-04", "link.png"))
        os.symlink("/nowhere/at/all.png",
                   join(self.mess, "thing-04", "dangling.png"))
        talk = self.train(options=["--bad-pictures=0.2"])
        for word in ("5 cannot be read and are skipped", "empty file",
                     "text.jpg", "not a file", "cut.png", "bad\\x0a.png",
                     "same picture under different labels",
                     "exact copy within its class",
                     "1 lies in no folder", "classes have one picture",
                     "file is no picture"):
            self.assertIn(word, talk)
        self.assertNotIn("\x1b", talk)
        self.assertNotIn("\u202e", talk)
        found = run("dml-eval", self.saved("encoder.onnx"), self.mess,
                    "--bad-pictures=0.2", "--rows=50", check=OK).stdout
        self.assertIn("fruit/apples/red", found)
        self.assertNotIn("\x1b", found)

    def test_kinds_of_pictures(self):
        """Grey, 16 bits, palette with holes, CMYK, turned by EXIF, WebP."""
        folder = os.path.join(self.mess, "kinds")
        os.mkdir(folder)
        picture = paint(30, 1, 64)
        picture.convert("L").save(os.path.join(folder, "grey.png"))
        Image.fromarray(__import__("numpy").arange(4096, dtype="uint16")
                        .reshape(64, 64) * 16).save(
                            os.path.join(folder, "deep.png"))
        paint(30, 2, 64).quantize(16).save(os.path.join(folder, "palette.png"),
                                           transparency=3)
        paint(30, 3, 64).convert("CMYK").save(os.path.join(folder, "cmyk.jpg"))
        exif = Image.Exif()
        exif[0x0112] = 6
        paint(30, 4, 64).save(os.path.join(folder, "turned.jpg"), exif=exif)
        paint(30, 5, 64).save(os.path.join(folder, "web.webp"))
        talk = self.train(options=["--bad-pictures=0"])
        self.assertIn("42 pictures in 7 classes", talk)
        self.assertIn("1 has transparency", talk)

    def test_one_class(self):
        talk = self.train(os.path.join(self.mess, "thing-00"))
        self.assertIn("each is its own class", talk)
        one = self.path("one")
        os.makedirs(one)
        os.rename(os.path.join(self.mess, "thing-00"),
                  os.path.join(one, "thing"))
        self.out += "2"
        talk = self.train(one)
        self.assertIn("1 class", talk)
        self.assertIn("every picture", talk)

    def test_one_picture_classes(self):
        folder = self.path("singles")
        for i in range(12):
            write(os.path.join(folder, f"item {i}", "photo.png"), png(40 + i, 1))
        talk = self.train(folder)
        self.assertIn("12 classes have one picture", talk)
        self.assertIn("nothing is held out", talk)

    def test_one_picture(self):
        folder = self.path("one")
        write(os.path.join(folder, "a", "1.png"), png(1, 1))
        self.assertIn("two at least", self.train(folder, check=BAD_DATA))

    def test_nothing(self):
        empty = self.path("empty")
        os.mkdir(empty)
        self.assertIn("one folder a class", self.train(empty, check=BAD_DATA))
        write(os.path.join(empty, "readme.txt"), b"hello")
        self.assertIn("1 other file", self.train(empty, check=BAD_DATA))
        self.assertIn("no such file", self.train(self.path("nowhere"),
                                                 check=FAILED))
        run("dml-train", check=USAGE)

    def test_a_link_that_leads_back_up(self):
        os.symlink(self.mess, os.path.join(self.mess, "thing-00", "again"))
        talk = self.train()
        self.assertIn("1 link leads back to a folder above and is passed over",
                      talk)
        self.assertIn("/thing-00/again", talk)
        self.assertIn("36 pictures in 6 classes", talk)

    def test_a_folder_that_cannot_be_read(self):
        """And pictures that are none: a pipe is not waited for."""
        os.mkfifo(os.path.join(self.mess, "thing-01", "pipe.jpg"))
        shut = os.path.join(self.mess, "thing-02")
        os.chmod(self.dir, 0o777)
        os.chmod(shut, 0)
        try:
            done = run("dml-train", self.mess, "--dry-run", *QUICK, check=OK,
                       timeout=TIMEOUT, user=SOMEBODY)
        finally:
            os.chmod(shut, 0o700)
        self.assertIn("1 folder cannot be read and is skipped", done.stderr)
        self.assertIn("thing-02: Permission denied", done.stderr)
        self.assertIn("pipe.jpg: not a regular file", done.stderr)
        self.assertIn("30 pictures in 5 classes", done.stderr)


class TableTest(TrainTest):
    def table(self, text):
        path = self.path("table.csv")
        write(path, text.encode())
        return path

    def rows(self):
        return "".join(f"photos/{shape}/{n}.png,{shape}\n"
                       for shape in ("box", "disc", "roof", "bars")
                       for n in range(10, 16))

    def test_files_that_are_missing(self):
        table = self.table("path,label\n" + self.rows() +
                           "photos/box/gone.png,box\n")
        done = run("dml-train", table, "-o", self.out, *QUICK, check=OK)
        self.assertIn("gone.png: not a file", done.stderr)
        table = self.table("path,label\ngone-1.png,a\ngone-2.png,b\n")
        done = run("dml-train", table, "-o", self.out + "2", *QUICK,
                   check=BAD_DATA)
        self.assertIn("2 of 2 pictures cannot be read", done.stderr)
        self.assertIn("gone-1.png", done.stderr)

    def test_tables_that_are_none(self):
        for text, word in (("path,label\n", "no picture found"),
                           ("", "no picture found"),
                           ('path,label\n"photos/a.png,box\n',
                            "table.csv:2: a quote is not closed"),
                           ("# labels twice\nsplit,path,Label, label\n"
                            "train,x.png,a,b\n",
                            "table.csv:2: two columns are called label"),
                           ("path,label,split\nx.png,a,trial\n",
                            "split is 'trial'")):
            done = run("dml-train", self.table(text), "-o", self.out, *QUICK,
                       check=BAD_DATA)
            self.assertIn(word, done.stderr)


class ArchiveTest(TrainTest):
    def tar(self, name="set.tar.gz", junk=False):
        path = self.path(name)
        with tarfile.open(path, "w:gz") as tar:
            tar.add(self.photos, "photos")
            if junk:
                for member, data in (("photos/readme.txt", b"read me"),
                                     ("photos/box/empty.png", b""),
                                     ("photos/box/bad.png", b"bad"),
                                     ("../../etc/up.png", png(50, 1)),
                                     ("/tmp/absolute/root.png", png(51, 1)),
                                     ("photos/box/odd\n\N{GREEN APPLE}.png",
                                      png(52, 1))):
                    info = tarfile.TarInfo(member)
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
                link = tarfile.TarInfo("photos/box/link.png")
                link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
                tar.addfile(link)
        return path

    def test_junk_in_a_tar(self):
        done = run("dml-train", self.tar(junk=True), "-o", self.out,
                   "--bad-pictures=0.2", *QUICK, check=OK)
        self.assertIn("2 cannot be read", done.stderr)
        self.assertIn("empty.png: empty file", done.stderr)
        self.assertIn("1 file is no picture", done.stderr)
        self.assertFalse(os.path.exists("/tmp/absolute/root.png"))

    def test_cut_and_damaged(self):
        whole = self.tar()
        with open(whole, "rb") as f:
            data = f.read()
        for name, bytes_ in (("cut.tar.gz", data[:len(data) // 2]),
                             ("bent.tar.gz", data[:600] + b"\0" * 400 +
                              data[1000:]),
                             ("text.tar", b"just a text\n" * 200),
                             ("nothing.tar.gz", b"")):
            path = self.path(name)
            write(path, bytes_)
            done = run("dml-train", path, "-o", self.out, *QUICK)
            self.assertEqual(done.returncode, BAD_DATA, name + done.stderr)
            self.assertIn(name, done.stderr)
            self.assertFalse(os.path.exists(self.out))

    def test_zip(self):
        path = self.path("set.zip")
        with zipfile.ZipFile(path, "w") as archive:
            for shape in os.listdir(self.photos):
                for name in os.listdir(os.path.join(self.photos, shape)):
                    archive.write(os.path.join(self.photos, shape, name),
                                  f"{shape}/{name}")
        done = run("dml-train", path, "-o", self.out, *QUICK, check=OK)
        self.assertIn("32 pictures in 4 classes", done.stderr)


if __name__ == "__main__":
    unittest.main()
