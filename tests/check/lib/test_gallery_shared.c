/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One gallery, several processes and threads. */
#include "gallery/store.h"
#include "gallery_model.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DIM = 8 };

/* ---- processes ----------------------------------------------------------- */

enum { N_WRITERS = 3, N_EACH = 25, HASTY_MS = 1, PATIENT_MS = 120 * 1000 };

/* Opens the file, or makes it, and changes it as the line says. */
static gboolean
change (const char *path, const char *line, GError **error)
{
  const DmlSpace space = fixture_space (DIM, DML_METRIC_COSINE);
  g_autoptr (DmlGallery) gallery =
    dml_gallery_open_space (path, DML_GALLERY_CREATE, &space, error);

  return gallery != NULL && model_change_file (line, gallery, error);
}

/* As an application does that is told that another one writes: again. Nothing
 * of the change is in the file then, or the revision would be too high. */
static void
change_in_the_end (const char *path, guint number, const char *line)
{
  for (;;) {
    g_autoptr (GError) error = NULL;

    if (change (path, line, &error))
      return;
    if (!g_error_matches (error, DML_ERROR, DML_ERROR_BUSY)) {
      g_printerr ("writer %u: %s: %s\n", number, line, error->message);
      exit (1);
    }
    g_usleep (1000 * number);
  }
}

/* Enrols, one transaction each, and takes every fifth out again. Some give up
 * at once where another writes, as all do after a while on a busy machine. */
static int
writer (const char *path, guint number)
{
  if (number > 1)
    dml_store_set_timeout_ms (HASTY_MS);
  for (guint i = 0; i < N_EACH; i++) {
    g_autofree char *line =
      g_strdup_printf ("E w%u %u", number, 1000 * number + i);
    g_autofree char *undo = g_strdup_printf ("I %u", 1000 * number + i);

    change_in_the_end (path, number, line);
    if (i % 5 == 4)
      change_in_the_end (path, number, undo);
  }
  return 0;
}

static void
test_processes_write_at_once (Fixture *fixture, gconstpointer data)
{
  pid_t pids[N_WRITERS];
  g_autoptr (DmlGallery) gallery = NULL;
  g_autofree char *files = NULL;
  g_auto (GStrv) problems = NULL;
  gint64 revision;
  Model model;

  for (guint w = 0; w < N_WRITERS; w++) {
    char number[8];

    g_snprintf (number, sizeof number, "%u", w + 1);
    pids[w] = fork ();
    if (pids[w] == 0) {
      execl ("/proc/self/exe", "writer", "--writer", fixture->path, number,
             (char *) NULL);
      _exit (127);
    }
  }
  for (guint w = 0; w < N_WRITERS; w++) {
    int status;

    g_assert_cmpint (waitpid (pids[w], &status, 0), ==, pids[w]);
    g_assert_cmpint (status, ==, 0);
  }
  files = fixture_list (fixture);
  g_assert_cmpstr (files, ==, "shop.bin");
  gallery = fixture_open (fixture, DML_GALLERY_READ);
  g_assert_true (dml_gallery_get_revision (gallery, &revision, NULL));
  g_assert_cmpint (revision, ==, N_WRITERS * (N_EACH + N_EACH / 5));
  g_assert_true (dml_gallery_verify (gallery, &problems, NULL));
  g_assert_null (problems[0]);
  model_init (&model);
  model_read (&model, gallery);
  g_assert_cmpuint (g_hash_table_size (model.label_of), ==,
                    N_WRITERS * (N_EACH - N_EACH / 5));
  model_clear (&model);
}

/* ---- threads ------------------------------------------------------------- */

typedef struct {
  const Fixture *fixture;
  DmlGallery *shared; /* NULL: each thread opens it for itself */
  gint done;          /* atomic */
  gint n_snapshots;   /* atomic */
} Scene;

/* Reads and matches until the writer is done: never half a change, never a
 * revision that goes back. */
static gpointer
read_and_match (gpointer data)
{
  Scene *scene = data;
  g_autoptr (DmlGallery) gallery =
    scene->shared != NULL ? dml_gallery_ref (scene->shared)
                          : fixture_open (scene->fixture, DML_GALLERY_READ);
  gint64 last = -1;
  float query[DIM];

  fixture_vector (query, DIM, 3);
  while (!g_atomic_int_get (&scene->done)) {
    g_autoptr (GError) error = NULL;
    g_autoptr (DmlSnapshot) snapshot =
      dml_gallery_get_snapshot (gallery, &error);
    g_autoptr (DmlMatcher) matcher = NULL;
    g_autoptr (DmlMatch) match = NULL;
    gint64 revision;

    g_assert_no_error (error);
    revision = dml_snapshot_get_revision (snapshot);
    g_assert_cmpint (revision, >=, last);
    last = revision;
    /* The writer adds two and takes two. */
    g_assert_cmpuint (dml_snapshot_get_n_items (snapshot) % 2, ==, 0);
    matcher = dml_matcher_new_with (snapshot, NULL, NULL, &error);
    g_assert_no_error (error);
    dml_matcher_match (matcher, query, 1, &match);
    g_assert_nonnull (dml_match_get_explanation (match));
    g_atomic_int_inc (&scene->n_snapshots);
  }
  return NULL;
}

static void
write_in_pairs (DmlGallery *gallery, guint n)
{
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < n; i++) {
    g_autofree char *label = g_strdup_printf ("pair %u", i % 6);

    g_assert_true (dml_gallery_begin (gallery, &error));
    fixture_enroll (gallery, label, 2 * i);
    fixture_enroll (gallery, label, 2 * i + 1);
    if (i % 7 == 6)
      g_assert_true (dml_gallery_remove_label (gallery, label, NULL, &error));
    if (i % 11 == 10)
      dml_gallery_rollback (gallery);
    else
      g_assert_true (dml_gallery_commit (gallery, &error));
    g_assert_no_error (error);
  }
}

static void
play (Fixture *fixture, gboolean shared)
{
  g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_CREATE);
  Scene scene = { .fixture = fixture, .shared = shared ? gallery : NULL };
  GThread *threads[2];

  for (guint t = 0; t < G_N_ELEMENTS (threads); t++)
    threads[t] = g_thread_new ("reader", read_and_match, &scene);
  write_in_pairs (gallery, 60);
  while (g_atomic_int_get (&scene.n_snapshots) < 10)
    g_usleep (1000); /* on a busy machine the writer may be done first */
  g_atomic_int_set (&scene.done, 1);
  for (guint t = 0; t < G_N_ELEMENTS (threads); t++)
    g_thread_join (threads[t]);
  g_test_message ("%d snapshots", g_atomic_int_get (&scene.n_snapshots));
}

static void
test_readers_see_whole_changes (Fixture *fixture, gconstpointer data)
{
  play (fixture, FALSE);
}

static void
test_threads_share_a_handle (Fixture *fixture, gconstpointer data)
{
  play (fixture, TRUE);
}

#define add(name, function)                                                    \
  g_test_add ("/gallery-shared/" name, Fixture, NULL, fixture_set_up,          \
              function, fixture_tear_down)

int
main (int argc, char **argv)
{
  if (argc == 4 && strcmp (argv[1], "--writer") == 0)
    return writer (argv[2], (guint) atoi (argv[3]));
  g_test_init (&argc, &argv, NULL);
  dml_store_set_timeout_ms (PATIENT_MS); /* what is asserted may take long */
  add ("processes-write-at-once", test_processes_write_at_once);
  add ("readers-see-whole-changes", test_readers_see_whole_changes);
  add ("threads-share-a-handle", test_threads_share_a_handle);
  return g_test_run ();
}
