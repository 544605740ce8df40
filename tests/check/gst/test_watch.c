/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dmlmatch and its gallery: taken up, changed, trained for, refused. */
#include "gst_testing.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <time.h>

static GstVideoInfo square;

static GstElement *
match_of (GstHarness *h)
{
  return test_element_named (h, "dmlmatch");
}

static void
empty_gallery_warns_once (void)
{
  g_autofree char *gallery = test_gallery ("empty.bin", 0);
  g_autofree char *line = g_strdup_printf (
    "videotestsrc num-buffers=5 ! dmlembed ! dmlmatch gallery=%s "
    "on-change-only=false name=m ! fakesink",
    gallery);
  g_autoptr (TestRun) run = test_run_pipeline (line);

  g_assert_true (run->eos);
  g_assert_cmpuint (test_run_count_warnings (run, "nothing is enrolled"), ==,
                    1);
  g_assert_cmpuint (test_run_count (run, GST_MESSAGE_ELEMENT, "dml-match"), ==,
                    5);
  g_assert_cmpstr (gst_structure_get_string (
                     test_run_structure (run, "dml-match", 4), "reason"),
                   ==, "empty-gallery");
}

typedef struct {
  GstHarness *h;
  const char *label;
  guint picture, n;
} Expect;

static gboolean
next_frame_is (gpointer data)
{
  Expect *e = data;
  GstBuffer *out =
    gst_harness_push_and_pull (e->h, test_frame_at (&square, e->picture, e->n));
  const gboolean yes =
    g_strcmp0 (gst_dml_region_meta_get_label (test_matched (out)), e->label) ==
    0;

  e->n++;
  gst_buffer_unref (out);
  return yes;
}

typedef struct {
  GstBus *bus;
  guint n; /* warnings taken off it */
} Warnings;

static gboolean
is_warned (gpointer data)
{
  Warnings *w = data;

  w->n += test_count_messages (w->bus, GST_MESSAGE_WARNING, NULL);
  return w->n > 0;
}

/* Waits for a warning, and a while for one too many. */
static guint
wait_for_warnings (GstBus *bus)
{
  Warnings w = { bus, 0 };

  g_assert_true (test_wait (is_warned, &w));
  g_usleep (500 * 1000);
  is_warned (&w);
  return w.n;
}

static void
count_change (GstElement *element, gint64 revision, guint n_items, gint *count)
{
  g_atomic_int_inc (count);
}

/* How long a running element knows nothing of what is enrolled. */
static gint64
time_to_take_up (Expect *e, const char *gallery, const char *label)
{
  gint64 start;

  test_enroll (gallery, label, e->picture);
  start = g_get_monotonic_time ();
  e->label = label;
  g_assert_true (test_wait (next_frame_is, e));
  return g_get_monotonic_time () - start;
}

static void
remove_label (const char *gallery, const char *label)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlGallery) other =
    dml_gallery_open (gallery, DML_GALLERY_WRITE, NULL, &error);

  g_assert_no_error (error);
  g_assert_true (dml_gallery_remove_label (other, label, NULL, &error));
}

static void
takes_up_changes_without_missing_a_frame (void)
{
  g_autofree char *gallery = test_gallery ("changing.bin", 1);
  g_autoptr (GstHarness) h =
    test_match_harness (&square, gallery, "threshold=0.999 smoothing=0");
  Expect e = { h, NULL, 2, 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlGallery) other = NULL;
  gint n_changes = 0;
  guint tries = 1;

  g_signal_connect (match_of (h), "gallery-changed", G_CALLBACK (count_change),
                    &n_changes);
  g_assert_true (next_frame_is (&e));
  /* Within a second, if the machine has a moment for it now and then. */
  while (time_to_take_up (&e, gallery, "new thing") >= G_TIME_SPAN_SECOND) {
    g_assert_cmpuint (tries++, <, 20);
    remove_label (gallery, "new thing");
    e.label = NULL;
    g_assert_true (test_wait (next_frame_is, &e));
  }

  other = dml_gallery_open (gallery, DML_GALLERY_WRITE, NULL, &error);
  g_assert_no_error (error);
  dml_gallery_rename (other, "new thing", "renamed", FALSE, &error);
  g_assert_no_error (error);
  e.label = "renamed";
  g_assert_true (test_wait (next_frame_is, &e));
  remove_label (gallery, "renamed");
  e.label = NULL;
  g_assert_true (test_wait (next_frame_is, &e));

  /* Every frame that went in came out, matched. */
  g_assert_cmpuint (test_stat (match_of (h), "frames"), ==, e.n);
  g_assert_cmpuint (test_stat (match_of (h), "regions"), ==, e.n);
  g_assert_cmpint (g_atomic_int_get (&n_changes), >=, 3);
}

static void
takes_up_a_file_put_in_its_place (void)
{
  g_autofree char *gallery = test_gallery ("place.bin", 1);
  g_autofree char *better = test_gallery ("better.bin", 4);
  g_autoptr (GstHarness) h =
    test_match_harness (&square, gallery, "threshold=0.999 smoothing=0");
  Expect e = { h, NULL, 3, 0 };

  g_assert_true (next_frame_is (&e));
  g_assert_cmpint (g_rename (better, gallery), ==, 0);
  e.label = "picture-3";
  g_assert_true (test_wait (next_frame_is, &e));

  /* And goes on with what it has when the file is gone, with a warning. */
  {
    GstBus *bus = test_watch_bus (h);

    g_remove (gallery);
    g_assert_cmpuint (wait_for_warnings (bus), ==, 1);
    g_assert_true (next_frame_is (&e));
    test_leave_bus (h, bus);
  }
}

static gboolean
threshold_is_half (gpointer data)
{
  g_autoptr (GstStructure) stats = NULL;
  double threshold;

  g_object_get (data, "stats", &stats, NULL);
  g_assert_true (gst_structure_get_double (stats, "threshold", &threshold));
  return threshold == 0.25;
}

static void
options_change_while_playing (void)
{
  g_autofree char *gallery = test_gallery ("options.bin", 4);
  g_autoptr (GstHarness) h =
    test_match_harness (&square, gallery, "threshold=1.0 smoothing=0");
  Expect e = { h, NULL, 1, 0 };
  GValue labels = G_VALUE_INIT;
  GstElement *m = match_of (h);
  GstBus *bus;

  g_assert_true (next_frame_is (&e));
  g_object_set (m, "threshold", 0.25, NULL);
  g_assert_true (test_wait (threshold_is_half, m));
  e.label = "picture-1";
  g_assert_true (next_frame_is (&e));

  g_object_set (m, "k", 1, "margin", 1.9, NULL); /* nobody leads so far */
  e.label = NULL;
  g_assert_true (test_wait (next_frame_is, &e));
  g_object_set (m, "margin", 0.0, NULL);
  gst_util_set_object_arg (G_OBJECT (m), "classifier", "prototype");
  e.label = "picture-1";
  g_assert_true (test_wait (next_frame_is, &e));

  gst_util_set_object_arg (G_OBJECT (m), "labels", "<picture-2, picture-3>");
  g_value_init (&labels, GST_TYPE_ARRAY);
  g_object_get_property (G_OBJECT (m), "labels", &labels);
  g_assert_cmpuint (gst_value_array_get_size (&labels), ==, 2);
  g_value_unset (&labels);
  e.label = "picture-1";
  g_assert_true (next_frame_is (&e) || TRUE); /* before or after */
  {
    Expect other = { h, "picture-2", 2, 100 };

    g_assert_true (test_wait (next_frame_is, &other));
  }

  /* What cannot be met is told, and changes nothing. */
  bus = test_watch_bus (h);
  gst_util_set_object_arg (G_OBJECT (m), "labels", "<no-such-label>");
  g_assert_cmpuint (wait_for_warnings (bus), ==, 1);
  test_leave_bus (h, bus);
  {
    Expect other = { h, "picture-2", 2, 200 };

    g_assert_true (next_frame_is (&other));
  }
}

/* Labels of random embeddings: nothing like any picture. */
static char *
random_gallery (const char *name, guint n_labels, guint n_items)
{
  char *path = test_gallery (name, 0);
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlEncoder) encoder = dml_encoder_get_default ();
  g_autoptr (DmlGallery) g =
    dml_gallery_open (path, DML_GALLERY_WRITE, encoder, &error);
  const guint dim = dml_encoder_get_dim (encoder);
  g_autofree float *values = g_new (float, (gsize) n_items *dim);
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);

  g_assert_no_error (error);
  dml_gallery_begin (g, &error);
  for (guint l = 0; l < n_labels; l++) {
    g_autofree char *label = g_strdup_printf ("label-%u", l);

    for (guint i = 0; i < n_items * dim; i++)
      values[i] = (float) g_rand_double_range (rand, -1, 1);
    dml_gallery_enroll (g, label, values, NULL, n_items, NULL, &error);
    g_assert_no_error (error);
  }
  dml_gallery_commit (g, &error);
  g_assert_no_error (error);
  return path;
}

/* What is known of the encoder with the first frame costs no training. */
static void
classifier_is_trained_once (void)
{
  static const char *const names[] = { "auto", "prototype", "svm", "bayes" };

  for (guint few = 0; few < 2; few++) {
    g_autofree char *gallery =
      few ? test_gallery ("few.bin", 4) : random_gallery ("many.bin", 12, 3);

    for (guint c = 0; c < G_N_ELEMENTS (names); c++) {
      g_autofree char *properties =
        g_strdup_printf ("smoothing=0 classifier=%s", names[c]);
      g_autoptr (GstHarness) h =
        test_match_harness (&square, gallery, properties);
      g_autoptr (GstStructure) stats = NULL;
      GstBuffer *out =
        gst_harness_push_and_pull (h, test_frame_at (&square, 1, 0));
      const char *origin =
        dml_match_get_threshold_origin (test_matched (out)->match);

      /* The first frame is decided like every other. */
      g_assert_cmpstr (origin, ==, few ? "encoder" : "gallery");
      gst_buffer_unref (out);
      g_usleep (300 * 1000); /* the thread has looked */
      gst_buffer_unref (
        gst_harness_push_and_pull (h, test_frame_at (&square, 2, 1)));
      g_assert_cmpuint (test_stat (match_of (h), "trainings"), ==, 1);

      /* A lead is no similarity. */
      g_object_get (match_of (h), "stats", &stats, NULL);
      g_assert_true (gst_structure_has_field_typed (
        stats, few ? "threshold" : "lead", G_TYPE_DOUBLE));
      g_assert_false (
        gst_structure_has_field (stats, few ? "lead" : "threshold"));
    }
  }
}

typedef struct {
  GstElement *match;
  guint64 trainings; /* before */
} Trained;

static gboolean
is_trained_again (gpointer data)
{
  const Trained *t = data;

  return test_stat (t->match, "trainings") > t->trainings;
}

enum { SETTLE_US = 20 * 1000 }; /* of watch.c */

/* Several options, to end with an SVM of two labels; how long it took. */
static gint64
set_several (GstElement *m, const char *labels)
{
  const gint64 start = g_get_monotonic_time ();

  gst_util_set_object_arg (G_OBJECT (m), "classifier", "bayes");
  gst_util_set_object_arg (G_OBJECT (m), "labels", "<picture-1>");
  gst_util_set_object_arg (G_OBJECT (m), "classifier", "svm");
  gst_util_set_object_arg (G_OBJECT (m), "labels", labels);
  return g_get_monotonic_time () - start;
}

/* Options that leave the classifier as it is train nothing; several at once are
 * one change. */
static void
options_settle_before_training (void)
{
  g_autofree char *gallery = test_gallery ("settle.bin", 4);
  g_autoptr (GstHarness) h =
    test_match_harness (&square, gallery, "classifier=svm");
  GstElement *m = match_of (h);

  gst_buffer_unref (
    gst_harness_push_and_pull (h, test_frame_at (&square, 0, 0)));
  g_object_set (m, "k", 3, "margin", 0.1, "false-accept-rate", 0.01,
                "threshold", 0.25, NULL);
  g_assert_true (test_wait (threshold_is_half, m));
  g_assert_cmpuint (test_stat (m, "trainings"), ==, 1);
  for (guint tries = 0;; tries++) {
    Trained t = { m, test_stat (m, "trainings") };
    const gint64 took = set_several (m, tries % 2 ? "<picture-0, picture-3>"
                                                  : "<picture-0, picture-2>");

    g_assert_true (test_wait (is_trained_again, &t));
    g_usleep (300 * 1000);
    if (test_stat (m, "trainings") == t.trainings + 1)
      break;
    /* This thread was held up between them: they were not at once. */
    g_assert_cmpint (took, >, SETTLE_US / 2);
    g_assert_cmpuint (tries, <, 20);
  }
}

/* Frames flow, and the end comes, while a large SVM is trained. */
static void
training_is_given_up (void)
{
  g_autofree char *gallery = random_gallery ("large.bin", 500, 8);
  g_autoptr (GstHarness) h = test_match_harness (&square, gallery, "");
  GstElement *m = match_of (h);
  clock_t start;
  double spent;

  gst_buffer_unref (
    gst_harness_push_and_pull (h, test_frame_at (&square, 0, 0)));
  gst_util_set_object_arg (G_OBJECT (m), "classifier", "svm");
  g_usleep (300 * 1000); /* it is at work */
  gst_buffer_unref (
    gst_harness_push_and_pull (h, test_frame_at (&square, 1, 1)));
  gst_util_set_object_arg (G_OBJECT (m), "classifier", "auto");
  g_usleep (500 * 1000);
  g_assert_cmpuint (test_stat (m, "trainings"), ==, 1);
  gst_util_set_object_arg (G_OBJECT (m), "classifier", "svm");
  g_usleep (300 * 1000);
  g_assert_cmpuint (test_stat (m, "trainings"), ==, 1);
  start = clock ();
  gst_element_set_state (h->element, GST_STATE_NULL);
  spent = (double) (clock () - start) / CLOCKS_PER_SEC;
  g_test_message ("to NULL in %.3f s of the processor", spent);
  g_assert_cmpfloat (spent, <, 2); /* others' work does not count */
}

static void
execute (const char *path, const char *sql)
{
  sqlite3 *db;
  char *message = NULL;

  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  sqlite3_exec (db, sql, NULL, NULL, &message);
  if (message != NULL)
    g_error ("%s: %s", sql, message);
  sqlite3_close (db);
}

/* A gallery guards its items by triggers; a broken disk does not mind them. */
static void
drop_triggers (const char *path)
{
  sqlite3 *db;
  sqlite3_stmt *st;
  g_autoptr (GString) sql = g_string_new (NULL);

  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  sqlite3_prepare_v2 (
    db, "SELECT name FROM sqlite_master WHERE type = 'trigger'", -1, &st, NULL);
  while (sqlite3_step (st) == SQLITE_ROW)
    g_string_append_printf (sql, "DROP TRIGGER %s;",
                            (const char *) sqlite3_column_text (st, 0));
  sqlite3_finalize (st);
  sqlite3_close (db);
  execute (path, sql->str);
}

static TestRun *
run_with_gallery (const char *path)
{
  g_autofree char *line = g_strdup_printf (
    "videotestsrc num-buffers=3 ! dmlembed ! dmlmatch name=m %s%s ! fakesink",
    path != NULL ? "gallery=" : "", path != NULL ? path : "");

  return test_run_pipeline (line);
}

static void
bad_gallery_is_an_error (void)
{
  g_autofree char *none = test_path ("none.bin");
  g_autofree char *zero = test_path ("zero.bin");
  g_autofree char *text = test_path ("text.bin");
  g_autofree char *newer = test_gallery ("newer.bin", 1);
  g_autofree char *damaged = test_gallery ("damaged.bin", 2);
  g_autofree char *foreign = test_path ("foreign.bin");

  g_file_set_contents (zero, "", 0, NULL);
  g_file_set_contents (text, "not a database, not by any means", -1, NULL);
  execute (newer, "PRAGMA user_version = 1000000");
  drop_triggers (damaged);
  execute (damaged, "UPDATE item SET vector = x'00112233' WHERE id = 2");
  execute (foreign, "CREATE TABLE t(x)");
  {
    g_autoptr (TestRun) run = run_with_gallery (NULL);

    test_assert_error (run, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
                       "gallery: the property is not set; name the file", NULL);
  }
  {
    g_autoptr (TestRun) run = run_with_gallery (none);

    test_assert_error (run, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
                       "none.bin", NULL);
  }
  {
    const char *paths[] = { zero, text, newer, damaged, foreign };

    for (guint i = 0; i < G_N_ELEMENTS (paths); i++) {
      g_autoptr (TestRun) run = run_with_gallery (paths[i]);
      g_autofree char *name = g_path_get_basename (paths[i]);

      test_assert_error (run, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE,
                         name, NULL);
    }
  }
}

static void
other_encoders_gallery_is_an_error (void)
{
  g_autofree char *path = test_gallery ("other.bin", 1);
  g_autoptr (TestRun) run = NULL;

  drop_triggers (path);
  execute (path, "UPDATE gallery SET value = 'feedfacefeedfacefeedfacefeedface"
                 "feedfacefeedfacefeedfacefeedface' WHERE key LIKE "
                 "'%fingerprint%'");
  run = run_with_gallery (path);
  test_assert_error (run, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS,
                     "other.bin", "feedface", NULL);
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
  square = test_info (GST_VIDEO_FORMAT_RGB, 128, 128);
#define TEST(name, function) g_test_add_func ("/watch/" name, function)
  TEST ("empty-gallery-warns-once", empty_gallery_warns_once);
  TEST ("takes-up-changes-without-missing-a-frame",
        takes_up_changes_without_missing_a_frame);
  TEST ("takes-up-a-file-put-in-its-place", takes_up_a_file_put_in_its_place);
  TEST ("options-change-while-playing", options_change_while_playing);
  TEST ("classifier-is-trained-once", classifier_is_trained_once);
  TEST ("options-settle-before-training", options_settle_before_training);
  TEST ("training-is-given-up", training_is_given_up);
  TEST ("bad-gallery-is-an-error", bad_gallery_is_an_error);
  TEST ("other-encoders-gallery-is-an-error",
        other_encoders_gallery_is_an_error);
#undef TEST
  return test_run ();
}
