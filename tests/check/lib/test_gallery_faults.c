/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A gallery on a disk that fails, is full, or in memory that runs out: the
 * n-th write, allocation of SQLite's, allocation of ours fails, for n = 1, 2,
 * ... until none does. Every time there is either the change or a GError and no
 * change, and the file opens and is sound. */
#include "gallery_model.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "memory_faults.h"
#include "fault_vfs.h"
#include "gallery/calibrate.h"

/* ---- SQLite's memory ----------------------------------------------------- */

static guint malloc_fail_at, malloc_n;
static sqlite3_mem_methods real_mem;

static gboolean
malloc_strikes (void)
{
  return malloc_fail_at != 0 && ++malloc_n == malloc_fail_at;
}

static void *
mem_malloc (int size)
{
  return malloc_strikes () ? NULL : real_mem.xMalloc (size);
}

static void *
mem_realloc (void *block, int size)
{
  return malloc_strikes () ? NULL : real_mem.xRealloc (block, size);
}

static void
mem_install (void)
{
  sqlite3_mem_methods mem;

  g_assert_cmpint (sqlite3_config (SQLITE_CONFIG_GETMALLOC, &real_mem), ==,
                   SQLITE_OK);
  mem = real_mem;
  mem.xMalloc = mem_malloc;
  mem.xRealloc = mem_realloc;
  g_assert_cmpint (sqlite3_config (SQLITE_CONFIG_MALLOC, &mem), ==, SQLITE_OK);
}

/* ---- what is done while things fail -------------------------------------- */

static const char *const changes[] = {
  "E fox 100 101 102", "E ant 103",  "I 7", "L bee",
  "N cat dog",         "N eel newt", "C",
};

/* A gallery of a dozen labels, and its bytes. */
typedef struct {
  Fixture fixture;
  char *bytes;
  gsize size;
  Model before;
} Base;

static void
base_set_up (Base *base, gconstpointer data)
{
  static const char *const labels[] = { "ant",  "bee", "cat", "dog",
                                        "eel",  "fox", "gnu", "hen",
                                        "ibex", "jay", "koi", "lynx" };
  g_autoptr (DmlGallery) gallery = NULL;

  fixture_set_up (&base->fixture, NULL);
  gallery = fixture_open (&base->fixture, DML_GALLERY_CREATE);
  for (guint i = 0; i < 24; i++) {
    g_autofree char *line = g_strdup_printf ("E %s %u", labels[i % 12], i);

    g_assert_true (model_change_file (line, gallery, NULL));
  }
  model_init (&base->before);
  model_read (&base->before, gallery);
  g_clear_pointer (&gallery, dml_gallery_unref);
  g_assert_true (
    g_file_get_contents (base->fixture.path, &base->bytes, &base->size, NULL));
}

static void
base_tear_down (Base *base, gconstpointer data)
{
  model_clear (&base->before);
  g_free (base->bytes);
  fixture_tear_down (&base->fixture, NULL);
}

/* The folder as it was: the file, nothing beside it. */
static void
base_restore (Base *base)
{
  static const char *const beside[] = { "-wal", "-shm", "-journal" };

  for (gsize i = 0; i < G_N_ELEMENTS (beside); i++) {
    g_autofree char *path = g_strconcat (base->fixture.path, beside[i], NULL);

    g_unlink (path);
  }
  g_assert_true (g_file_set_contents_full (
    base->fixture.path, base->bytes, (gssize) base->size,
    G_FILE_SET_CONTENTS_NONE, 0666, NULL)); /* in place, not synced */
}

/* Opens, changes, reads, closes. TRUE: changed. */
static gboolean
change (Base *base, const char *line, GError **error)
{
  g_autoptr (DmlGallery) gallery = dml_gallery_open_space (
    base->fixture.path, DML_GALLERY_WRITE, &base->fixture.space, error);
  g_autoptr (DmlSnapshot) snapshot = NULL;

  if (gallery == NULL || !model_change_file (line, gallery, error))
    return FALSE;
  snapshot = dml_gallery_get_snapshot (gallery, NULL); /* may fail or not */
  return TRUE;
}

/* The file is sound and holds what it should. @either: a change that was
 * refused may be there all the same. */
static void
check (Base *base, const char *line, gboolean changed, gboolean either,
       const char *what)
{
  g_autoptr (DmlGallery) gallery =
    fixture_open (&base->fixture, DML_GALLERY_WRITE);
  g_auto (GStrv) problems = NULL;
  g_autoptr (GError) error = NULL;
  Model file, want;

  g_assert_true (dml_gallery_verify (gallery, &problems, &error));
  g_assert_no_error (error);
  if (problems[0] != NULL)
    g_error ("%s, %s: %s", what, line, problems[0]);
  model_init (&file);
  model_init (&want);
  model_read (&file, gallery);
  model_copy (&want, &base->before);
  if (changed)
    model_apply (&want, line);
  if (!model_equal (&file, &want) && either)
    model_apply (&want, line);
  if (!model_equal (&file, &want)) {
    g_autofree char *got = model_print (&file);

    g_error ("%s, %s: %s, but the file holds %s", what, line,
             changed ? "changed" : "not changed", got);
  }
  model_clear (&file);
  model_clear (&want);
}

static void
check_error (const GError *error, gboolean changed, const char *line,
             const char *what, int code)
{
  if (changed)
    g_assert_no_error (error);
  else {
    g_assert_nonnull (error);
    g_assert_true (error->domain == DML_ERROR);
    if (code >= 0 && error->code != code)
      g_error ("%s, %s: code %d for '%s'", what, line, error->code,
               error->message);
    g_assert_nonnull (strstr (error->message, "shop.bin"));
  }
}

static void
fail_writes (Base *base, FaultMode mode, const char *what)
{
  for (gsize c = 0; c < G_N_ELEMENTS (changes); c++) {
    guint n = 0, n_refused = 0;

    do {
      g_autoptr (GError) error = NULL;
      gboolean changed;

      base_restore (base);
      fault_vfs_arm (++n, mode);
      changed = change (base, changes[c], &error);
      {
        const gboolean done = !fault_vfs_struck ();

        fault_vfs_arm (0, mode);
        n_refused += !changed;
        check_error (error, changed, changes[c], what,
                     mode == FAULT_FULL ? DML_ERROR_NO_SPACE : -1);
        check (base, changes[c], changed, mode == FAULT_BREAK, what);
        if (done)
          break;
      }
    } while (n < 10000);
    g_test_message ("%s, %s: %u runs, %u refused", what, changes[c], n,
                    n_refused);
    g_assert_cmpuint (n_refused, >, 0);
    g_assert_cmpuint (n, <, 10000);
  }
}

static void
test_write_fails_once (Base *base, gconstpointer data)
{
  fail_writes (base, FAULT_ONCE, "one failing write");
}

static void
test_disk_is_full (Base *base, gconstpointer data)
{
  fail_writes (base, FAULT_FULL, "full disk");
}

/* The last word of a commit is written and cannot be synced: the caller is told
 * no, and nothing can take the word back from a disk that is broken. */
static void
test_disk_breaks (Base *base, gconstpointer data)
{
  fail_writes (base, FAULT_BREAK, "broken disk");
}

/* A file is made whole or not at all, and nothing lies about afterwards. */
static void
test_making_fails (Base *base, gconstpointer data)
{
  for (guint mode = FAULT_ONCE; mode <= FAULT_BREAK; mode++)
    for (guint n = 1;; n++) {
      g_autoptr (DmlGallery) gallery = NULL;
      g_autoptr (GError) error = NULL;
      g_autofree char *files = NULL;
      gboolean struck;

      g_unlink (base->fixture.path);
      fault_vfs_arm (n, mode);
      gallery = dml_gallery_open_space (base->fixture.path, DML_GALLERY_CREATE,
                                        &base->fixture.space, &error);
      struck = fault_vfs_struck ();
      fault_vfs_arm (0, mode);
      check_error (error, gallery != NULL, "making", "making", -1);
      g_clear_pointer (&gallery, dml_gallery_unref);
      files = fixture_list (&base->fixture);
      if (strcmp (files, "") != 0) /* whole: it opens */
        dml_gallery_unref (fixture_open (&base->fixture, DML_GALLERY_WRITE));
      if (!struck)
        break;
      g_assert_cmpuint (n, <, 1000);
    }
}

static void
test_sqlite_runs_out_of_memory (Base *base, gconstpointer data)
{
  for (gsize c = 0; c < G_N_ELEMENTS (changes); c++) {
    guint n = 0, n_refused = 0;
    gboolean struck;

    do {
      g_autoptr (GError) error = NULL;
      gboolean changed;

      base_restore (base);
      malloc_n = 0;
      /* Every allocation takes minutes; of the later ones some will do. */
      malloc_fail_at = n += 1 + n / 50;
      changed = change (base, changes[c], &error);
      struck = malloc_n >= malloc_fail_at;
      malloc_fail_at = 0;
      n_refused += !changed;
      check_error (error, changed, changes[c], "memory", DML_ERROR_NO_MEMORY);
      check (base, changes[c], changed, FALSE, "memory");
    } while (struck);
    g_assert_cmpuint (n_refused, >, 20);
  }
}

static void
test_we_run_out_of_memory (Base *base, gconstpointer data)
{
  if (!memory_can_fail ())
    return;
  for (guint n = 1;; n++) {
    g_autoptr (DmlGallery) gallery = NULL;
    g_autoptr (DmlSnapshot) snapshot = NULL;
    g_autoptr (GError) error = NULL;
    gboolean ok;

    base_restore (base);
    dml_mem_fail_nth (n);
    gallery = dml_gallery_open_space (base->fixture.path, DML_GALLERY_WRITE,
                                      &base->fixture.space, &error);
    ok = gallery != NULL &&
         dml_gallery_calibrate_with (gallery, NULL, 0.1, NULL, NULL, &error) &&
         (snapshot = dml_gallery_get_snapshot (gallery, &error)) != NULL;
    for (guint c = DML_CLASSIFIER_KNN; ok && c <= DML_CLASSIFIER_BAYES; c++) {
      const char *const labels[] = { "ant", "bee", "cat", NULL };
      DmlMatcherOptions options = DML_MATCHER_OPTIONS_INIT;
      g_autoptr (DmlMatcher) matcher = NULL;

      options.classifier = c;
      options.labels = labels;
      matcher = dml_matcher_new_with (snapshot, NULL, &options, &error);
      ok = matcher != NULL;
    }
    if (ok) {
      g_assert_no_error (error);
      g_assert_cmpuint (n, >, 10);
      dml_mem_fail_nth (0);
      break;
    }
    g_assert_error (error, DML_ERROR, DML_ERROR_NO_MEMORY);
    dml_mem_fail_nth (0);
    g_clear_pointer (&gallery, dml_gallery_unref);
    check (base, "C", FALSE, FALSE, "memory");
  }
}

#define add(name, function)                                                    \
  g_test_add ("/gallery-faults/" name, Base, NULL, base_set_up, function,      \
              base_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  mem_install ();
  fault_vfs_install ();
  add ("write-fails-once", test_write_fails_once);
  add ("disk-is-full", test_disk_is_full);
  add ("disk-breaks", test_disk_breaks);
  add ("making-fails", test_making_fails);
  add ("sqlite-runs-out-of-memory", test_sqlite_runs_out_of_memory);
  add ("we-run-out-of-memory", test_we_run_out_of_memory);
  return g_test_run ();
}
