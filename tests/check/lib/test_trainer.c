/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Runs of training from end to end on coloured shapes: they learn, they stop
 * and go on to the bit, they say what is wrong. */
#include "train/dml-train.h"
#include "base/error.h"
#include "shapes.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define N_CLASSES 24
#define N_PICTURES 8

static char *folder, *photos;

typedef struct {
  GString *messages;
  guint n_warnings, n_epochs;
  DmlTrainFigures first, last;
  GCancellable *cancellable;
  guint cancel_after; /* that many epochs; 0 = the first step */
} Heard;

static void
on_message (const char *text, gboolean warning, gpointer data)
{
  Heard *heard = data;

  g_string_append_printf (heard->messages, "%s\n", text);
  heard->n_warnings += warning != FALSE;
}

static void
on_epoch (const DmlTrainFigures *figures, gpointer data)
{
  Heard *heard = data;

  if (heard->n_epochs++ == 0)
    heard->first = *figures;
  heard->last = *figures;
  if (heard->cancellable && figures->epoch > 0 &&
      figures->epoch == heard->cancel_after)
    g_cancellable_cancel (heard->cancellable);
}

static void
set (DmlTrainConfig *config, const char *name, const char *value)
{
  g_autoptr (GError) error = NULL;

  dml_train_config_set (config, name, value, &error);
  g_assert_no_error (error);
}

/* name=value each, a space between. */
static void
set_all (DmlTrainConfig *config, const char *settings)
{
  g_auto (GStrv) each = g_strsplit (settings, " ", -1);

  for (char **setting = each; *setting != NULL; setting++) {
    g_auto (GStrv) pair = g_strsplit (*setting, "=", 2);

    set (config, pair[0], pair[1]);
  }
}

/* Of a small network, with these settings besides. */
static DmlTrainConfig *
small_config (const char *settings)
{
  DmlTrainConfig *config = dml_train_config_new ();

  set_all (config, "arch=resnet10 width=0.125 input=24 embedding=16 epochs=3 "
                   "classes-per-batch=8 pictures-per-class=2 hold-out=0.3 "
                   "lr=0.05 augment=none,flip=0.5");
  set_all (config, settings);
  return config;
}

static char *
run_path (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static void
heard_clear (Heard *heard)
{
  if (heard->messages)
    g_string_free (heard->messages, TRUE);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Heard, heard_clear)

static DmlTrainListener
listener_of (Heard *heard)
{
  heard->messages = g_string_new (NULL);
  return (DmlTrainListener){ on_message, NULL, on_epoch, heard };
}

static gboolean
train (const char *name, const DmlTrainConfig *config, Heard *heard,
       GCancellable *cancellable, GError **error)
{
  const char *data[] = { photos, NULL };
  g_autofree char *run = run_path (name);
  const DmlTrainListener listener = listener_of (heard);
  g_autoptr (DmlTrainer) trainer =
    dml_trainer_new (data, run, config, &listener, error);

  return trainer != NULL && dml_trainer_run (trainer, cancellable, error);
}

static gboolean
resume (const char *name, const DmlTrainConfig *changes, Heard *heard,
        GError **error)
{
  g_autofree char *run = run_path (name);
  const DmlTrainListener listener = listener_of (heard);
  g_autoptr (DmlTrainer) trainer =
    dml_trainer_resume (run, NULL, changes, &listener, error);

  return trainer != NULL && dml_trainer_run (trainer, NULL, error);
}

static void
test_learns_and_leaves_a_run (void)
{
  static const char *const files[] = { "encoder.onnx", "last.ckpt", "run.jsonl",
                                       "config.ini" };
  g_autoptr (DmlTrainConfig) config = small_config ("epochs=8 lr=0.1");
  g_autoptr (GError) error = NULL;
  g_auto (Heard) heard = { 0 };

  train ("learns", config, &heard, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (heard.n_epochs, ==, 9);
  g_assert_cmpfloat (heard.last.map_r, >, heard.first.map_r + 0.1);
  g_assert_nonnull (strstr (heard.messages->str, "192 pictures in 24 classes"));
  for (size_t i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autofree char *path = g_build_filename (folder, "learns", files[i], NULL);

    g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  }
  {
    g_autofree char *path =
      g_build_filename (folder, "learns", "encoder.onnx", NULL);
    g_autoptr (DmlEncoder) encoder = dml_encoder_open (path, &error);
    g_autoptr (DmlPicture) picture = shapes_picture (0, 99, 50);
    g_autoptr (GBytes) embedding =
      dml_encoder_embed_picture (encoder, picture, &error);

    g_assert_no_error (error);
    g_assert_cmpuint (g_bytes_get_size (embedding), ==, 16 * sizeof (float));
    g_assert_nonnull (dml_encoder_get_metadata (encoder, "dml.measures"));
    g_assert_cmpint (dml_encoder_get_fit (encoder), ==, DML_FIT_STRETCH);
  }
}

static void
test_fit (void)
{
  g_autoptr (DmlTrainConfig) config = small_config ("epochs=1 fit=cover");
  g_autofree char *path = run_path ("cover/encoder.onnx");
  g_autoptr (DmlEncoder) encoder = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (Heard) heard = { 0 };

  train ("cover", config, &heard, NULL, &error);
  g_assert_no_error (error);
  encoder = dml_encoder_open (path, &error);
  g_assert_no_error (error);
  g_assert_cmpint (dml_encoder_get_fit (encoder), ==, DML_FIT_COVER);
  dml_train_config_set (config, "fit", "strech", &error);
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "'strech'"));
}

/* Read back, the file is the network rounded to 16 bits, whatever the
 * architecture makes of such rounding while nothing is trained. */
static void
test_half_weights_of_any_architecture (void)
{
  static const char *const archs[] = { "resnet10", "resnet18",    "resnet34",
                                       "convnet4", "mobilenetv2", "repvgg" };

  for (size_t i = 0; i < G_N_ELEMENTS (archs); i++) {
    g_autoptr (DmlTrainConfig) config =
      small_config ("half-weights=true epochs=1 batches-per-epoch=2 input=33");
    g_autoptr (GError) error = NULL;
    g_autofree char *name = g_strconcat ("half-", archs[i], NULL);
    g_auto (Heard) heard = { 0 };

    set (config, "arch", archs[i]);
    set (config, "width", strcmp (archs[i], "mobilenetv2") ? "0.125" : "0.5");
    train (name, config, &heard, NULL, &error);
    g_assert_no_error (error);
  }
}

/* Stopped at any batch and taken up again, the checkpoint of the end is that of
 * a run that was never stopped, but for the seconds it took. */
static void
on_progress (const DmlTrainProgress *progress, gpointer data)
{
  Heard *heard = data;

  if (progress->stage == DML_TRAIN_STAGE_TRAIN && heard->cancel_after == 0)
    g_cancellable_cancel (heard->cancellable);
}

static void
test_goes_on_to_the_bit (void)
{
  g_autoptr (DmlTrainConfig) config = small_config (
    "loss=cosface:scale=16,margin=0.1+contrastive:memory=64,memory_warmup=2");
  g_autoptr (GError) error = NULL;
  g_auto (Heard) whole = { 0 };

  train ("whole", config, &whole, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 3; i++) {
    g_autofree char *name = g_strdup_printf ("part-%u", i);
    g_autofree char *run = run_path (name);
    const char *data[] = { photos, NULL };
    g_auto (Heard) heard = { 0 }, rest = { 0 };
    DmlTrainListener listener = listener_of (&heard);
    g_autoptr (DmlTrainer) trainer = NULL;

    heard.cancellable = g_cancellable_new ();
    heard.cancel_after = i;
    listener.progress = on_progress;
    trainer = dml_trainer_new (data, run, config, &listener, &error);
    g_assert_no_error (error);
    g_assert_false (dml_trainer_run (trainer, heard.cancellable, &error));
    g_assert_error (error, DML_ERROR, DML_ERROR_CANCELLED);
    g_assert_nonnull (strstr (error->message, "--resume"));
    g_clear_error (&error);
    g_object_unref (heard.cancellable);
    resume (name, NULL, &rest, &error);
    g_assert_no_error (error);
    g_assert_cmpfloat (rest.last.loss, ==, whole.last.loss);
    g_assert_cmpfloat (rest.last.recall_1, ==, whole.last.recall_1);
  }
}

static void
test_same_for_any_threads (void)
{
  g_autoptr (DmlTrainConfig) config =
    small_config ("epochs=1 threads=1 loaders=1");
  g_autoptr (GError) error = NULL;
  g_auto (Heard) one = { 0 }, two = { 0 };

  train ("one-thread", config, &one, NULL, &error);
  g_assert_no_error (error);
  set_all (config, "threads=0 loaders=5");
  train ("more-threads", config, &two, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat (one.last.loss, ==, two.last.loss);
  g_assert_cmpfloat (one.last.map_r, ==, two.last.map_r);
}

/* A pair loss sees the whole batch, however it is embedded. Batch norm sees a
 * part, so without it the two agree to rounding. */
static void
test_parts_of_a_batch (void)
{
  g_autoptr (DmlTrainConfig) config = small_config ("epochs=1 micro-batch=8");
  g_autoptr (GError) error = NULL;
  g_auto (Heard) heard = { 0 };

  train ("parts", config, &heard, NULL, &error);
  g_assert_no_error (error);
  set (config, "micro-batch", "5");
  g_assert_false (train ("parts-5", config, &heard, NULL, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
}

static void
test_refuses_changes_that_cannot_apply (void)
{
  g_autoptr (DmlTrainConfig) config = small_config ("epochs=1");
  g_autoptr (DmlTrainConfig) changes = dml_train_config_new ();
  g_autoptr (GError) error = NULL;
  g_auto (Heard) heard = { 0 }, again = { 0 };

  train ("fixed", config, &heard, NULL, &error);
  g_assert_no_error (error);
  set_all (changes, "threads=1 embedding=32");
  g_assert_false (resume ("fixed", changes, &again, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "embedding cannot become '32'"));
}

/* Somebody took encoder.onnx away from a run that had ended. */
static void
test_writes_a_lost_encoder_anew (void)
{
  g_autoptr (DmlTrainConfig) config = small_config ("epochs=1");
  g_autoptr (GError) error = NULL;
  g_autofree char *run = run_path ("lost");
  g_autofree char *encoder = g_build_filename (run, "encoder.onnx", NULL);
  g_autofree char *lines = g_build_filename (run, "run.jsonl", NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) each = NULL;
  g_auto (Heard) heard = { 0 }, again = { 0 };

  train ("lost", config, &heard, NULL, &error);
  g_assert_no_error (error);
  g_unlink (encoder);
  resume ("lost", NULL, &again, &error);
  g_assert_no_error (error);
  g_assert_true (g_file_test (encoder, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_get_contents (lines, &text, NULL, NULL));
  each = g_strsplit (g_strchomp (text), "\n", -1);
  g_assert_cmpuint (g_strv_length (each), ==, 2);
}

static void
test_refuses_a_folder_that_holds_a_run (void)
{
  g_autoptr (DmlTrainConfig) config = small_config ("epochs=1");
  g_autoptr (GError) error = NULL;
  g_auto (Heard) heard = { 0 }, again = { 0 };

  train ("twice", config, &heard, NULL, &error);
  g_assert_no_error (error);
  g_assert_false (train ("twice", config, &again, NULL, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_BUSY);
}

static void
test_names_divergence (void)
{
  g_autoptr (DmlTrainConfig) config =
    small_config ("loss=npairs:weight=1e6 instance=0 lr=100 warmup=0 clip=0 "
                  "neck=none epochs=10");
  g_autoptr (GError) error = NULL;
  g_auto (Heard) heard = { 0 };

  g_assert_false (train ("diverges", config, &heard, NULL, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_DIVERGED);
  g_assert_nonnull (strstr (error->message, "lower"));
}

/* Only pulled together, never pushed apart. */
static void
test_names_collapse (void)
{
  g_autoptr (DmlTrainConfig) config =
    small_config ("loss=contrastive:neg_margin=0 instance=0 neck=none "
                  "epochs=60 lr=1 clip=0 hold-out=0");
  g_autoptr (GError) error = NULL;
  g_auto (Heard) heard = { 0 };

  g_assert_false (train ("collapses", config, &heard, NULL, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_DIVERGED);
  g_assert_nonnull (strstr (error->message, "collapsed"));
  g_assert_nonnull (strstr (error->message, "cosface"));
}

static void
test_instances_without_labels (void)
{
  g_autoptr (DmlTrainConfig) config =
    small_config ("classes-per-batch=4 pictures-per-class=1");
  g_autoptr (GError) error = NULL;
  g_autofree char *class = g_build_filename (photos, "class-00", NULL);
  g_autofree char *run = run_path ("instances");
  const char *data[] = { class, NULL };
  g_auto (Heard) heard = { 0 };
  const DmlTrainListener listener = listener_of (&heard);
  g_autoptr (DmlTrainer) trainer = NULL;

  trainer = dml_trainer_new (data, run, config, &listener, &error);
  g_assert_no_error (error);
  dml_trainer_run (trainer, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (strstr (heard.messages->str, "each is its own class"));
}

/* A rehearsal asks no teacher, but knows that there is one. */
static void
test_plan_with_a_teacher (void)
{
  g_autoptr (DmlTrainConfig) config = small_config ("epochs=1");
  g_autofree char *path = run_path ("teacher/encoder.onnx");
  const char *data[] = { photos, NULL };
  g_autoptr (DmlTrainer) trainer = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (Heard) training = { 0 }, heard = { 0 };
  const DmlTrainListener listener = listener_of (&heard);

  train ("teacher", config, &training, NULL, &error);
  g_assert_no_error (error);
  set (config, "teacher", path);
  trainer = dml_trainer_new (data, "none", config, &listener, &error);
  dml_trainer_plan (trainer, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (strstr (heard.messages->str, "distil:weight=4"));
  g_assert_nonnull (strstr (heard.messages->str, "a step takes"));
}

/* An encoder that began from another one is a beginning, too. */
static void
test_begins_from_what_began_from_another (void)
{
  static const char *const runs[] = { "one", "two", "three" };
  g_autofree char *before = NULL;

  for (int i = 0; i < 3; i++) {
    g_autoptr (DmlTrainConfig) config = small_config ("epochs=1");
    g_autoptr (GError) error = NULL;
    g_auto (Heard) heard = { 0 };

    if (before != NULL) {
      set (config, "init", before);
      set (config, "freeze-norm", "false");
      set (config, "embedding", i == 1 ? "16" : "8"); /* its head, a new one */
    }
    train (runs[i], config, &heard, NULL, &error);
    g_assert_no_error (error);
    g_free (before);
    before = g_build_filename (folder, runs[i], "encoder.onnx", NULL);
  }
}

static void
test_preview (void)
{
  g_autoptr (DmlTrainConfig) config = small_config ("");
  g_autoptr (GError) error = NULL;
  g_autofree char *path = run_path ("sheet.png");
  const char *data[] = { photos, NULL };
  g_auto (Heard) heard = { 0 };
  const DmlTrainListener listener = listener_of (&heard);
  g_autoptr (DmlTrainer) trainer =
    dml_trainer_new (data, "none", config, &listener, &error);
  g_autoptr (DmlPicture) sheet = NULL;

  dml_trainer_preview (trainer, path, NULL, &error);
  g_assert_no_error (error);
  sheet = dml_picture_load (path, &error);
  g_assert_no_error (error);
  g_assert_cmpint (dml_picture_get_width (sheet), >, 240);
}

int
main (int argc, char **argv)
{
  static const struct {
    const char *name;
    void (*run) (void);
  } cases[] = {
    { "learns-and-leaves-a-run", test_learns_and_leaves_a_run },
    { "goes-on-to-the-bit", test_goes_on_to_the_bit },
    { "same-for-any-threads", test_same_for_any_threads },
    { "parts-of-a-batch", test_parts_of_a_batch },
    { "refuses-changes-that-cannot-apply",
      test_refuses_changes_that_cannot_apply },
    { "writes-a-lost-encoder-anew", test_writes_a_lost_encoder_anew },
    { "refuses-a-folder-that-holds-a-run",
      test_refuses_a_folder_that_holds_a_run },
    { "names-divergence", test_names_divergence },
    { "names-collapse", test_names_collapse },
    { "instances-without-labels", test_instances_without_labels },
    { "fit", test_fit },
    { "half-weights-of-any-architecture",
      test_half_weights_of_any_architecture },
    { "plan-with-a-teacher", test_plan_with_a_teacher },
    { "begins-from-what-began-from-another",
      test_begins_from_what_began_from_another },
    { "preview", test_preview },
  };
  int status;

  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("dml-XXXXXX", NULL);
  photos = g_build_filename (folder, "photos", NULL);
  shapes_make (photos, N_CLASSES, N_PICTURES, 32);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = g_strconcat ("/trainer/", cases[i].name, NULL);

    g_test_add_func (path, cases[i].run);
  }
  status = g_test_run ();
  shapes_remove (folder);
  g_free (photos);
  g_free (folder);
  return status;
}
