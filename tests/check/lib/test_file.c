/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Whole files: bounds, failures, and the old file that stands when writing
 * fails. */
#include "base/file.h"
#include "base/error.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

typedef struct {
  char *folder, *path;
} Fixture;

static void
set_up (Fixture *f, gconstpointer unused)
{
  f->folder = g_dir_make_tmp ("dml-file-XXXXXX", NULL);
  f->path = g_build_filename (f->folder, "a b.bin", NULL);
}

static unsigned
n_files (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  unsigned n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
tear_down (Fixture *f, gconstpointer unused)
{
  g_chmod (f->folder, 0700);
  g_unlink (f->path);
  g_assert_cmpint (g_rmdir (f->folder), ==, 0); /* nothing was left behind */
  g_free (f->folder);
  g_free (f->path);
}

static void
assert_holds (const char *path, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = dml_file_read (path, 1 << 20, &error);
  gsize size;

  g_assert_no_error (error);
  const char *data = g_bytes_get_data (bytes, &size);

  g_assert_cmpmem (data, size, text, strlen (text));
}

static void
test_write_then_read (Fixture *f, gconstpointer unused)
{
  static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 100000 };

  for (unsigned i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree char *text = g_strnfill (sizes[i], 'x');

    g_assert_true (dml_file_replace (f->path, text, sizes[i], NULL));
    assert_holds (f->path, text);
    g_assert_cmpuint (n_files (f->folder), ==, 1);
  }
}

static void
test_read_is_bounded (Fixture *f, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) whole = NULL;

  g_assert_true (dml_file_replace (f->path, "12345", 5, NULL));
  g_assert_null (dml_file_read (f->path, 4, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_LIMIT);
  g_assert_nonnull (strstr (error->message, f->path));
  whole = dml_file_read (f->path, 5, NULL);
  g_assert_nonnull (whole);
}

/* A pipe has no size to go by. */
static void
test_read_from_a_pipe (Fixture *f, gconstpointer unused)
{
  enum { N = 50000 };
  g_autofree char *text = g_strnfill (N, 'p');
  g_autoptr (GError) error = NULL;
  int ends[2];

  g_assert_cmpint (pipe (ends), ==, 0);
  g_assert_cmpint (write (ends[1], text, N), ==, N);
  close (ends[1]);
  g_autofree char *path = g_strdup_printf ("/dev/fd/%d", ends[0]);
  g_autoptr (GBytes) bytes = dml_file_read (path, N, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, N);
  close (ends[0]);
}

static void
test_what_is_no_file (Fixture *f, gconstpointer unused)
{
  g_autoptr (GError) missing = NULL, folder = NULL, nowhere = NULL;
  g_autofree char *below = g_build_filename (f->path, "x", NULL);

  g_assert_null (dml_file_read (f->path, 10, &missing));
  g_assert_error (missing, DML_ERROR, DML_ERROR_NOT_FOUND);
  g_assert_null (dml_file_read (f->folder, 10, &folder));
  g_assert_error (folder, DML_ERROR, DML_ERROR_FORMAT);
  g_assert_false (dml_file_replace (below, "1", 1, &nowhere));
  g_assert_error (nowhere, DML_ERROR, DML_ERROR_NOT_FOUND);
}

/* The limit on a file's size stands for a full disk. */
static void
test_failed_write_leaves_the_old_file (Fixture *f, gconstpointer unused)
{
  g_autofree char *large = g_strnfill (100000, 'l');
  g_autoptr (GError) error = NULL;
  struct rlimit before, small;

  g_assert_true (dml_file_replace (f->path, "old", 3, NULL));
  getrlimit (RLIMIT_FSIZE, &before);
  small = before;
  small.rlim_cur = 4096;
  signal (SIGXFSZ, SIG_IGN);
  setrlimit (RLIMIT_FSIZE, &small);
  const gboolean done = dml_file_replace (f->path, large, 100000, &error);

  setrlimit (RLIMIT_FSIZE, &before);
  g_assert_false (done);
  g_assert_error (error, DML_ERROR, DML_ERROR_NO_SPACE);
  assert_holds (f->path, "old");
  g_assert_cmpuint (n_files (f->folder), ==, 1);
}

static void
test_replaced_file_keeps_its_mode (Fixture *f, gconstpointer unused)
{
  struct stat status;

  g_assert_true (dml_file_replace (f->path, "old", 3, NULL));
  g_chmod (f->path, 0640);
  g_assert_true (dml_file_replace (f->path, "new", 3, NULL));
  g_assert_cmpint (stat (f->path, &status), ==, 0);
  g_assert_cmphex (status.st_mode & 07777, ==, 0640);
  assert_holds (f->path, "new");
}

/* What a killed write left goes, and nothing that only looks like it. */
static void
test_sweep (Fixture *f, gconstpointer unused)
{
  static const struct {
    const char *ending;
    gboolean stays;
  } names[] = {
    { "", TRUE },         { ".aB3xYz", FALSE }, { ".short", TRUE },
    { ".longer7", TRUE }, { ".aB3-Yz", TRUE },  { "xaB3xYz", TRUE }
  };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = g_strconcat (f->path, names[i].ending, NULL);

    g_assert_true (g_file_set_contents (path, "1", 1, NULL));
  }
  dml_file_sweep (f->path);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = g_strconcat (f->path, names[i].ending, NULL);

    g_assert_cmpint (g_file_test (path, G_FILE_TEST_EXISTS), ==,
                     names[i].stays);
    g_unlink (path);
  }
}

static void
test_read_only_folder (Fixture *f, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  if (geteuid () == 0) {
    g_test_skip ("root may write anywhere");
    return;
  }
  g_chmod (f->folder, 0500);
  g_assert_false (dml_file_replace (f->path, "1", 1, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_READ_ONLY);
}

int
main (int argc, char **argv)
{
  static const struct {
    const char *name;
    void (*test) (Fixture *, gconstpointer);
  } tests[] = {
    { "/file/write-then-read", test_write_then_read },
    { "/file/read-is-bounded", test_read_is_bounded },
    { "/file/read-from-a-pipe", test_read_from_a_pipe },
    { "/file/what-is-no-file", test_what_is_no_file },
    { "/file/failed-write-leaves-the-old-file",
      test_failed_write_leaves_the_old_file },
    { "/file/replaced-file-keeps-its-mode", test_replaced_file_keeps_its_mode },
    { "/file/sweep", test_sweep },
    { "/file/read-only-folder", test_read_only_folder },
  };

  g_test_init (&argc, &argv, NULL);
  for (unsigned i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].name, Fixture, NULL, set_up, tests[i].test, tear_down);
  return g_test_run ();
}
