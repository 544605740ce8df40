/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Reading folders and tar files of pictures; tables are read in source_table.c.
 */
#include "train/source.h"
#include "base/error.h"

#include <dml/dml-folder.h>

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX ((size_t) 256 << 20) /* bytes of one picture file */
#define NAMED_MAX 5                   /* of what was left alone, in notes */

/* Things left alone: how many, and the first of them. */
typedef struct {
  guint n;
  char *name[NAMED_MAX];
} Named;

typedef struct {
  DmlSourceFunc func;
  gpointer data;
  size_t n_other;
  Named shut, loops; /* folders */
  char *top;         /* of the first thing in an archive */
  gboolean no_top;   /* not all lies in it */
  GPtrArray *notes;
} Reader;

static void name_it (Named *named, const char *format, ...)
  G_GNUC_PRINTF (2, 3);

static void
name_it (Named *named, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  if (named->n < NAMED_MAX)
    named->name[named->n] = g_strdup_vprintf (format, args);
  va_end (args);
  named->n++;
}

/* A line that says how many, a line for each that is named. */
static void
note (GPtrArray *notes, Named *named, const char *one, const char *many)
{
  if (named->n > 0)
    g_ptr_array_add (
      notes, g_strdup_printf ("%u %s:", named->n, named->n == 1 ? one : many));
  for (guint i = 0; i < MIN (named->n, NAMED_MAX); i++) {
    g_ptr_array_add (notes, g_strconcat ("  ", named->name[i], NULL));
    g_free (named->name[i]);
  }
  if (named->n > NAMED_MAX)
    g_ptr_array_add (notes,
                     g_strdup_printf ("  and %u more", named->n - NAMED_MAX));
}

static GBytes *
read_file (const char *path, GError **error)
{
  struct stat st;
  char *contents;
  gsize size;

  if (stat (path, &st) != 0)
    return dml_fail_null (error, NOT_FOUND, "not a file: %s",
                          g_strerror (errno));
  if (!S_ISREG (st.st_mode))
    return dml_fail_null (error, NOT_FOUND, "not a regular file");
  if ((guint64) st.st_size > FILE_MAX)
    return dml_fail_null (error, LIMIT, "larger than %zu MiB", FILE_MAX >> 20);
  if (st.st_size == 0)
    return dml_fail_null (error, FORMAT, "empty file");
  if (!g_file_get_contents (path, &contents, &size, error))
    return NULL;
  return g_bytes_new_take (contents, size);
}

gboolean
dml_source_hand_over (const char *path, DmlSourceItem *item, DmlSourceFunc func,
                      gpointer data, GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_autoptr (GBytes) bytes = read_file (path, &problem);

  item->name = path;
  item->bytes = bytes;
  item->problem = problem ? problem->message : NULL;
  return func (item, data, error);
}

/* ---- folders ---- */

static gboolean
on_found (const DmlFolderItem *found, gpointer data, GError **error)
{
  Reader *reader = data;
  DmlSourceItem item = { .name = found->path,
                         .label = found->below,
                         .problem = found->problem };

  switch (found->kind) {
  case DML_FOLDER_PICTURE:
    return dml_source_hand_over (found->path, &item, reader->func, reader->data,
                                 error);
  case DML_FOLDER_NO_FILE:
    return reader->func (&item, reader->data, error);
  case DML_FOLDER_SHUT:
    name_it (&reader->shut, "%s: %s", found->path, found->problem);
    return TRUE;
  case DML_FOLDER_LOOP:
    name_it (&reader->loops, "%s", found->path);
    return TRUE;
  case DML_FOLDER_OTHER:
    break;
  }
  reader->n_other++;
  return TRUE;
}

/* ---- tar ---- */

/* "/./a//b/c.jpg" -> "a/b/c.jpg", or NULL for what a folder's walk would pass
 * over. ".." stays: it is a part of a name here, and nothing is unpacked. */
static char *
member_path (const char *member)
{
  g_auto (GStrv) parts = g_strsplit (member, "/", -1);
  g_autoptr (GPtrArray) kept = g_ptr_array_new ();

  for (guint i = 0; parts[i] != NULL; i++) {
    if (*parts[i] == '\0' || strcmp (parts[i], ".") == 0)
      continue;
    if (strcmp (parts[i], "..") != 0 && dml_folder_is_passed_over (parts[i]))
      return NULL;
    g_ptr_array_add (kept, parts[i]);
  }
  g_ptr_array_add (kept, NULL);
  return g_strjoinv ("/", (char **) kept->pdata);
}

/* Whether all of an archive lies in one folder: a tar of "photos" names
 * "photos/" and "photos/apple/1.jpg", one of "." in it "./" and "apple/1.jpg".
 */
static void
find_top (Reader *reader, const char *path, gboolean folder)
{
  const size_t n = strcspn (path, "/");

  if (n == 0 || (path[n] == '\0' && !folder))
    reader->no_top = TRUE; /* "./", or a file beside folders */
  else if (reader->top == NULL)
    reader->top = g_strndup (path, n);
  else if (strlen (reader->top) != n || strncmp (reader->top, path, n) != 0)
    reader->no_top = TRUE;
}

static gboolean
read_member (Reader *reader, const char *path, struct archive *archive,
             struct archive_entry *entry, const char *inner, GError **error)
{
  const gint64 size = archive_entry_size (entry);
  const char *slash = strrchr (inner, '/');
  g_autofree char *label =
    g_strndup (inner, slash ? (gsize) (slash - inner) : 0);
  g_autofree char *name =
    g_strdup_printf ("%s: %s", path, archive_entry_pathname (entry));
  g_autoptr (GBytes) bytes = NULL;
  g_autofree char *problem = NULL;
  DmlSourceItem item = { .name = name, .label = label };

  if (size <= 0) {
    problem = g_strdup ("empty file");
  } else if ((guint64) size > FILE_MAX) {
    problem = g_strdup_printf ("larger than %zu MiB", FILE_MAX >> 20);
  } else {
    char *contents = g_try_malloc ((gsize) size);
    const la_ssize_t got =
      contents ? archive_read_data (archive, contents, (size_t) size) : -1;

    if (got == size)
      bytes = g_bytes_new_take (contents, (gsize) size);
    else {
      g_free (contents);
      return dml_fail (error, FORMAT,
                       "%s: the archive breaks off or is "
                       "damaged: %s",
                       name,
                       archive_error_string (archive)
                         ? archive_error_string (archive)
                         : "fewer bytes than its header says");
    }
  }
  item.bytes = bytes;
  item.problem = problem;
  return reader->func (&item, reader->data, error);
}

static gboolean
read_tar (Reader *reader, const char *path, GError **error)
{
  struct archive *archive = archive_read_new ();
  struct archive_entry *entry;
  gboolean ok = TRUE;
  int status;

  archive_read_support_filter_all (archive);
  archive_read_support_format_tar (archive);
  archive_read_support_format_zip (archive);
  status = archive_read_open_filename (archive, path, 1 << 16);
  while (status >= ARCHIVE_WARN && ok &&
         (status = archive_read_next_header (archive, &entry)) >=
           ARCHIVE_WARN &&
         status != ARCHIVE_EOF) {
    const char *member = archive_entry_pathname (entry);
    g_autofree char *inner = member ? member_path (member) : NULL;

    if (inner == NULL)
      continue;
    find_top (reader, inner, archive_entry_filetype (entry) == AE_IFDIR);
    if (archive_entry_filetype (entry) != AE_IFREG)
      continue;
    g_autofree char *base = g_path_get_basename (inner);

    if (!g_utf8_validate (member, -1, NULL) ||
        !dml_folder_is_picture_name (base))
      reader->n_other++;
    else
      ok = read_member (reader, path, archive, entry, inner, error);
  }
  if (ok && status != ARCHIVE_EOF)
    ok =
      dml_fail (error, FORMAT,
                "%s: neither a folder, a tar file nor a table (.csv), or "
                "damaged: %s",
                path,
                archive_error_string (archive) ? archive_error_string (archive)
                                               : "unknown format");
  archive_read_free (archive);
  return ok;
}

gboolean
dml_source_read (const char *path, DmlSourceFunc func, gpointer data,
                 DmlSourceSummary *summary, GError **error)
{
  Reader reader = { .func = func, .data = data };
  gboolean ok;

  *summary = (DmlSourceSummary){ 0 };
  reader.notes = summary->notes = g_ptr_array_new_with_free_func (g_free);
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return dml_fail (error, NOT_FOUND, "%s: no such file or folder", path);
  if (g_file_test (path, G_FILE_TEST_IS_DIR))
    ok = dml_folder_walk (path, on_found, &reader, error);
  else if (g_str_has_suffix (path, ".csv") || g_str_has_suffix (path, ".CSV"))
    ok = dml_source_read_table (path, func, data, summary->notes, error);
  else
    ok = read_tar (&reader, path, error);
  summary->n_other = reader.n_other;
  summary->top = reader.no_top ? NULL : g_strdup (reader.top);
  g_free (reader.top);
  note (summary->notes, &reader.shut, "folder cannot be read and is skipped",
        "folders cannot be read and are skipped");
  note (summary->notes, &reader.loops,
        "link leads back to a folder above and is passed over",
        "links lead back to a folder above and are passed over");
  return ok;
}

void
dml_source_summary_clear (DmlSourceSummary *summary)
{
  g_clear_pointer (&summary->notes, g_ptr_array_unref);
  g_clear_pointer (&summary->top, g_free);
}

char *
dml_source_prefix (const char *path)
{
  static const char *const endings[] = { ".gz",  ".xz",  ".zst", ".bz2",
                                         ".tar", ".tgz", ".zip", ".csv" };
  g_autofree char *absolute = g_canonicalize_filename (path, NULL);
  char *name = g_path_get_basename (absolute);

  for (size_t i = 0; i < G_N_ELEMENTS (endings); i++)
    if (g_str_has_suffix (name, endings[i]))
      name[strlen (name) - strlen (endings[i])] = '\0';
  return name;
}
