/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Going through folders: links that lead round, pipes, shut doors, depth. */
#include <dml/dml-folder.h>
#include <dml/dml-error.h>

#include "folder_cases.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
make_folder (const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_assert_cmpint (g_mkdir_with_parents (path, 0755), ==, 0);
}

static void
make_file (const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_assert_true (g_file_set_contents (path, "x", 1, NULL));
}

static void
make_link (const char *target, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_assert_cmpint (symlink (target, path), ==, 0);
}

/* "kind path below" of each thing, and its problem. */
static gboolean
write_down (const DmlFolderItem *item, gpointer data, GError **error)
{
  static const char *const kinds[] = { "picture", "no-file", "shut", "loop",
                                       "other" };

  g_assert_null (*error);
  g_string_append_printf (data, "%s %s [%s]%s%s\n", kinds[item->kind],
                          item->path + strlen (folder) + 1, item->below,
                          item->problem ? ": " : "",
                          item->problem ? item->problem : "");
  return TRUE;
}

static char *
walk (void)
{
  GString *text = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (dml_folder_walk (folder, write_down, text, &error));
  g_assert_no_error (error);
  return g_string_free (text, FALSE);
}

static void
test_order_and_labels (void)
{
  g_autofree char *found = NULL;

  make_folder ("b/c");
  make_folder ("__MACOSX");
  make_folder ("@eaDir"); /* a Synology's */
  make_folder ("@eaDir/b.jpg");
  make_folder (".hidden");
  make_file ("b/c/2.JPG");
  make_file ("b/c/10.webp");
  make_file ("b/._1.png");
  make_file ("b/notes.txt");
  make_file ("a.png");
  make_file ("__MACOSX/x.png");
  make_file ("@eaDir/b.jpg/SYNOPHOTO_THUMB_M.jpg");
  make_file (".hidden/x.png");
  found = walk ();
  g_assert_cmpstr (found, ==,
                   "picture a.png []\n"
                   "picture b/c/10.webp [b/c]\n"
                   "picture b/c/2.JPG [b/c]\n"
                   "other b/notes.txt [b]\n");
}

static void
test_links_that_lead_round (void)
{
  g_autofree char *found = NULL;

  make_folder ("a");
  make_folder ("b");
  make_file ("a/1.png");
  make_file ("b/2.png");
  make_link ("..", "a/up");
  make_link (".", "a/same");
  make_link ("../b", "a/b"); /* not above: its pictures come under both */
  make_link ("../a", "b/a");
  found = walk ();
  g_assert_cmpstr (found, ==,
                   "picture a/1.png [a]\n"
                   "picture a/b/2.png [a/b]\n"
                   "loop a/b/a [a/b]: leads back to a folder above\n"
                   "loop a/same [a]: leads back to a folder above\n"
                   "loop a/up [a]: leads back to a folder above\n"
                   "picture b/2.png [b]\n"
                   "picture b/a/1.png [b/a]\n"
                   "loop b/a/b [b/a]: leads back to a folder above\n"
                   "loop b/a/same [b/a]: leads back to a folder above\n"
                   "loop b/a/up [b/a]: leads back to a folder above\n");
}

static void
test_what_is_no_file (void)
{
  g_autofree char *pipe_ = g_build_filename (folder, "p.jpg", NULL);
  g_autofree char *found = NULL;

  g_assert_cmpint (mkfifo (pipe_, 0600), ==, 0);
  make_link ("/dev/zero", "z.png");
  make_link ("/nowhere", "gone.png");
  make_file ("1.png");
  found = walk ();
  g_assert_cmpstr (found, ==,
                   "picture 1.png []\n"
                   "picture gone.png []\n"
                   "no-file p.jpg []: not a regular file\n"
                   "no-file z.png []: not a regular file\n");
}

static void
test_doors_that_are_shut (void)
{
  const uid_t user = geteuid ();
  g_autofree char *shut = g_build_filename (folder, "shut", NULL);
  g_autofree char *found = NULL;
  g_autoptr (GError) error = NULL;
  GString *nothing;

  make_folder ("shut");
  make_file ("shut/1.png");
  make_file ("z.png");
  g_assert_cmpint (chmod (folder, 0755), ==, 0);
  g_assert_cmpint (chmod (shut, 0), ==, 0);
  if (user == 0) /* to whom every door is open */
    g_assert_cmpint (seteuid (65534), ==, 0);
  found = walk ();
  nothing = g_string_new (NULL);
  g_assert_false (dml_folder_walk (shut, write_down, nothing, &error));
  if (user == 0)
    g_assert_cmpint (seteuid (0), ==, 0);
  g_assert_cmpint (chmod (shut, 0700), ==, 0);
  g_string_free (nothing, TRUE);
  g_assert_error (error, DML_ERROR, DML_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "shut: Permission denied"));
  g_assert_cmpstr (found, ==,
                   "shut shut [shut]: Permission denied\n"
                   "picture z.png []\n");
}

static void
test_depth (void)
{
  g_autoptr (GString) path = g_string_new ("d");
  g_autofree char *found = NULL;

  for (int i = 0; i < 33; i++)
    g_string_append (path, "/d");
  make_folder (path->str);
  make_file ("d/1.png");
  found = walk ();
  g_assert_nonnull (strstr (found, "picture d/1.png [d]\n"));
  g_assert_nonnull (strstr (found, "]: more than 32 folders deep\n"));
}

static gboolean
stop (const DmlFolderItem *item, gpointer data, GError **error)
{
  g_set_error (error, DML_ERROR, DML_ERROR_CANCELLED, "%s", item->below);
  ++*(int *) data;
  return FALSE;
}

static void
test_stops_when_told (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *none = g_build_filename (folder, "none", NULL);
  int n = 0;

  make_folder ("a/b");
  make_file ("a/b/1.png");
  make_file ("a/b/2.png");
  g_assert_false (dml_folder_walk (folder, stop, &n, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_CANCELLED);
  g_assert_cmpint (n, ==, 1);
  g_clear_error (&error);
  g_assert_false (dml_folder_walk (none, stop, &n, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_NOT_FOUND);
}

int
main (int argc, char **argv)
{
  static const FolderCase cases[] = {
    { "order-and-labels", test_order_and_labels },
    { "links-that-lead-round", test_links_that_lead_round },
    { "what-is-no-file", test_what_is_no_file },
    { "doors-that-are-shut", test_doors_that_are_shut },
    { "depth", test_depth },
    { "stops-when-told", test_stops_when_told },
  };

  g_test_init (&argc, &argv, NULL);
  folder_cases_add ("folder", cases, G_N_ELEMENTS (cases));
  return g_test_run ();
}
