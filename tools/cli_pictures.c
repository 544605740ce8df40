/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Finding pictures in files and folders. */
#include "cli.h"

#include <string.h>

static void
picture_free (gpointer data)
{
  CliPicture *picture = data;

  g_free (picture->path);
  g_free (picture->label);
  g_free (picture->problem);
  g_free (picture);
}

static void
add (GPtrArray *pictures, const char *path, char *label, const char *problem)
{
  CliPicture *picture = g_new0 (CliPicture, 1);

  picture->path = g_strdup (path);
  picture->label = label;
  picture->problem = g_strdup (problem);
  g_ptr_array_add (pictures, picture);
}

/* "photos/Apple red.jpg": "Apple red" */
static char *
stem (const char *path)
{
  g_autofree char *name = g_path_get_basename (path);
  char *dot = strrchr (name, '.');

  if (dot != NULL && dot != name)
    *dot = '\0';
  return g_utf8_make_valid (name, -1);
}

typedef struct {
  GPtrArray *pictures;
  guint n_others;
} Found;

static gboolean
on_found (const DmlFolderItem *item, gpointer data, GError **error)
{
  Found *found = data;
  g_autofree char *shown = NULL;

  (void) error;
  switch (item->kind) {
  case DML_FOLDER_PICTURE:
  case DML_FOLDER_NO_FILE:
  case DML_FOLDER_SHUT:
    add (found->pictures, item->path,
         *item->below ? g_utf8_make_valid (item->below, -1) : stem (item->path),
         item->problem);
    break;
  case DML_FOLDER_LOOP:
    shown = cli_printable (item->path);
    cli_say ("%s: %s; passed over", shown, item->problem);
    break;
  case DML_FOLDER_OTHER:
    found->n_others++;
    break;
  }
  return TRUE;
}

GPtrArray *
cli_pictures (char **paths, guint *n_others, GError **error)
{
  g_autoptr (GPtrArray) pictures =
    g_ptr_array_new_with_free_func (picture_free);
  Found found = { pictures, 0 };

  for (; paths != NULL && *paths != NULL; paths++) {
    if (g_file_test (*paths, G_FILE_TEST_IS_DIR)) {
      if (!dml_folder_walk (*paths, on_found, &found, error))
        return NULL;
    } else if (g_file_test (*paths, G_FILE_TEST_EXISTS))
      add (pictures, *paths, stem (*paths), NULL);
    else {
      g_set_error (error, DML_ERROR, DML_ERROR_NOT_FOUND,
                   "%s: no such file or folder", *paths);
      return NULL;
    }
  }
  if (n_others != NULL)
    *n_others = found.n_others;
  return g_steal_pointer (&pictures);
}

gboolean
cli_picture_check (const CliPicture *picture, GError **error)
{
  g_autofree char *shown = NULL;

  if (picture->problem == NULL)
    return TRUE;
  shown = cli_printable (picture->path);
  g_set_error (error, DML_ERROR, DML_ERROR_FORMAT, "%s: %s", shown,
               picture->problem);
  return FALSE;
}

gboolean
cli_embed (DmlSession *session, const DmlPicture *picture, const char *path,
           guint n_views, float *out, GError **error)
{
  g_autofree char *shown = NULL;

  if (dml_session_embed_enrolment (session, picture, n_views, out, error))
    return TRUE;
  shown = cli_printable (path);
  g_prefix_error (error, "%s: ", shown);
  return FALSE;
}
