/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Photographs by path, by content, by thumbnail. All named files are hashed
 * when the first item is not where it was; they are decoded, for thumbnails,
 * only where an item does not tell its content (enrolled by schema 1.0). */
#include "gallery/finder.h"

#include <string.h>

#include "base/error.h"
#include "gallery/photograph.h"

struct _DmlFinder {
  char *folder;
  const char *const *photos;
  GHashTable *by_content;   /* SHA-256 -> path; NULL until it is needed */
  GHashTable *by_thumbnail; /* SHA-256 of the thumbnail -> path; as well */
};

DmlFinder *
dml_finder_new (const char *folder, const char *const *photos)
{
  DmlFinder *finder = g_new0 (DmlFinder, 1);

  finder->folder = g_strdup (folder);
  finder->photos = photos;
  return finder;
}

void
dml_finder_free (DmlFinder *finder)
{
  g_clear_pointer (&finder->by_content, g_hash_table_unref);
  g_clear_pointer (&finder->by_thumbnail, g_hash_table_unref);
  g_free (finder->folder);
  g_free (finder);
}

static char *
thumbnail_key (DmlPhotograph *photograph)
{
  g_autoptr (GBytes) thumbnail =
    dml_photograph_make_thumbnail (photograph, NULL);

  return thumbnail != NULL
           ? g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, thumbnail)
           : NULL;
}

/* The first of several alike; what cannot be read is nobody's photograph. */
static GHashTable *
read_photos (const char *const *photos, gboolean thumbnails)
{
  GHashTable *table =
    g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (; photos != NULL && *photos != NULL; photos++) {
    g_autofree char *content = NULL, *key = NULL;
    g_autoptr (GBytes) bytes = NULL;
    g_autoptr (DmlPhotograph) photograph = NULL;

    if (!g_file_test (*photos, G_FILE_TEST_IS_REGULAR) ||
        !(bytes = dml_photograph_read (*photos, &content, NULL)))
      continue;
    if (!thumbnails)
      key = g_steal_pointer (&content);
    else if ((photograph =
                dml_photograph_decode (bytes, content, *photos, NULL)) != NULL)
      key = thumbnail_key (photograph);
    if (key != NULL && !g_hash_table_contains (table, key))
      g_hash_table_insert (table, g_steal_pointer (&key), (gpointer) *photos);
  }
  return table;
}

/* What was seen on the way. */
typedef struct {
  const DmlWanted *wanted;
  gboolean other;  /* a file that is not the one */
  GError *failure; /* one that could not be read */
} Look;

static DmlPhotograph *
look_at (Look *look, const char *path)
{
  const DmlWanted *wanted = look->wanted;
  g_autofree char *content = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GBytes) thumbnail = NULL;
  g_autoptr (DmlPhotograph) photograph = NULL;

  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR)) /* a pipe may never end */
    return NULL;
  bytes = dml_photograph_read (path, &content, &error);
  if (bytes != NULL && wanted->content != NULL &&
      strcmp (content, wanted->content) != 0) {
    look->other = TRUE;
    return NULL;
  }
  if (bytes != NULL)
    photograph = dml_photograph_decode (bytes, content, path, &error);
  if (photograph != NULL && wanted->content == NULL &&
      wanted->thumbnail != NULL) {
    thumbnail = dml_photograph_make_thumbnail (photograph, &error);
    if (thumbnail != NULL && !g_bytes_equal (thumbnail, wanted->thumbnail)) {
      look->other = TRUE;
      return NULL;
    }
  }
  if (error == NULL)
    return g_steal_pointer (&photograph);
  if (look->failure == NULL)
    look->failure = g_steal_pointer (&error);
  return NULL;
}

static DmlPhotograph *
look_where_it_was (DmlFinder *finder, Look *look, char **path)
{
  const char *source = look->wanted->source;
  DmlPhotograph *photograph;

  if (source == NULL || *source == '\0')
    return NULL;
  *path = g_strdup (source);
  photograph = look_at (look, *path);
  if (photograph == NULL && !g_path_is_absolute (source)) {
    g_free (*path);
    *path = g_build_filename (finder->folder, source, NULL);
    photograph = look_at (look, *path);
  }
  return photograph;
}

static DmlPhotograph *
look_elsewhere (DmlFinder *finder, Look *look, char **path)
{
  const DmlWanted *wanted = look->wanted;
  const gboolean by_content = wanted->content != NULL;
  GHashTable **table = by_content ? &finder->by_content : &finder->by_thumbnail;
  g_autofree char *key = NULL;
  const char *there;

  if (finder->photos == NULL || (!by_content && wanted->thumbnail == NULL))
    return NULL;
  if (*table == NULL)
    *table = read_photos (finder->photos, !by_content);
  key = by_content
          ? g_strdup (wanted->content)
          : g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, wanted->thumbnail);
  there = g_hash_table_lookup (*table, key);
  if (there == NULL)
    return NULL;
  g_free (*path);
  *path = g_strdup (there);
  return look_at (look, there);
}

DmlPhotograph *
dml_finder_find (DmlFinder *finder, const DmlWanted *wanted, char **path,
                 DmlLostReason *reason, char **why)
{
  Look look = { .wanted = wanted };
  DmlPhotograph *photograph;

  *path = *why = NULL;
  photograph = look_where_it_was (finder, &look, path);
  if (photograph == NULL)
    photograph = look_elsewhere (finder, &look, path);
  if (photograph == NULL) {
    *reason = look.failure != NULL ? DML_LOST_UNREADABLE
              : look.other         ? DML_LOST_CHANGED
                                   : DML_LOST_GONE;
    if (look.failure != NULL)
      *why = g_strdup (look.failure->message);
    g_clear_pointer (path, g_free);
  }
  g_clear_error (&look.failure);
  return photograph;
}
