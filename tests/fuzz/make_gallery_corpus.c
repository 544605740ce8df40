/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Writes sound galleries for fuzz_gallery to damage. Usage:
 * make_gallery_corpus gallery FOLDER */
#include "gallery_fixture.h"

#include <sqlite3.h>

#include "gallery/calibrate.h"

static void
save (const char *folder, const char *name, DmlMetric metric, guint n_labels,
      const char *sql)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  const DmlSpace space = fixture_space (4, metric);
  g_autoptr (GBytes) jpeg = g_bytes_new_static ("\xff\xd8\xff\xd9", 4);
  const DmlItemInfo info = { 0.5, "a/b.jpg", jpeg };
  g_autoptr (GError) error = NULL;
  DmlGallery *gallery;
  sqlite3 *db;

  g_unlink (path);
  gallery = dml_gallery_open_space (path, DML_GALLERY_CREATE, &space, &error);
  g_assert_no_error (error);
  for (guint l = 0; l < n_labels; l++) {
    g_autofree char *label = g_strdup_printf ("label %u", l);
    float vectors[8];

    fixture_vector (vectors, 4, l);
    fixture_vector (vectors + 4, 4, 100 + l);
    dml_gallery_enroll (gallery, label, vectors, NULL, 1 + l % 2, NULL, &error);
    if (l % 4 == 0)
      dml_gallery_enroll (gallery, label, vectors, &info, 1, NULL, &error);
    if (l % 3 == 0)
      dml_gallery_set_label_data (gallery, label, "{\"price\": 1}", &error);
    g_assert_no_error (error);
  }
  if (n_labels >= DML_CALIBRATE_LABELS_MIN)
    dml_gallery_calibrate_with (gallery, NULL, 0.1, NULL, NULL, &error);
  g_assert_no_error (error);
  dml_gallery_unref (gallery);
  /* Small pages: more of the file is structure. */
  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  g_assert_cmpint (
    sqlite3_exec (db, "PRAGMA page_size = 512; VACUUM", NULL, NULL, NULL), ==,
    SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  sqlite3_close (db);
}

int
main (int argc, char **argv)
{
  if (argc != 3)
    return 2;
  g_mkdir_with_parents (argv[2], 0777);
  save (argv[2], "empty.bin", DML_METRIC_COSINE, 0, "");
  save (argv[2], "small.bin", DML_METRIC_COSINE, 3, "");
  save (argv[2], "euclidean.bin", DML_METRIC_EUCLIDEAN, 12, "");
  save (argv[2], "calibrated.bin", DML_METRIC_COSINE, 14, "");
  save (argv[2], "logged.bin", DML_METRIC_COSINE, 5,
        "PRAGMA journal_mode = WAL");
  save (argv[2], "tagged.bin", DML_METRIC_COSINE, 5,
        "INSERT INTO tag SELECT id, 'front' FROM item;"
        "PRAGMA user_version = 103; ALTER TABLE item ADD COLUMN mood TEXT");
  save (argv[2], "view.bin", DML_METRIC_COSINE, 2,
        "DROP TABLE tag; CREATE VIEW tag AS WITH RECURSIVE r (x) AS (SELECT 1"
        " UNION ALL SELECT x FROM r) SELECT x AS item_id, x AS tag FROM r");
  return 0;
}
