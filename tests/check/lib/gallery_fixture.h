/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A gallery file in a folder of its own, and vectors to fill it with. */
#pragma once

#include <glib/gstdio.h>
#include <math.h>
#include <sqlite3.h>
#include <string.h>

#include "base/rng.h"
#include "gallery/gallery.h"
#include "gallery/match.h"

#define FIXTURE_FINGERPRINT                                                    \
  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

typedef struct {
  char *folder, *path;
  DmlSpace space;
} Fixture;

static inline DmlSpace
fixture_space (guint dim, DmlMetric metric)
{
  return (DmlSpace){ (char *) FIXTURE_FINGERPRINT, (char *) "test-encoder", dim,
                     metric };
}

static inline void
fixture_set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = g_dir_make_tmp ("dml-gallery-XXXXXX", NULL);
  g_assert_nonnull (fixture->folder);
  fixture->path = g_build_filename (fixture->folder, "shop.bin", NULL);
  fixture->space = fixture_space (8, DML_METRIC_COSINE);
}

/* Makes a file what a program of schema 1.0 would have made of it. */
static const char fixture_schema_1_0[] =
  "CREATE TEMP TABLE kept AS SELECT id, label_id, vector, quality, source,"
  " added, thumbnail, probe FROM item;"
  "DROP TABLE item;"
  "CREATE TABLE item (\n"
  "  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
  "  label_id INTEGER NOT NULL REFERENCES label (id),\n"
  "  vector BLOB NOT NULL,\n"
  "  quality REAL,           -- 0..1\n"
  "  source TEXT,            -- a path, a camera\n"
  "  added TEXT NOT NULL,    -- 2026-08-14T09:30:00Z\n"
  "  thumbnail BLOB,         -- JPEG\n"
  "  probe BLOB              -- the thing as a camera may see it, as vector\n"
  ");\n"
  "CREATE INDEX item_of_label ON item (label_id);"
  "INSERT INTO item SELECT * FROM kept;"
  "DROP TABLE kept;"
  "PRAGMA user_version = 100";

static inline int
fixture_compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Names of the files in the folder, in order, separated by blanks. */
static inline char *
fixture_list (const Fixture *fixture)
{
  g_autoptr (GDir) dir = g_dir_open (fixture->folder, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, fixture_compare_names);
  g_ptr_array_add (names, NULL);
  return g_strjoinv (" ", (char **) names->pdata);
}

static inline void
fixture_tear_down (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GDir) dir = g_dir_open (fixture->folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (fixture->folder, name, NULL);

    g_unlink (path);
  }
  g_rmdir (fixture->folder);
  g_free (fixture->folder);
  g_free (fixture->path);
}

static inline DmlGallery *
fixture_open (const Fixture *fixture, DmlGalleryFlags flags)
{
  g_autoptr (GError) error = NULL;
  DmlGallery *gallery =
    dml_gallery_open_space (fixture->path, flags, &fixture->space, &error);

  g_assert_no_error (error);
  return gallery;
}

/* Runs SQL on the file as anybody with the sqlite3 program could. */
static inline void
fixture_by_hand (const Fixture *fixture, const char *sql)
{
  g_autofree char *why = NULL;
  sqlite3 *db;

  g_assert_cmpint (sqlite3_open (fixture->path, &db), ==, SQLITE_OK);
  sqlite3_busy_timeout (db, 2000);
  if (sqlite3_exec (db, sql, NULL, NULL, &why) != SQLITE_OK)
    g_error ("%s: %s", sql, why);
  sqlite3_close (db);
}

/* A unit vector, named by a number. */
static inline void
fixture_vector (float *vector, guint dim, guint64 seed)
{
  double sum = 0;
  DmlRng rng;

  dml_rng_init (&rng, seed, 77);
  for (guint i = 0; i < dim; i++) {
    vector[i] = (float) dml_rng_normal (&rng);
    sum += (double) vector[i] * (double) vector[i];
  }
  for (guint i = 0; i < dim; i++)
    vector[i] = (float) ((double) vector[i] / sqrt (sum));
}

/* Enrols the vector of that number; its item's id. */
static inline gint64
fixture_enroll (DmlGallery *gallery, const char *label, guint64 seed)
{
  g_autoptr (GError) error = NULL;
  g_autofree float *vector = g_new (float, dml_gallery_get_dim (gallery));
  gint64 item;

  fixture_vector (vector, dml_gallery_get_dim (gallery), seed);
  dml_gallery_enroll (gallery, label, vector, NULL, 1, &item, &error);
  g_assert_no_error (error);
  return item;
}

/* A snapshot without a file: n rows and the index of each one's label, named
 * "0", "1", ... */
static inline DmlSnapshot *
fixture_snapshot (const float *rows, const guint32 *label_of, guint n,
                  guint n_labels, guint dim, DmlMetric metric)
{
  const DmlSpace space = fixture_space (dim, metric);
  g_autoptr (GError) error = NULL;
  DmlLabels *labels = dml_labels_new ();
  DmlSnapshot *snapshot;

  for (guint l = 0; l < n_labels; l++) {
    char name[16];

    g_snprintf (name, sizeof name, "%u", l);
    dml_labels_add (labels, l + 1, name, NULL);
  }
  snapshot = dml_snapshot_alloc ("test", &space, labels, n, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < n; i++) {
    memcpy (snapshot->rows + (size_t) i * dim, rows + (size_t) i * dim,
            dim * sizeof (float));
    snapshot->ids[i] = 100 + i;
    snapshot->label_of[i] = label_of[i];
  }
  dml_snapshot_seal (snapshot, &error);
  g_assert_no_error (error);
  return snapshot;
}

/* Every one of the words, up to NULL, stands in the message. */
static inline void
assert_words (const GError *error, ...)
{
  const char *word;
  va_list words;

  va_start (words, error);
  while ((word = va_arg (words, const char *)) != NULL)
    if (strstr (error->message, word) == NULL)
      g_error ("'%s' is not in '%s'", word, error->message);
  va_end (words);
}

#define assert_message_has(...) assert_words (__VA_ARGS__, NULL)

/* Makes the file and closes it. */
static inline void
fixture_make (const Fixture *fixture)
{
  dml_gallery_unref (fixture_open (fixture, DML_GALLERY_CREATE));
}
