"""dml-train and dml-eval as a user runs them: options, what they print, a plan
that fits a time."""
import json
import os
import shutil
import subprocess
import time
from html.parser import HTMLParser

from PIL import Image

from common import BAD_DATA, FAILED, OK, PROGRAMS, USAGE, run
from training import SMALL, TrainTest, paint_classes


class Page(HTMLParser):
    """Cells of an HTML page's tables, its title, points of its curves, and
    what it would load from elsewhere."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.points, self.outside, self.title = [], [], [], ""
        self.charts, self.code, self.texts = [], [], []
        self.inside = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.inside = tag
        self.outside += [attrs[k] for k in ("src", "href") if k in attrs]
        if tag == "tr":
            self.rows.append([])
        elif tag == "polyline":
            self.points.append(len(attrs["points"].split()))
        elif tag == "svg":
            self.charts.append(attrs["aria-label"])

    def handle_data(self, data):
        if self.inside in ("td", "th") and data.strip():
            self.rows[-1].append(data.strip())
        elif self.inside == "title":
            self.title = data
            self.inside = None
        elif self.inside == "code":
            self.code.append(data)
        elif self.inside == "text":
            self.texts.append(data)

    def handle_endtag(self, tag):
        self.inside = None


class OptionsTest(TrainTest):
    def test_trains_and_says_what_it_found(self):
        done = run("dml-train", self.photos, "-o", self.out, "--epochs=2",
                   "--json", *SMALL, check=OK)
        self.assertIn("in 4 classes", done.stderr)
        self.assertEqual([json.loads(line)["epoch"]
                          for line in done.stdout.splitlines()], [0, 1, 2])
        for name in ("encoder.onnx", "last.ckpt", "run.jsonl", "config.ini",
                     "report.html"):
            self.assertTrue(os.path.exists(self.saved(name)), name)
        again = run("dml-train", self.photos, "-o", self.out, check=FAILED)
        self.assertIn("--resume", again.stderr)
        done = run("dml-eval", self.saved("encoder.onnx"), self.photos,
                   "--json", check=OK)
        figures = json.loads(done.stdout)
        self.assertEqual(figures["schema"], "dml-eval/1")
        self.assertGreater(figures["recall_1"], 0.25)

    def test_repvgg_is_plain_convolutions_in_its_file(self):
        """Trained in three branches a block, one convolution a block for those
        who run it, in 16 bits too; checkpoints keep the branches, and the file
        can be begun from."""
        small = [o for o in SMALL if "arch" not in o and "width" not in o]
        small += ["--arch=repvgg", "--width=0.125"]
        run("dml-train", self.photos, "-o", self.out, "--epochs=2",
            "--half-weights=true", *small, check=OK)
        encoder = self.read("encoder.onnx")
        self.assertEqual(encoder.count(b"\x22\x04Conv"), 22)
        self.assertEqual(encoder.count(b"\x22\x03Add"), 0)
        self.assertEqual(encoder.count(b"\x22\x12BatchNormalization"), 1)
        self.assertIn(b"stage3.9.rbr_1x1.bn", self.read("last.ckpt"))
        run("dml-train", self.photos, "-o", self.out + "2", "--epochs=1",
            "--init", self.saved("encoder.onnx"), "--augment=light",
            "--hold-out=0", check=OK)

    def test_config_of_a_run_makes_the_same_run(self):
        run("dml-train", self.photos, "-o", self.out, "--epochs=2", *SMALL,
            check=OK)
        other = os.path.join(self.dir, "other")
        run("dml-train", self.photos, "-o", other, "--config",
            self.saved("config.ini"), check=OK)
        self.assertEqual([line["loss"] for line in self.run_lines()],
                         [line["loss"] for line in self.run_lines(other)])

    def test_settings_are_checked(self):
        for option, word in (("--lr=x", "not a number"),
                             ("--epochs=0", "outside"),
                             ("--epocs=3", "did you mean --epochs"),
                             ("--loss=cosfaec", "cosface"),
                             ("--loss=cosface:scal=3", "scale"),
                             ("--loss=+", "a name is missing"),
                             ("--loss=cosface+", "a name is missing"),
                             ("--loss=cosface++triplet", "a name is missing"),
                             ("--loss=cosface:", "nothing stands behind"),
                             ("--loss=auto+triplet", "auto stands alone"),
                             ("--loss=auto:scale=3", "auto stands alone"),
                             ("--augment=default,flop=1", "flip"),
                             ("--sampler=pkx", "pxk"),
                             ("--optimiser=adam", "adamw"),
                             ("--schedule=linear", "cosine"),
                             ("--arch=resnet", "resnet18"),
                             ("--fit=strech", "context, cover, stretch"),
                             ("--pool=max", "average, gem, flatten"),
                             ("--neck=foo", "none, after, split"),
                             ("--keep=first", "best, last"),
                             ("--freeze=*", "without --init"),
                             ("--loss=distil", "teacher")):
            done = run("dml-train", self.photos, "-o", self.out, option,
                       check=USAGE)
            self.assertIn(word, done.stderr)
            if not option.startswith("--sampler"):
                self.assertNotIn("pictures in", done.stderr)

    def test_settings_that_do_nothing_are_named(self):
        plain = ["--loss=contrastive", "--instance=0", "--views=2", *SMALL]
        idle = ["--teacher-weight=3", "--freeze-norm=false",
                "--instance-temperature=0.2", "--instance-same-class=1",
                "--label-smoothing=0.1", "--margin-ramp=0.5", "--proxy-lr=2"]
        talk = run("dml-train", self.photos, "--dry-run", *plain, *idle,
                   check=OK).stderr
        for option in idle:
            self.assertIn(option[2:] + " does nothing here", talk)
        talk = run("dml-train", self.photos, "-o", self.out, "--epochs=1",
                   *SMALL, check=OK).stderr
        self.assertNotIn("does nothing", talk)
        begun = [f"--init={self.saved('encoder.onnx')}", "--arch=resnet34",
                 "--width=2", "--pool=average", "--neck=none",
                 "--head-lr=2"]
        talk = run("dml-train", self.photos, "--dry-run", *begun, *[
            o for o in SMALL if not o.startswith(("--arch", "--width"))],
            check=OK).stderr
        for option in begun[1:]:
            self.assertIn(option[2:] + " does nothing here", talk)
        run("dml-train", self.photos, "-o", self.out + "2", "--epochs=1",
            begun[0], "--hold-out=0", check=OK)
        talk = run("dml-train", self.photos, "--dry-run", "--config",
                   os.path.join(self.out + "2", "config.ini"), check=OK).stderr
        self.assertNotIn("does nothing", talk)

    def test_one_class_in_a_batch(self):
        talk = run("dml-train", self.photos, "--dry-run", *SMALL,
                   "--classes-per-batch=1", check=OK).stderr
        self.assertIn("nothing to push apart", talk)

    def test_a_batch_has_one_size(self):
        """Said by the sampler or beside it, planned for and trained alike."""
        small = [o for o in SMALL if "-per-" not in o]

        def plan(*options, check=OK):
            return run("dml-train", self.photos, "--dry-run", *small, *options,
                       check=check).stderr

        for options, said in (
                (["--sampler=pxk:p=3,k=2"],
                 "3 classes x 2 pictures x 2 views = 12"),
                (["--sampler=pxk:p=3", "--pictures-per-class=2"],
                 "3 classes x 2 pictures x 2 views = 12"),
                (["--sampler=pxk:k=4"], "4 classes x 4 pictures x 2 views = 32"),
                (["--sampler=uniform:batch=6"], "6 pictures x 2 views = 12"),
                (["--sampler=uniform", "--classes-per-batch=2",
                  "--pictures-per-class=3"], "6 pictures x 2 views = 12")):
            self.assertIn("batch: " + said, plan(*options))
        run("dml-train", self.photos, "-o", self.out, "--epochs=1", *small,
            "--sampler=pxk:p=3,k=2", check=OK)
        config = self.read("config.ini").decode()
        self.assertIn("classes-per-batch=3\n", config)
        self.assertIn("pictures-per-class=2\n", config)
        self.assertRegex(config, r"\nlr=0\.009375\d*\n")
        self.assertIn("batch: 3 classes x 2", plan("--config",
                                                   self.saved("config.ini")))
        run("dml-train", "--resume", self.out, check=OK)
        for options, names in (
                (["--sampler=pxk:p=3,k=2", "--classes-per-batch=20"],
                 ["classes-per-batch is 20", "p=3"]),
                (["--sampler=pxk:k=2", "--pictures-per-class=3"],
                 ["pictures-per-class is 3", "k=2"]),
                (["--sampler=balanced:batch=6", "--classes-per-batch=4"],
                 ["4 x 1", "batch=6"]),
                (["--sampler=pxk:q=2"], ["no setting \"q\""])):
            talk = plan(*options, check=USAGE)
            for name in names:
                self.assertIn(name, talk)
            self.assertNotIn("pictures in", talk)  # before any is read

    def test_dry_run_can_be_stopped(self):
        process = self.start(self.photos, "--dry-run", "--input=96",
                             "--arch=resnet18", "--width=1", "--hold-out=0",
                             "--classes-per-batch=4", "--pictures-per-class=8")
        for line in process.stderr:
            if "M weights to train" in line:
                break
        begun = time.monotonic()
        self.interrupt(process)
        self.assertLess(time.monotonic() - begun, 60)

    def test_help_lists_every_setting(self):
        """What --help-settings names is an option, and its examples are."""
        listed = run("dml-train", "--help-settings", check=OK).stdout
        names = [line.split("=")[0].strip() for line in listed.splitlines()
                 if line.startswith("  --")]
        self.assertGreater(len(names), 40)
        self.assertIn("--help-settings", run("dml-train", "--help",
                                             check=OK).stdout)
        with open(os.path.join(os.environ["DML_TEST_SOURCE_ROOT"], "docs",
                               "training.md"), encoding="utf-8") as f:
            text = f.read()
        for name in ("--time-budget", "--loss", "--init", "--teacher"):
            self.assertIn(name, names)
            self.assertIn(name[2:], text)
        loss = "cosface:scale=16,margin=0.1+multi_similarity:weight=0.5" \
               "@semi_hard"
        self.assertIn(loss, " ".join(listed.split()))
        self.assertIn(loss, text)
        run("dml-train", self.photos, "--dry-run", f"--loss={loss}", *SMALL,
            check=OK)

    def test_bad_pictures(self):
        for n in range(40):
            with open(os.path.join(self.photos, "disc", f"bad{n}.jpg"),
                      "wb") as f:
                f.write(b"\xff\xd8\xff" + bytes([n]))
        done = run("dml-train", self.photos, "-o", self.out, *SMALL,
                   check=BAD_DATA)
        self.assertIn("cannot be read", done.stderr)
        self.assertEqual(done.stderr.count("bad"), 5 + 2)  # and the option
        self.assertIn("and 35 more", done.stderr)
        self.assertFalse(os.path.exists(self.out))
        option = done.stderr.split("(")[1].split(" ")[0]
        run("dml-train", self.photos, "--dry-run", *SMALL, option, check=OK)

    def test_few_classes_still_get_thresholds(self):
        """A stranger's folder: 24 things, a dozen photographs of each."""
        things = self.path("things")
        paint_classes(things, 24, 12)
        small = [o for o in SMALL if "hold-out" not in o]
        done = run("dml-train", things, "-o", self.out, "--epochs=1", *small,
                   check=OK)
        self.assertIn("20 classes (240 pictures) to train on, 4 (48) held out",
                      done.stderr)
        self.assertIn("false accepts 10 %: threshold", done.stderr)
        self.assertNotIn("too few", done.stderr)
        self.assertIn(b"dml.thresholds", self.read("encoder.onnx"))
        for n in range(7, 24):  # half of seven can be held out, no more
            shutil.rmtree(os.path.join(things, f"thing-{n:02}"))
        self.out += "2"
        done = run("dml-train", things, "-o", self.out, "--epochs=1", *small,
                   check=OK)
        self.assertIn("3 held-out classes are too few for AUROC", done.stderr)
        self.assertIn("raise --hold-out (it is 0.2)", done.stderr)
        self.assertIn("encoder.onnx holds no thresholds", done.stderr)
        self.assertNotIn("nan", done.stderr)

    def test_few_classes_in_several_data_too(self):
        """Four choose, whatever the share of each leaves: half of all classes
        can be held out, those who would test choose first, and fewer than four
        test nothing."""
        small = [o for o in SMALL if "hold-out" not in o]
        a, b = self.path("a"), self.path("b")
        for n_a, n_b, train, val, test in ((17, 17, 30, 4, 0),
                                           (19, 19, 30, 4, 4),
                                           (4, 5, 5, 4, 0), (3, 4, 4, 3, 0),
                                           (2, 3, 5, 0, 0), (33, 0, 29, 4, 0)):
            things = self.path("things")
            paint_classes(things, n_a + n_b, 2, size=16)
            for n, thing in enumerate(sorted(os.listdir(things))):
                os.renames(os.path.join(things, thing),
                           os.path.join(a if n < n_a else b, thing))
            data = [folder for folder in (a, b) if os.path.exists(folder)]
            talk = run("dml-train", *data, "--dry-run", "--instance=0",
                       *small, check=OK).stderr
            self.assertIn(f"{train} classes ({2 * train} pictures) to train "
                          f"on, {val} ({2 * val}) held out to choose", talk)
            self.assertIn(f"thresholds, {test} ({2 * test}) to test", talk)
            for folder in data:
                shutil.rmtree(folder)

    def test_tables_that_say_what_cannot_be(self):
        """A box beside its picture, a class on both sides of the split."""
        table = self.path("table.csv")
        with open(table, "w", encoding="utf-8") as f:
            f.write("path,label,split,x,y,w,h\n")
            for shape in sorted(os.listdir(self.photos)):
                for n in range(10, 16):
                    f.write(f"photos/{shape}/{n}.png,{shape},"
                            f"{'val' if n > 13 else 'train'},"
                            f"{5000 if n == 10 and shape == 'box' else 5},"
                            "5,20,20\n")
        talk = run("dml-train", table, "--dry-run", *SMALL, check=OK).stderr
        self.assertIn("the box 5000,5,20,20 lies outside the picture of 40 x "
                      "40 pixels", talk)
        self.assertIn("23 pictures in 4 classes", talk)
        self.assertIn("4 classes are on both sides of the split, the first is "
                      "bars", talk)

    def test_dry_run_and_preview_write_no_run(self):
        done = run("dml-train", self.photos, "--dry-run", *SMALL, check=OK)
        self.assertIn("a step takes", done.stderr)
        sheet = os.path.join(self.dir, "sheet.png")
        run("dml-train", self.photos, "--preview-augment", sheet, *SMALL,
            check=OK)
        self.assertTrue(os.path.getsize(sheet) > 1000)

    def test_preview_writes_over_nothing(self):
        sheet = os.path.join(self.dir, "sheet.png")
        with open(sheet, "w", encoding="utf-8") as file:
            file.write("hello")
        args = ["dml-train", self.photos, "--preview-augment", sheet, *SMALL]
        self.assertIn("sheet.png is there already; --force",
                      run(*args, check=USAGE).stderr)
        self.assertEqual(os.path.getsize(sheet), 5)
        run(*args, "--force", check=OK)
        self.assertGreater(os.path.getsize(sheet), 1000)
        self.assertIn("--force goes with", run(
            "dml-train", self.photos, "-o", self.out, "--force", *SMALL,
            check=USAGE).stderr)

    def test_time_budget(self):
        """Ends within about its budget, at the end of its schedule."""
        budget = 10
        start = time.monotonic()
        run("dml-train", self.photos, "--dry-run", *SMALL, check=OK)
        beside = time.monotonic() - start  # reading, and measuring the speed
        start = time.monotonic()
        talk = run("dml-train", self.photos, "-o", self.out,
                   f"--time-budget={budget}", *SMALL, check=OK).stderr
        spent = time.monotonic() - start
        lines = self.run_lines()
        self.assertIn("steps fit into 10 seconds", talk)
        self.assertLess(spent, 2 * budget + 10 + 5 * beside)
        self.assertGreater(lines[-1]["seconds"], budget / 3)
        self.assertGreaterEqual(lines[-1]["epoch"], 1)
        rates = [line["training"]["learning_rate"] for line in lines[1:]]
        self.assertLess(rates[-1], 0.1 * max(rates))

    def test_time_budget_that_is_too_short(self):
        """Said so, with what it takes; an epoch of its own length is cut to a
        step, one whose length was given is not."""
        for option, length, said in (
                ("--epochs=9", 1, "the least, and all before take some"),
                ("--batches-per-epoch=40", 40,
                 "the least that batches-per-epoch leaves, and all before")):
            talk = run("dml-train", self.photos, "-o", self.out,
                       "--time-budget=0.01s", option, *SMALL, check=OK).stderr
            self.assertNotIn("fit", talk.replace("nothing fits", ""))
            self.assertIn("nothing fits into 0.01 seconds: 1 epoch of "
                          f"{length} step{'' if length == 1 else 's'}, {said}",
                          talk)
            self.assertIn("one every epoch", talk)
            self.assertEqual([line["step"] for line in self.run_lines()],
                             [0, length])
            self.out += "2"

    def test_memory_does_not_grow(self):
        run("dml-train", self.photos, "-o", self.out, "--epochs=40", *SMALL,
            check=OK)
        peaks = [line["training"]["peak_mib"] for line in self.run_lines()
                 if "training" in line]
        self.assertLess(peaks[-1], 1.05 * peaks[4])

    def test_run_jsonl_tells_how_training_went(self):
        run("dml-train", self.photos, "-o", self.out, "--epochs=2",
            "--instance=0", "--views=2",
            "--loss=cosface:scale=16+contrastive:memory=32,memory_warmup=1",
            *SMALL, check=OK)
        last = self.run_lines()[-1]
        training = last["training"]
        self.assertGreater(training["memory_drift"], 0)
        self.assertGreater(training["loss_gradient"], 0)
        self.assertGreater(training["distance_other"], 0.05)
        self.assertEqual(training["empty_batches"], 0)
        self.assertEqual(training["without_direction"], 0)
        self.assertGreater(last["network"]["norm_gap"], 0)
        self.assertGreater(last["network"]["effective_rank"], 1)

    def held_out_run(self, *options):
        """A run that holds classes out, and its page."""
        many = os.path.join(self.dir, "many")
        paint_classes(many, 16, 4, size=20)
        run("dml-train", many, "-o", self.out, "--epochs=2", *SMALL,
            "--hold-out=0.5", *options, check=OK)
        return Page(self.read("report.html").decode())

    def test_report_shows_the_run_in_a_browser(self):
        page = self.held_out_run("--name=<shop> & co")
        rows = {row[0].split()[0]: row[1:] for row in page.rows if row}
        for line in self.run_lines():
            shown = rows[str(line["epoch"])]
            self.assertEqual(shown[0], f"{line['held_out']['recall_1']:.3f}")
            self.assertEqual(shown[5], "\u2013" if line["loss"] is None
                             else f"{line['loss']:.3f}")
        self.assertEqual(page.title, "<shop> & co")
        self.assertEqual(page.outside, [])
        self.assertIn("recall@1 by epoch", page.charts)
        self.assertEqual(page.points[0], 3)
        self.assertEqual(page.points[-1], 2, "of the loss")

    def test_where_nothing_is_held_out_nothing_is_made_up(self):
        done = run("dml-train", self.photos, "-o", self.out, "--epochs=2",
                   "--json", *SMALL, check=OK)
        for line in self.run_lines() + [json.loads(line) for line in
                                        done.stdout.splitlines()]:
            figures = line.get("held_out", line)
            self.assertIsNone(figures["recall_1"])
            self.assertIsNone(figures["map_r"])
            self.assertIsNone(line.get("score"))
        page = Page(self.read("report.html").decode())
        self.assertEqual(page.charts, ["loss by epoch"])
        self.assertFalse([t for t in page.texts if "e+" in t], page.texts)
        rows = [row for row in page.rows if row and row[0][0].isdigit()]
        self.assertEqual(len(rows), 3)
        for row in rows:
            self.assertEqual(row[1:6], 5 * ["\u2013"])

    def test_command_of_the_report_makes_the_run_again(self):
        photos = os.path.join(self.dir, "the photos")
        os.rename(self.photos, photos)
        first = os.path.join(self.dir, "run; 1")
        run("dml-train", photos, "-o", first, "--epochs=1",
            "--loss=cosface:scale=16+contrastive:weight=0.5", *SMALL, check=OK)
        with open(os.path.join(first, "report.html"),
                  encoding="utf-8") as file:
            command = Page(file.read()).code[0]
        os.rename(first, self.out)
        done = subprocess.run(
            ["sh", "-c", command], cwd=self.dir, capture_output=True,
            text=True, env=dict(os.environ, PATH=PROGRAMS + ":" +
                                os.environ["PATH"]), check=False)
        self.assertEqual(done.returncode, OK, command + "\n" + done.stderr)
        self.assertEqual([line["loss"] for line in self.run_lines()],
                         [line["loss"] for line in self.run_lines(first)])

    def test_classes_of_very_different_sizes_are_named(self):
        uneven = os.path.join(self.dir, "uneven")
        paint_classes(uneven, 2, 25)
        for n in range(2, 25):
            os.remove(os.path.join(uneven, "thing-01", f"{n}.png"))
        for sampler, remedy in (("pxk", "max-per-class"), ("uniform", "pxk")):
            done = run("dml-train", uneven, "-o", self.out, "--dry-run", "--hold-out=0",
                       f"--sampler={sampler}", *SMALL, check=OK)
            self.assertIn("classes have from 2 to 25 pictures", done.stderr)
            self.assertIn(remedy, done.stderr)


class BenchTest(TrainTest):
    def test_figures_of_a_step(self):
        options = ["--steps=3", "--batch=8", "--arch=resnet10", "--width=0.125",
                   "--input=16", "--threads=1"]
        found = json.loads(run("dml-bench", "train", "--json", *options,
                               check=OK).stdout)
        self.assertEqual(found["schema"], "dml-bench/1")
        rows = {row["what"]: row for row in found["rows"]}
        self.assertIn("step of 8 views, resnet10, 16 pixels, 1 thread", rows)
        for what in ("steps", "views", "threads busy", "peak memory"):
            self.assertGreater(rows[what]["median"], 0)
        self.assertLessEqual(rows["waiting for pictures"]["median"], 100)
        peer = "echo '{\"peer\": \"another\", \"min_ms\": 2, " \
               "\"median_ms\": 4}'"
        done = run("dml-bench", "train", self.photos, "--peer", peer,
                   "--steps=2", "--batch=8", "--arch=resnet10",
                   "--width=0.125", "--input=16", check=OK)
        self.assertIn("step of another", done.stdout)
        self.assertIn("ratio of ours to it", done.stdout)
        done = run("dml-bench", "train", "--batch=7", check=USAGE)
        self.assertIn("--batch", done.stderr)
        done = run("dml-bench", "train", self.photos, "--steps=1", "--batch=8",
                   "--peer=false", check=FAILED)


class EvalTest(TrainTest):
    def test_leak_is_named(self):
        done = run("dml-eval", "default", self.photos, "--queries",
                   self.photos, check=OK)
        self.assertIn("queries are in the gallery too", done.stderr)

    def test_talk_is_not_of_training(self):
        things = self.path("things")
        paint_classes(things, 6, 4)
        for n in range(1, 4):
            os.remove(os.path.join(things, "thing-03", f"{n}.png"))
        talk = run("dml-eval", "default", things, check=OK).stderr
        self.assertIn("1 class has one picture, which no other", talk)
        self.assertNotIn("positives", talk)
        self.assertNotIn("training", talk)

    def test_suspects(self):
        """A picture moved into a wrong folder is named first."""
        things = os.path.join(self.dir, "things")
        paint_classes(things, 6, 8)
        os.rename(os.path.join(things, "thing-02", "3.png"),
                  os.path.join(things, "thing-05", "moved.png"))
        done = run("dml-eval", "default", things, "--suspects=3", check=OK)
        self.assertIn("likeliest wrong labels", done.stdout)
        found = json.loads(run("dml-eval", "default", things, "--suspects=3",
                               "--json", check=OK).stdout)
        self.assertGreaterEqual(found["n_suspects"], 1)
        self.assertLessEqual(len(found["suspects"]), 3)
        first = found["suspects"][0]
        self.assertTrue(first["picture"].endswith("moved.png"), found)
        self.assertEqual(first["label"], "thing-05")
        self.assertEqual(first["neighbours_say"], "thing-02")
        self.assertGreater(first["similarity"], first["similarity_own"])

    def test_twins_under_two_labels(self):
        """A photograph and its copy with one pixel touched, in two folders."""
        things = os.path.join(self.dir, "things")
        paint_classes(things, 6, 6, size=96)
        with Image.open(os.path.join(things, "thing-01", "1.png")) as picture:
            r, g, b = picture.getpixel((50, 50))
            picture.putpixel((50, 50), (r ^ 2, g, b))
            picture.save(os.path.join(things, "thing-04", "again.png"))
        found = json.loads(run("dml-eval", "default", things, "--suspects=9",
                               "--json", check=OK).stdout)
        pairs = [{os.path.basename(t["a"]), os.path.basename(t["b"])}
                 for t in found["twins"]]
        self.assertIn({"1.png", "again.png"}, pairs)

    def test_part_of_a_split(self):
        split = os.path.join(self.dir, "split.txt")
        with open(split, "w", encoding="utf-8") as f:
            f.write("val disc\ntest b*\n")
        options = ["default", self.photos, "--split", split, "--json"]
        found = json.loads(run("dml-eval", *options, check=OK).stdout)
        self.assertEqual({row["label"] for row in found["classes_table"]},
                         {"box", "bars"})
        found = json.loads(run("dml-eval", *options, "--part=val",
                               check=OK).stdout)
        self.assertEqual({row["label"] for row in found["classes_table"]},
                         {"disc"})
        done = run("dml-eval", "default", self.photos, "--part=test",
                   check=USAGE)
        self.assertIn("split file", done.stderr)
        done = run("dml-eval", *options, "--part=tset", check=USAGE)
        self.assertIn("train, val, test", done.stderr)

    def test_one_shot(self):
        things = os.path.join(self.dir, "things")
        paint_classes(things, 6, 5)
        found = json.loads(run(
            "dml-eval", "default", things, "--protocol=one-shot", "--ways=5",
            "--n-trials=20", "--json", check=OK).stdout)
        self.assertEqual(found["trials"], 20)
        self.assertEqual(found["queries"], 100)
        self.assertLess(found["error"], 0.8)
        self.assertEqual(len(found["error_interval"]), 2)
        done = run("dml-eval", "default", things, "--protocol=one-shot",
                   "--ways=7", check=USAGE)
        self.assertIn("7 classes", done.stderr)


if __name__ == "__main__":
    import unittest
    unittest.main()
