/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Finding pictures in files and folders. */
#include "cli.h"

#include <string.h>

#define DEPTH_MAX 32 /* links may make a circle */

static void
picture_free (gpointer data)
{
  CliPicture *picture = data;

  g_free (picture->path);
  g_free (picture->label);
  g_free (picture);
}

static void
add (GPtrArray *pictures, const char *path, char *label)
{
  CliPicture *picture = g_new0 (CliPicture, 1);

  picture->path = g_strdup (path);
  picture->label = label;
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

static gboolean
looks_like_picture (const char *name)
{
  static const char *const endings[] = { ".jpg", ".jpeg", ".jpe", ".png",
                                         ".webp" };

  for (gsize i = 0; i < G_N_ELEMENTS (endings); i++) {
    const gsize n = strlen (name), m = strlen (endings[i]);

    if (n > m && g_ascii_strcasecmp (name + n - m, endings[i]) == 0)
      return TRUE;
  }
  return FALSE;
}

static int
compare (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* below: the folder's path from the one that was named, "" for that itself */
static gboolean
walk (GPtrArray *pictures, const char *folder, const char *below, guint depth,
      guint *n_others, GError **error)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, error);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  if (dir == NULL)
    return FALSE;
  while ((name = g_dir_read_name (dir)) != NULL)
    if (*name != '.')
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare);
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *path = NULL;

    name = g_ptr_array_index (names, i);
    path = g_build_filename (folder, name, NULL);
    if (g_file_test (path, G_FILE_TEST_IS_DIR)) {
      g_autofree char *deeper =
        *below ? g_strconcat (below, "/", name, NULL) : g_strdup (name);

      if (depth < DEPTH_MAX &&
          !walk (pictures, path, deeper, depth + 1, n_others, error))
        return FALSE;
    } else if (looks_like_picture (name))
      add (pictures, path,
           *below ? g_utf8_make_valid (below, -1) : stem (path));
    else if (n_others != NULL)
      ++*n_others;
  }
  return TRUE;
}

GPtrArray *
cli_pictures (char **paths, guint *n_others, GError **error)
{
  g_autoptr (GPtrArray) pictures =
    g_ptr_array_new_with_free_func (picture_free);

  if (n_others != NULL)
    *n_others = 0;
  for (; paths != NULL && *paths != NULL; paths++) {
    if (g_file_test (*paths, G_FILE_TEST_IS_DIR)) {
      if (!walk (pictures, *paths, "", 0, n_others, error))
        return NULL;
    } else if (g_file_test (*paths, G_FILE_TEST_EXISTS))
      add (pictures, *paths, stem (*paths));
    else {
      g_set_error (error, DML_ERROR, DML_ERROR_NOT_FOUND,
                   "%s: no such file or folder", *paths);
      return NULL;
    }
  }
  return g_steal_pointer (&pictures);
}
