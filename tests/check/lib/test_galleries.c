/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Galleries as wholes: joined and compared whatever they hold, and made again
 * and joined on a disk that fails: there is all of it or nothing. */
#include "fault_vfs.h"
#include "gallery_fixture.h"
#include "onnx_maker.h"

#include <dml/dml-galleries.h>

#include "encoder/encoder.h"

/* ---- two galleries ------------------------------------------------------- */

typedef struct {
  Fixture one;
  Fixture other; /* another file of the same folder */
  char *bytes;   /* of the first */
  gsize size;
} Two;

static void
two_keep (Two *two)
{
  g_free (two->bytes);
  g_assert_true (
    g_file_get_contents (two->one.path, &two->bytes, &two->size, NULL));
}

static void
two_set_up (Two *two, gconstpointer data)
{
  static const char *const labels[] = { "ant", "bee", "cat", "dog" };

  fixture_set_up (&two->one, NULL);
  two->other = two->one;
  two->other.path = g_build_filename (two->one.folder, "branch.bin", NULL);
  g_autoptr (DmlGallery) one = fixture_open (&two->one, DML_GALLERY_CREATE);
  g_autoptr (DmlGallery) other = fixture_open (&two->other, DML_GALLERY_CREATE);

  for (guint i = 0; i < 9; i++)
    fixture_enroll (one, labels[i % 3], i);
  for (guint i = 3; i < 15; i++)
    fixture_enroll (other, labels[i % 3 + i / 12], i);
  g_clear_pointer (&one, dml_gallery_unref);
  two_keep (two);
}

static void
two_tear_down (Two *two, gconstpointer data)
{
  g_free (two->other.path);
  g_free (two->bytes);
  fixture_tear_down (&two->one, NULL);
}

static void
two_restore (Two *two)
{
  static const char *const beside[] = { "-wal", "-shm", "-journal" };

  for (gsize i = 0; i < G_N_ELEMENTS (beside); i++) {
    g_autofree char *path = g_strconcat (two->one.path, beside[i], NULL);

    g_unlink (path);
  }
  g_assert_true (
    g_file_set_contents_full (two->one.path, two->bytes, (gssize) two->size,
                              G_FILE_SET_CONTENTS_NONE, 0666, NULL));
}

static guint
n_items_of (const Fixture *fixture)
{
  g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_WRITE);
  g_autoptr (DmlSnapshot) snapshot = dml_gallery_get_snapshot (gallery, NULL);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) problems = NULL;

  g_assert_true (dml_gallery_verify (gallery, &problems, &error));
  g_assert_null (problems[0]);
  return dml_snapshot_get_n_items (snapshot);
}

static gboolean
merge (Two *two, GError **error)
{
  g_autoptr (DmlGallery) one = dml_gallery_open_space (
    two->one.path, DML_GALLERY_WRITE, &two->one.space, error);
  g_autoptr (DmlGallery) other = fixture_open (&two->other, DML_GALLERY_READ);

  return one != NULL && dml_gallery_merge (one, other, FALSE, NULL, error);
}

/* ---- joining ------------------------------------------------------------- */

static void
test_merge (Two *two, gconstpointer data)
{
  g_autoptr (DmlGallery) one = fixture_open (&two->one, DML_GALLERY_WRITE);
  g_autoptr (DmlGallery) other = fixture_open (&two->other, DML_GALLERY_READ);
  g_autoptr (DmlMergeReport) report = NULL;
  g_autoptr (DmlMergeReport) copy = NULL;
  g_autoptr (GPtrArray) differences = NULL;
  g_autoptr (GError) error = NULL;

  /* Neither may be in the middle of something. */
  g_assert_true (dml_gallery_begin (one, NULL));
  g_assert_false (dml_gallery_merge (one, other, FALSE, &report, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
  g_assert_null (report);
  g_clear_error (&error);
  dml_gallery_rollback (one);

  dml_gallery_merge (one, other, FALSE, &report, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (report->n_items, ==, 6);
  g_assert_cmpuint (report->n_known, ==, 6);
  g_assert_cmpuint (report->n_labels, ==, 1);
  copy = dml_merge_report_copy (report);
  g_assert_cmpuint (copy->changes->len, ==, report->changes->len);
  differences = dml_gallery_compare (one, other, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < differences->len; i++) {
    const DmlDifference *d = g_ptr_array_index (differences, i);

    g_assert_cmpint (d->kind, ==, DML_DIFFERENCE_ITEM_REMOVED);
  }
  g_assert_cmpuint (differences->len, ==, 3);
}

/* Into an empty gallery and from one. */
static void
test_empty (Two *two, gconstpointer data)
{
  Fixture empty = two->one;
  g_autofree char *path = g_build_filename (two->one.folder, "e.bin", NULL);
  g_autoptr (DmlMergeReport) report = NULL;
  g_autoptr (GPtrArray) differences = NULL;
  g_autoptr (GError) error = NULL;

  empty.path = path;
  g_autoptr (DmlGallery) none = fixture_open (&empty, DML_GALLERY_CREATE);
  g_autoptr (DmlGallery) one = fixture_open (&two->one, DML_GALLERY_WRITE);

  dml_gallery_merge (one, none, FALSE, NULL, &error);
  g_assert_no_error (error);
  dml_gallery_merge (none, one, FALSE, &report, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (report->n_items, ==, 9);
  differences = dml_gallery_compare (none, one, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (differences->len, ==, 0);
}

/* An item twice is not an item once. */
static void
test_compare_counts (Two *two, gconstpointer data)
{
  g_autoptr (DmlGallery) one = fixture_open (&two->one, DML_GALLERY_WRITE);
  g_autoptr (GPtrArray) differences = NULL;
  g_autoptr (GError) error = NULL;
  const DmlDifference *d;
  gint64 item;

  g_assert_true (g_file_set_contents (two->other.path, two->bytes,
                                      (gssize) two->size, NULL));
  g_autoptr (DmlGallery) other = fixture_open (&two->other, DML_GALLERY_WRITE);

  item = fixture_enroll (other, "ant", 0);
  differences = dml_gallery_compare (one, other, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (differences->len, ==, 1);
  d = g_ptr_array_index (differences, 0);
  g_assert_cmpint (d->kind, ==, DML_DIFFERENCE_ITEM_ADDED);
  g_assert_cmpint (d->other_item, ==, item);
  g_assert_cmpint (d->item, ==, -1);
}

static gpointer
merge_many_times (gpointer data)
{
  DmlGallery **pair = data;

  for (guint i = 0; i < 20; i++) {
    g_autoptr (GError) error = NULL;

    fixture_enroll (pair[0], dml_gallery_get_path (pair[0]), 1000 + i);
    dml_gallery_merge (pair[0], pair[1], FALSE, NULL, &error);
    if (!g_error_matches (error, DML_ERROR, DML_ERROR_BUSY))
      g_assert_no_error (error);
  }
  return NULL;
}

/* Each into the other, at once: nobody waits for ever, and in the end both hold
 * the same. */
static void
test_both_ways_at_once (Two *two, gconstpointer data)
{
  g_autoptr (DmlGallery) one = fixture_open (&two->one, DML_GALLERY_WRITE);
  g_autoptr (DmlGallery) other = fixture_open (&two->other, DML_GALLERY_WRITE);
  DmlGallery *there[] = { one, other }, *back[] = { other, one };
  GThread *thread = g_thread_new ("merge", merge_many_times, there);
  g_autoptr (GError) error = NULL;

  merge_many_times (back);
  g_thread_join (thread);
  dml_gallery_merge (one, other, FALSE, NULL, &error);
  g_assert_no_error (error);
  dml_gallery_merge (other, one, FALSE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (n_items_of (&two->one), ==, n_items_of (&two->other));
}

static void
test_merge_on_a_failing_disk (Two *two, gconstpointer data)
{
  guint n_refused = 0;

  for (guint mode = FAULT_ONCE; mode <= FAULT_FULL; mode++)
    for (guint n = 1;; n++) {
      g_autoptr (GError) error = NULL;
      gboolean ok, struck;

      two_restore (two);
      fault_vfs_arm (n, (FaultMode) mode);
      ok = merge (two, &error);
      struck = fault_vfs_struck ();
      fault_vfs_arm (0, (FaultMode) mode);
      g_assert_true (ok == (error == NULL));
      g_assert_cmpuint (n_items_of (&two->one), ==, ok ? 15 : 9);
      n_refused += !ok;
      if (!struck)
        break;
      g_assert_cmpuint (n, <, 1000);
    }
  g_assert_cmpuint (n_refused, >, 10);
}

/* ---- embedding again ----------------------------------------------------- */

static DmlEncoder *
small_encoder (guint32 seed)
{
  g_autoptr (GByteArray) model = onnx_small_cnn (16, 8, seed);
  g_autoptr (GError) error = NULL;
  DmlEncoder *encoder =
    dml_encoder_new_from_data (model->data, model->len, "model.onnx", &error);

  g_assert_no_error (error);
  return encoder;
}

/* shop.bin of one encoder, of a photograph in the same folder. */
static void
enroll_a_photograph (const Fixture *fixture, DmlEncoder *encoder)
{
  g_autoptr (DmlGallery) gallery =
    dml_gallery_open (fixture->path, DML_GALLERY_CREATE, encoder, NULL);
  g_autofree char *path = g_build_filename (fixture->folder, "p.png", NULL);
  const DmlItemInfo info = { .quality = 0.5, .source = "p.png", .views = 2 };
  g_autoptr (DmlPicture) picture = dml_picture_new_rgb (20, 20, 3, NULL);
  g_autoptr (GError) error = NULL;
  float vector[8] = { 1 };
  int stride;
  uint8_t *pixels = dml_picture_get_pixels (picture, &stride);

  for (int y = 0; y < 20; y++)
    for (int x = 0; x < 60; x++)
      pixels[y * stride + x] = (uint8_t) (x * y);
  dml_picture_save_png (picture, path, &error);
  g_assert_no_error (error);
  dml_gallery_enroll (gallery, "apple", vector, &info, 1, NULL, &error);
  g_assert_no_error (error);
}

static void
test_reembed_on_a_failing_disk (Two *two, gconstpointer data)
{
  Fixture shop = two->one;
  g_autofree char *path = g_build_filename (shop.folder, "s.bin", NULL);
  g_autofree char *new_path = g_build_filename (shop.folder, "new.bin", NULL);
  g_autoptr (DmlEncoder) encoder = small_encoder (1);
  g_autoptr (DmlEncoder) next = small_encoder (2);
  g_autofree char *before = NULL;
  guint n_refused = 0;

  shop.path = path;
  enroll_a_photograph (&shop, encoder);
  before = fixture_list (&shop);
  for (guint mode = FAULT_ONCE; mode <= FAULT_BREAK; mode++)
    for (guint n = 1;; n++) {
      g_autoptr (DmlGallery) gallery =
        dml_gallery_open (path, DML_GALLERY_READ, NULL, NULL);
      g_autoptr (DmlReembedReport) report = NULL;
      g_autoptr (GError) error = NULL;
      gboolean ok, struck;

      fault_vfs_arm (n, (FaultMode) mode);
      ok = dml_gallery_reembed (gallery, next, new_path, NULL, &report, &error);
      struck = fault_vfs_struck ();
      fault_vfs_arm (0, (FaultMode) mode);
      g_assert_true (ok == (error == NULL));
      g_clear_pointer (&gallery, dml_gallery_unref);
      if (ok) {
        g_autoptr (DmlGallery) made =
          dml_gallery_open (new_path, DML_GALLERY_READ, next, &error);
        g_autoptr (GPtrArray) items =
          dml_gallery_get_items (made, "apple", &error);
        const DmlItem *item;

        g_assert_no_error (error);
        g_assert_cmpuint (items->len, ==, 1);
        item = g_ptr_array_index (items, 0);
        g_assert_cmpuint (item->views, ==, 2);
        g_assert_nonnull (item->content);
        g_assert_cmpuint (report->n_unchecked, ==, 1);
      }
      n_refused += !ok;
      g_unlink (new_path);
      {
        g_autofree char *after = fixture_list (&shop);

        g_assert_cmpstr (after, ==, before);
      }
      if (!struck)
        break;
      g_assert_cmpuint (n, <, 1000);
    }
  g_assert_cmpuint (n_refused, >, 10);
}

#define add(name, function)                                                    \
  g_test_add ("/galleries/" name, Two, NULL, two_set_up, function,             \
              two_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  fault_vfs_install ();
  add ("merge", test_merge);
  add ("empty", test_empty);
  add ("compare-counts", test_compare_counts);
  add ("both-ways-at-once", test_both_ways_at_once);
  add ("merge-on-a-failing-disk", test_merge_on_a_failing_disk);
  add ("reembed-on-a-failing-disk", test_reembed_on_a_failing_disk);
  return g_test_run ();
}
