/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Reading tables that name pictures: path,label[,split][,x,y,w,h]. */
#include "train/source.h"
#include "base/error.h"
#include "base/words.h"

#include <dml/dml-folder.h>

#include <math.h>
#include <string.h>
#include <sys/stat.h>

#define TABLE_MAX ((goffset) 1 << 30) /* bytes of a CSV file */

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

typedef struct {
  DmlSourceFunc func;
  gpointer data;
  GPtrArray *notes;
  guint n, n_unlabelled;
} Rows;

enum { COL_PATH, COL_LABEL, COL_SPLIT, COL_X, COL_Y, COL_W, COL_H, N_COLS };

static const char *const column_names[N_COLS] = { "path", "label", "split", "x",
                                                  "y",    "w",     "h" };

#define COLUMNS "path,label[,split][,x,y,w,h]"

/* A first line that names its columns says their order; without one they stand
 * as in column_names. Names of others are noted: one may be mistyped. Of two
 * columns of one name nobody knows which is meant: FORMAT. */
static gboolean
read_header (const Rows *rows, const char *table, unsigned number,
             const GPtrArray *fields, int column[N_COLS], gboolean *named,
             GError **error)
{
  g_autoptr (GString) others = g_string_new (NULL);
  int doubled = -1;

  for (int c = 0; c < N_COLS; c++)
    column[c] = -1;
  for (guint i = 0; i < fields->len; i++) {
    g_autofree char *name = g_strstrip (g_strdup (fields->pdata[i]));
    int c = 0;

    while (c < N_COLS && g_ascii_strcasecmp (name, column_names[c]) != 0)
      c++;
    if (c < N_COLS) {
      doubled = column[c] >= 0 ? c : doubled;
      column[c] = (int) i;
    } else
      g_string_append_printf (others, "%s%s", others->len ? ", " : "", name);
  }
  *named = column[COL_PATH] >= 0 && column[COL_LABEL] >= 0;
  if (*named && doubled >= 0)
    return dml_fail (error, FORMAT,
                     "%s:%u: two columns are called %s; give one of them "
                     "another name",
                     table, number, column_names[doubled]);
  for (int c = 0; c < N_COLS && !*named; c++)
    column[c] = c;
  if (*named && others->len > 0)
    g_ptr_array_add (
      rows->notes,
      g_strdup_printf ("%s: columns that are not known and not read: %s", table,
                       others->str));
  return TRUE;
}

/* (transfer full) */
static char *
path_from (const char *folder, const char *path)
{
  return g_path_is_absolute (path) ? g_strdup (path)
                                   : g_build_filename (folder, path, NULL);
}

/* A first line that names no picture is a header of other words, or of columns
 * that are not separated by commas. */
static gboolean
check_first_row (const char *table, const char *folder, unsigned number,
                 const GPtrArray *fields, GError **error)
{
  const char *path = fields->pdata[0];
  g_autofree char *whole = path_from (folder, path);
  g_autofree char *name = g_path_get_basename (path);
  const char *separator = strpbrk (path, ";\t|");

  if (*path == '\0' || g_file_test (whole, G_FILE_TEST_EXISTS))
    return TRUE;
  if (separator != NULL)
    return dml_fail (error, FORMAT,
                     "%s:%u: columns are separated by %s; commas are "
                     "expected: " COLUMNS,
                     table, number,
                     *separator == ';'   ? "';'"
                     : *separator == '|' ? "'|'"
                                         : "tabs");
  if (!dml_folder_is_picture_name (name))
    return dml_fail (error, FORMAT,
                     "%s:%u: '%s' is no picture; a first line that names the "
                     "columns path and label is expected, or none: " COLUMNS,
                     table, number, path);
  return TRUE;
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
read_row (Rows *rows, const char *table, const char *folder, unsigned number,
          const GPtrArray *fields, const int column[N_COLS], GError **error)
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
  rows->n++;
  rows->n_unlabelled += label == NULL;
  whole = path_from (folder, path);
  return dml_source_hand_over (whole, &item, rows->func, rows->data, error);
}

gboolean
dml_source_read_table (const char *path, DmlSourceFunc func, gpointer data,
                       GPtrArray *notes, GError **error)
{
  Rows rows = { func, data, notes, 0, 0 };
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
      gboolean named;

      first = FALSE;
      if (!read_header (&rows, path, number, fields, column, &named, error))
        return FALSE;
      if (named)
        continue;
      if (!check_first_row (path, folder, number, fields, error))
        return FALSE;
    }
    if (!read_row (&rows, path, folder, number, fields, column, error))
      return FALSE;
  }
  if (rows.n_unlabelled > 0)
    g_ptr_array_add (rows.notes,
                     g_strdup_printf ("%s: %u of %u row%s %s no label", path,
                                      rows.n_unlabelled, rows.n, DML_S (rows.n),
                                      DML_HAS (rows.n_unlabelled)));
  return TRUE;
}
