/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Reading folders, tar files and tables of pictures. */
#include "train/source.h"
#include "base/error.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX ((size_t) 256 << 20) /* bytes of one picture file */
#define FOLDER_DEPTH_MAX 32           /* also ends loops of symbolic links */
#define TABLE_MAX ((goffset) 1 << 30) /* bytes of a CSV file */

typedef struct {
  DmlSourceFunc func;
  gpointer data;
  size_t n_other;
} Reader;

/* By its name only: what cannot be decoded is to be counted, not overlooked. */
static gboolean
is_picture_name (const char *name)
{
  static const char *const endings[] = {
    "jpg", "jpeg", "jpe",  "jfif", "png",  "webp", "gif",
    "bmp", "tif",  "tiff", "heic", "heif", "avif", "ppm",
  };
  const char *dot = strrchr (name, '.');

  if (name[0] == '.' || dot == NULL) /* "._x.jpg": a Mac's shadow of x.jpg */
    return FALSE;
  for (size_t i = 0; i < G_N_ELEMENTS (endings); i++)
    if (g_ascii_strcasecmp (dot + 1, endings[i]) == 0)
      return TRUE;
  return FALSE;
}

static GBytes *
read_file (const char *path, GError **error)
{
  struct stat st;
  char *contents;
  gsize size;

  if (stat (path, &st) != 0 || !S_ISREG (st.st_mode))
    return dml_fail_null (error, NOT_FOUND, "not a file");
  if ((guint64) st.st_size > FILE_MAX)
    return dml_fail_null (error, LIMIT, "larger than %zu MiB", FILE_MAX >> 20);
  if (st.st_size == 0)
    return dml_fail_null (error, FORMAT, "empty file");
  if (!g_file_get_contents (path, &contents, &size, error))
    return NULL;
  return g_bytes_new_take (contents, size);
}

/* ---- folders ---- */

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static gboolean
hand_over_file (Reader *reader, const char *path, DmlSourceItem *item,
                GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_autoptr (GBytes) bytes = read_file (path, &problem);

  item->name = path;
  item->bytes = bytes;
  item->problem = problem ? problem->message : NULL;
  return reader->func (item, reader->data, error);
}

static gboolean
read_folder (Reader *reader, const char *path, const char *label, int depth,
             GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_autoptr (GDir) dir = g_dir_open (path, 0, &reason);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  if (dir == NULL)
    return dml_fail (error, NOT_FOUND, "%s", reason->message);
  if (depth > FOLDER_DEPTH_MAX)
    return dml_fail (error, LIMIT,
                     "%s: folders lie more than %d deep; is there a link in "
                     "them that leads back up?",
                     path, FOLDER_DEPTH_MAX);
  while ((name = g_dir_read_name (dir)) != NULL)
    if (name[0] != '.' && strcmp (name, "__MACOSX") != 0)
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);

  for (guint i = 0; i < names->len; i++) {
    name = names->pdata[i];
    g_autofree char *inner = g_build_filename (path, name, NULL);

    if (g_file_test (inner, G_FILE_TEST_IS_DIR)) {
      g_autofree char *inner_label =
        *label ? g_strconcat (label, "/", name, NULL) : g_strdup (name);

      if (!read_folder (reader, inner, inner_label, depth + 1, error))
        return FALSE;
    } else if (is_picture_name (name)) {
      DmlSourceItem item = { .label = label };

      if (!hand_over_file (reader, inner, &item, error))
        return FALSE;
    } else {
      reader->n_other++;
    }
  }
  return TRUE;
}

/* ---- tar ---- */

/* The folder part of a member's path; "./a/b/c.jpg" -> "a/b". */
static char *
member_label (const char *member)
{
  const char *slash;

  while (member[0] == '.' && member[1] == '/')
    member += 2;
  slash = strrchr (member, '/');
  return slash ? g_strndup (member, (gsize) (slash - member)) : g_strdup ("");
}

/* Where every member lies below one common folder ("photos/apple/1.jpg"),
 * that folder is a part of every label; harmless, so it stays. */
static gboolean
read_member (Reader *reader, const char *path, struct archive *archive,
             struct archive_entry *entry, GError **error)
{
  const char *member = archive_entry_pathname (entry);
  const gint64 size = archive_entry_size (entry);
  g_autofree char *label = member_label (member);
  g_autofree char *name = g_strdup_printf ("%s: %s", path, member);
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

    if (archive_entry_filetype (entry) != AE_IFREG || member == NULL)
      continue;
    g_autofree char *base = g_path_get_basename (member);

    if (!g_utf8_validate (member, -1, NULL) || !is_picture_name (base))
      reader->n_other++;
    else
      ok = read_member (reader, path, archive, entry, error);
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

/* ---- tables ---- */

gboolean
dml_source_split_line (char *line, GPtrArray *fields)
{
  char *in = line, *out;

  g_ptr_array_set_size (fields, 0);
  for (;;) {
    gboolean quoted = *in == '"';

    if (quoted)
      in++;
    out = in;
    g_ptr_array_add (fields, in);
    for (;; in++) {
      if (quoted && in[0] == '"' && in[1] == '"')
        in++;
      else if (quoted && *in == '"') {
        quoted = FALSE;
        continue;
      } else if (!quoted && (*in == ',' || *in == '\0'))
        break;
      else if (*in == '\0')
        return FALSE;
      *out++ = *in;
    }
    const char end = *in;

    *out = '\0';
    if (end == '\0')
      return TRUE;
    in++;
  }
}

enum { COL_PATH, COL_LABEL, COL_SPLIT, COL_X, COL_Y, COL_W, COL_H, N_COLS };

static const char *const column_names[N_COLS] = { "path", "label", "split", "x",
                                                  "y",    "w",     "h" };

/* A first line that names its columns says their order; without one they stand
 * as in column_names. */
static gboolean
read_header (const GPtrArray *fields, int column[N_COLS])
{
  gboolean named = FALSE;

  for (int c = 0; c < N_COLS; c++)
    column[c] = -1;
  for (guint i = 0; i < fields->len; i++)
    for (int c = 0; c < N_COLS; c++)
      if (g_ascii_strcasecmp (fields->pdata[i], column_names[c]) == 0)
        column[c] = (int) i;
  named = column[COL_PATH] >= 0 && column[COL_LABEL] >= 0;
  for (int c = 0; c < N_COLS && !named; c++)
    column[c] = c;
  return named;
}

static const char *
field_at (const GPtrArray *fields, int i)
{
  return i >= 0 && (guint) i < fields->len && *(char *) fields->pdata[i]
           ? fields->pdata[i]
           : NULL;
}

static gboolean
read_box (const GPtrArray *fields, const int column[N_COLS],
          DmlSourceItem *item)
{
  double v[4];

  for (int c = 0; c < 4; c++) {
    const char *text = field_at (fields, column[COL_X + c]);
    char *end = NULL;

    if (text == NULL)
      return c == 0; /* none of them, or not all */
    v[c] = g_ascii_strtod (text, &end);
    if (*end != '\0' || !isfinite (v[c]) || fabs (v[c]) > 1e6)
      return FALSE;
  }
  if (v[2] <= 0 || v[3] <= 0)
    return FALSE;
  item->has_box = TRUE;
  item->box =
    (DmlRegion){ (float) v[0], (float) v[1], (float) v[2], (float) v[3] };
  return TRUE;
}

static gboolean
read_row (Reader *reader, const char *table, const char *folder,
          unsigned number, const GPtrArray *fields, const int column[N_COLS],
          GError **error)
{
  const char *path = field_at (fields, column[COL_PATH]);
  const char *label = field_at (fields, column[COL_LABEL]);
  DmlSourceItem item = { .label = label ? label : "",
                         .split = field_at (fields, column[COL_SPLIT]) };
  g_autofree char *whole = NULL;

  if (path == NULL)
    return dml_fail (error, FORMAT, "%s:%u: no path in this line", table,
                     number);
  if (item.split != NULL && strcmp (item.split, "train") != 0 &&
      strcmp (item.split, "val") != 0 && strcmp (item.split, "test") != 0)
    return dml_fail (error, FORMAT,
                     "%s:%u: split is '%s'; train, val or test is expected",
                     table, number, item.split);
  if (!read_box (fields, column, &item))
    return dml_fail (error, FORMAT,
                     "%s:%u: x,y,w,h is no box: four numbers are expected, "
                     "width and height above 0",
                     table, number);
  whole = g_path_is_absolute (path) ? g_strdup (path)
                                    : g_build_filename (folder, path, NULL);
  return hand_over_file (reader, whole, &item, error);
}

static gboolean
read_table (Reader *reader, const char *path, GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_autoptr (GPtrArray) fields = g_ptr_array_new ();
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *text = NULL;
  int column[N_COLS];
  gboolean first = TRUE;
  unsigned number = 0;
  struct stat st;

  if (stat (path, &st) == 0 && st.st_size > TABLE_MAX)
    return dml_fail (error, LIMIT, "%s: larger than 1 GiB", path);
  if (!g_file_get_contents (path, &text, NULL, &reason))
    return dml_fail (error, NOT_FOUND, "%s", reason->message);
  if (!g_utf8_validate (text, -1, NULL))
    return dml_fail (error, FORMAT, "%s: not UTF-8 text", path);
  for (char *line = text, *next; line != NULL && *line != '\0'; line = next) {
    next = strchr (line, '\n');
    if (next != NULL)
      *next++ = '\0';
    number++;
    g_strchomp (line);
    if (number == 1 && g_str_has_prefix (line, "\xef\xbb\xbf"))
      line += 3;
    if (*line == '\0' || *line == '#')
      continue;
    if (!dml_source_split_line (line, fields))
      return dml_fail (error, FORMAT, "%s:%u: a quote is not closed", path,
                       number);
    if (first) {
      first = FALSE;
      if (read_header (fields, column))
        continue;
    }
    if (!read_row (reader, path, folder, number, fields, column, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
dml_source_read (const char *path, DmlSourceFunc func, gpointer data,
                 size_t *n_other, GError **error)
{
  Reader reader = { .func = func, .data = data };
  gboolean ok;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return dml_fail (error, NOT_FOUND, "%s: no such file or folder", path);
  if (g_file_test (path, G_FILE_TEST_IS_DIR))
    ok = read_folder (&reader, path, "", 0, error);
  else if (g_str_has_suffix (path, ".csv") || g_str_has_suffix (path, ".CSV"))
    ok = read_table (&reader, path, error);
  else
    ok = read_tar (&reader, path, error);
  *n_other += reader.n_other;
  return ok;
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
