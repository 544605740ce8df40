/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Any bytes as a gallery file: an error in words or a gallery that can be read,
 * matched against, changed and verified; in a bounded time. */
#include "gallery_fixture.h"

#include <stdlib.h>
#include <unistd.h>

#include "gallery/calibrate.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define SIZE_MAX_TRIED (1 << 20)
#define REQUIRE(condition)                                                     \
  G_STMT_START                                                                 \
  {                                                                            \
    if (!(condition))                                                          \
      g_error ("%s:%d: %s", __FILE__, __LINE__, #condition);                   \
  }                                                                            \
  G_STMT_END

static char *path;

static void
remove_files (void)
{
  static const char *const ends[] = { "", "-wal", "-shm", "-journal" };

  for (gsize i = 0; i < G_N_ELEMENTS (ends); i++) {
    g_autofree char *name = g_strconcat (path, ends[i], NULL);

    g_unlink (name);
  }
}

/* An error says something, and of which file. */
static void
check_error (GError **error)
{
  REQUIRE (*error != NULL);
  REQUIRE ((*error)->domain == DML_ERROR);
  REQUIRE (g_utf8_validate ((*error)->message, -1, NULL));
  REQUIRE (strstr ((*error)->message, path) != NULL);
  g_clear_error (error);
}

static void
match (DmlSnapshot *snapshot)
{
  const guint dim = dml_snapshot_get_dim (snapshot);
  g_autofree float *query = g_new0 (float, dim);

  query[0] = 1;
  for (guint c = DML_CLASSIFIER_KNN; c <= DML_CLASSIFIER_BAYES; c++) {
    DmlMatcherOptions options = DML_MATCHER_OPTIONS_INIT;
    g_autoptr (DmlMatcher) matcher = NULL;
    g_autoptr (DmlMatch) answer = NULL;
    g_autoptr (GError) error = NULL;

    options.classifier = c;
    matcher = dml_matcher_new_with (snapshot, NULL, &options, &error);
    if (matcher == NULL) {
      check_error (&error);
      continue;
    }
    dml_matcher_match (matcher, query, 1, &answer);
    REQUIRE (isfinite (dml_match_get_similarity (answer)));
    REQUIRE (isfinite (dml_match_get_threshold (answer)));
    REQUIRE (g_utf8_validate (dml_match_get_explanation (answer), -1, NULL));
  }
}

static void
read_all (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlGallery) gallery =
    dml_gallery_open_space (path, DML_GALLERY_READ, NULL, &error);
  g_autoptr (DmlSnapshot) snapshot = NULL;
  g_autoptr (GPtrArray) items = NULL;
  g_auto (GStrv) problems = NULL;

  if (gallery == NULL) {
    check_error (&error);
    return;
  }
  if (!dml_gallery_verify (gallery, &problems, &error))
    check_error (&error);
  snapshot = dml_gallery_get_snapshot (gallery, &error);
  if (snapshot != NULL)
    match (snapshot);
  else {
    check_error (&error);
    REQUIRE (problems == NULL || problems[0] != NULL); /* verify saw it, too */
  }
  items = dml_gallery_get_items (gallery, NULL, &error);
  if (items == NULL)
    check_error (&error);
  else if (items->len > 0)
    g_clear_pointer (&(GBytes *){ dml_gallery_get_thumbnail (
                       gallery, ((DmlItem *) items->pdata[0])->id, NULL) },
                     g_bytes_unref);
}

static void
change (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlGallery) gallery =
    dml_gallery_open_space (path, DML_GALLERY_WRITE, NULL, &error);
  g_autofree float *vector = NULL;

  if (gallery == NULL) {
    check_error (&error);
    return;
  }
  vector = g_new0 (float, dml_gallery_get_dim (gallery));
  vector[0] = 1;
  if (!dml_gallery_enroll (gallery, "label 0", vector, NULL, 1, NULL, &error))
    check_error (&error);
  if (!dml_gallery_rename (gallery, "label 1", "label 2", TRUE, &error))
    check_error (&error);
  if (!dml_gallery_set_label_data (gallery, "label 0", "{}", &error))
    check_error (&error);
  if (!dml_gallery_calibrate_with (gallery, NULL, 0.1, NULL, NULL, &error))
    check_error (&error);
  if (!dml_gallery_remove_label (gallery, "label 0", NULL, &error))
    check_error (&error);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (size > SIZE_MAX_TRIED)
    return 0;
  if (path == NULL) {
    path = g_strdup_printf ("%s/dml-fuzz-gallery-%d.bin",
                            g_file_test ("/dev/shm", G_FILE_TEST_IS_DIR)
                              ? "/dev/shm"
                              : g_get_tmp_dir (),
                            (int) getpid ());
    atexit (remove_files);
    dml_store_set_timeout_ms (0);
  }
  REQUIRE (g_file_set_contents_full (path, (const char *) data, (gssize) size,
                                     G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  read_all ();
  change ();
  read_all ();
  remove_files ();
  return 0;
}
