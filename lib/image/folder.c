/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Going through folders of pictures in any state of disorder. */
#include "image/dml-folder.h"
#include "base/error.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Links between folders side by side lead round in ever longer ways. */
#define DEPTH_MAX 32

/* A folder on the way from the one that was named. */
typedef struct _Above Above;
struct _Above {
  const Above *above; /* NULL: it was named */
  guint depth;
  dev_t device;
  ino_t inode;
};

typedef struct {
  DmlFolderFunc func;
  gpointer data;
} Walk;

gboolean
dml_folder_is_passed_over (const char *name)
{
  g_return_val_if_fail (name != NULL, FALSE);
  return name[0] == '.' || strcmp (name, "__MACOSX") == 0 ||
         strcmp (name, "@eaDir") == 0; /* thumbnails of a Synology's */
}

gboolean
dml_folder_is_picture_name (const char *name)
{
  static const char *const endings[] = {
    "jpg", "jpeg", "jpe",  "jfif", "png",  "webp", "gif",
    "bmp", "tif",  "tiff", "heic", "heif", "avif", "ppm",
  };

  g_return_val_if_fail (name != NULL, FALSE);
  const char *dot = strrchr (name, '.');

  if (name[0] == '.' || dot == NULL) /* "._x.jpg": a Mac's shadow of x.jpg */
    return FALSE;
  for (size_t i = 0; i < G_N_ELEMENTS (endings); i++)
    if (g_ascii_strcasecmp (dot + 1, endings[i]) == 0)
      return TRUE;
  return FALSE;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* NULL with errno. */
static GPtrArray *
read_names (const char *path)
{
  DIR *dir = opendir (path);
  GPtrArray *names;
  const struct dirent *entry;

  if (dir == NULL)
    return NULL;
  names = g_ptr_array_new_with_free_func (g_free);
  while ((entry = readdir (dir)) != NULL)
    if (!dml_folder_is_passed_over (entry->d_name))
      g_ptr_array_add (names, g_strdup (entry->d_name));
  closedir (dir);
  g_ptr_array_sort (names, compare_names);
  return names;
}

static gboolean
is_above (const Above *above, const struct stat *st)
{
  for (; above != NULL; above = above->above)
    if (above->device == st->st_dev && above->inode == st->st_ino)
      return TRUE;
  return FALSE;
}

static gboolean walk_folder (const Walk *walk, const char *path,
                             const char *below, const Above *above,
                             const struct stat *st, GError **error);

static gboolean
walk_name (const Walk *walk, const char *folder, const char *below,
           const char *name, const Above *above, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  DmlFolderItem item = { DML_FOLDER_OTHER, path, below, NULL };
  struct stat st;
  const gboolean there = stat (path, &st) == 0;

  if (there && S_ISDIR (st.st_mode)) {
    g_autofree char *deeper =
      *below ? g_strconcat (below, "/", name, NULL) : g_strdup (name);

    if (!is_above (above, &st))
      return walk_folder (walk, path, deeper, above, &st, error);
    item.kind = DML_FOLDER_LOOP;
    item.problem = "leads back to a folder above";
  } else if (dml_folder_is_picture_name (name)) {
    item.kind = DML_FOLDER_PICTURE;
    if (there && !S_ISREG (st.st_mode)) {
      item.kind = DML_FOLDER_NO_FILE;
      item.problem = "not a regular file";
    }
  }
  return walk->func (&item, walk->data, error);
}

static gboolean
walk_folder (const Walk *walk, const char *path, const char *below,
             const Above *above, const struct stat *st, GError **error)
{
  const Above own = { above, above ? above->depth + 1 : 0, st->st_dev,
                      st->st_ino };
  DmlFolderItem item = { DML_FOLDER_SHUT, path, below,
                         "more than " G_STRINGIFY (DEPTH_MAX) " folders deep" };
  g_autoptr (GPtrArray) names = NULL;

  if (own.depth <= DEPTH_MAX) {
    names = read_names (path);
    if (names == NULL && above == NULL)
      return dml_fail (error, NOT_FOUND, "%s: %s", path, g_strerror (errno));
    if (names == NULL)
      item.problem = g_strerror (errno);
  }
  if (names == NULL)
    return walk->func (&item, walk->data, error);
  for (guint i = 0; i < names->len; i++)
    if (!walk_name (walk, path, below, names->pdata[i], &own, error))
      return FALSE;
  return TRUE;
}

gboolean
dml_folder_walk (const char *path, DmlFolderFunc func, gpointer data,
                 GError **error)
{
  const Walk walk = { func, data };
  struct stat st;

  g_return_val_if_fail (path != NULL && func != NULL, FALSE);
  if (stat (path, &st) != 0)
    return dml_fail (error, NOT_FOUND, "%s: %s", path, g_strerror (errno));
  return walk_folder (&walk, path, "", NULL, &st, error);
}
