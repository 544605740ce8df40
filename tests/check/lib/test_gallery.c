/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The life of a gallery file. */
#include "gallery_fixture.h"

static void
test_enrol_and_read_back (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  float vector[8], unit[8];

  {
    g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_CREATE);
    g_autoptr (GBytes) jpeg = g_bytes_new_static ("\xff\xd8...", 5);
    const DmlItemInfo info = { 0.75, "photos/apple.jpg", jpeg };

    fixture_vector (unit, 8, 1);
    for (guint i = 0; i < 8; i++)
      vector[i] = 3.0f * unit[i];
    g_assert_true (
      dml_gallery_enroll (gallery, "apple", vector, &info, 1, NULL, &error));
    fixture_enroll (gallery, "pear", 2);
    fixture_enroll (gallery, "apple", 3);
  }
  g_autofree char *files = fixture_list (fixture);

  g_assert_cmpstr (files, ==, "shop.bin"); /* no log, no journal */
  g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_READ);
  g_autoptr (DmlSnapshot) snapshot = dml_gallery_get_snapshot (gallery, &error);
  guint n, label;
  gint64 item;

  g_assert_no_error (error);
  g_assert_cmpuint (dml_snapshot_get_n_items (snapshot), ==, 3);
  g_assert_cmpuint (dml_snapshot_get_n_labels (snapshot), ==, 2);
  g_assert_cmpint (dml_snapshot_get_revision (snapshot), ==, 3);
  g_assert_cmpstr (dml_snapshot_get_label (snapshot, 0, &n, NULL), ==, "apple");
  g_assert_cmpuint (n, ==, 2);
  g_assert_cmpint (dml_snapshot_find_label (snapshot, "pear"), ==, 1);
  g_assert_cmpint (dml_snapshot_find_label (snapshot, "plum"), ==, -1);
  const float *row = dml_snapshot_get_item (snapshot, 0, &item, &label);

  g_assert_cmpuint (label, ==, 0);
  for (guint i = 0; i < 8; i++)
    g_assert_cmpfloat (fabsf (row[i] - unit[i]), <, 1e-6f);

  g_autoptr (GPtrArray) items =
    dml_gallery_get_items (gallery, "apple", &error);
  const DmlItem *first;

  g_assert_no_error (error);
  g_assert_cmpuint (items->len, ==, 2);
  first = items->pdata[0];
  g_assert_cmpint (first->id, ==, item);
  g_assert_cmpstr (first->source, ==, "photos/apple.jpg");
  g_assert_cmpfloat (first->quality, ==, 0.75);
  g_assert_cmpfloat (((DmlItem *) items->pdata[1])->quality, <, 0);
  g_assert_cmpuint (strlen (first->added), ==, 20);

  g_autoptr (GBytes) thumbnail =
    dml_gallery_get_thumbnail (gallery, item, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (thumbnail), ==, 5);
  g_assert_null (dml_gallery_get_thumbnail (gallery, item + 1, &error));
  g_assert_no_error (error);
  g_assert_null (dml_gallery_get_thumbnail (gallery, 999, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_NOT_FOUND);
}

static void
test_remove_rename_and_merge (Fixture *fixture, gconstpointer data)
{
  g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_CREATE);
  g_autoptr (GError) error = NULL;
  guint n;

  fixture_enroll (gallery, "apple", 1);
  fixture_enroll (gallery, "aple", 2);
  const gint64 pear = fixture_enroll (gallery, "pear", 3);

  g_assert_false (dml_gallery_rename (gallery, "aple", "apple", FALSE, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
  assert_message_has (error, "apple", "merge");
  g_clear_error (&error);
  g_assert_true (dml_gallery_rename (gallery, "aple", "apple", TRUE, &error));
  g_assert_true (dml_gallery_rename (gallery, "pear", "Birne", FALSE, &error));
  g_assert_false (dml_gallery_rename (gallery, "Birn", "x", FALSE, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_NOT_FOUND);
  assert_message_has (error, "no label Birn", "did you mean Birne?");
  g_clear_error (&error);
  for (guint i = 0; i < 5; i++) { /* what a binding may pass for a label */
    const float vector[8] = { 1.0f };

    g_assert_false (
      i == 0   ? dml_gallery_rename (gallery, NULL, "x", FALSE, &error)
      : i == 1 ? dml_gallery_rename (gallery, "Birne", NULL, FALSE, &error)
      : i == 2 ? dml_gallery_remove_label (gallery, NULL, &n, &error)
      : i == 3
        ? dml_gallery_set_label_data (gallery, NULL, "{}", &error)
        : dml_gallery_enroll (gallery, NULL, vector, NULL, 1, NULL, &error));
    g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
    assert_message_has (error, "no label", "name one");
    g_clear_error (&error);
  }
  g_assert_true (dml_gallery_remove_item (gallery, pear, &error));
  g_assert_false (dml_gallery_remove_item (gallery, pear, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_true (dml_gallery_remove_label (gallery, "apple", &n, &error));
  g_assert_cmpuint (n, ==, 2);
  g_assert_false (dml_gallery_remove_label (gallery, "apple", &n, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_NOT_FOUND);
  g_clear_error (&error);

  g_autoptr (DmlSnapshot) snapshot = dml_gallery_get_snapshot (gallery, &error);

  g_assert_cmpuint (dml_snapshot_get_n_items (snapshot), ==, 0);
  g_assert_cmpuint (dml_snapshot_get_n_labels (snapshot), ==, 1); /* Birne */
  /* An id that was removed never names something else. */
  g_assert_cmpint (fixture_enroll (gallery, "plum", 4), >, pear);
}

/* The numbers of what was removed are nowhere in the folder. */
static void
test_removal_overwrites (Fixture *fixture, gconstpointer data)
{
  float vector[8];
  g_autofree char *bytes = NULL;
  gsize size;

  fixture_vector (vector, 8, 1);
  {
    g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_CREATE);

    fixture_enroll (gallery, "Erika Mustermann", 1);
    fixture_enroll (gallery, "pear", 2);
    g_assert_true (
      dml_gallery_remove_label (gallery, "Erika Mustermann", NULL, NULL));
  }
  g_assert_true (g_file_get_contents (fixture->path, &bytes, &size, NULL));
  g_assert_null (memmem (bytes, size, vector, sizeof vector));
  g_assert_null (memmem (bytes, size, "Mustermann", 10));
  fixture_vector (vector, 8, 2);
  g_assert_nonnull (memmem (bytes, size, vector, 4));
}

static void
test_any_label (Fixture *fixture, gconstpointer data)
{
  g_autofree char *large = g_strnfill (10 << 10, 'x');
  const char *const labels[] = { "it's \"quoted\"", "two\nlines", "🍎 jabłko",
                                 "'; DROP TABLE item; --", large };
  g_autofree char *too_large = g_strnfill ((64 << 10) + 1, 'x');
  g_autoptr (GError) error = NULL;
  float vector[8];

  {
    g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_CREATE);

    for (guint l = 0; l < G_N_ELEMENTS (labels); l++)
      fixture_enroll (gallery, labels[l], l);
    fixture_vector (vector, 8, 1);
    for (const char *const *bad =
           (const char *const[]){ "", "\xff\xfe", too_large, NULL };
         *bad != NULL; bad++) {
      g_assert_false (
        dml_gallery_enroll (gallery, *bad, vector, NULL, 1, NULL, &error));
      g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
      g_clear_error (&error);
    }
  }
  g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_READ);
  g_autoptr (DmlSnapshot) snapshot = dml_gallery_get_snapshot (gallery, &error);

  g_assert_no_error (error);
  for (guint l = 0; l < G_N_ELEMENTS (labels); l++)
    g_assert_cmpstr (dml_snapshot_get_label (snapshot, l, NULL, NULL), ==,
                     labels[l]);
}

static void
test_label_data (Fixture *fixture, gconstpointer data)
{
  g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_CREATE);
  g_autoptr (GError) error = NULL;
  const char *json;

  fixture_enroll (gallery, "apple", 1);
  for (const char *const *bad =
         (const char *const[]){ "{", "[1]", "1", "", "\xff", NULL };
       *bad != NULL; bad++) {
    g_assert_false (
      dml_gallery_set_label_data (gallery, "apple", *bad, &error));
    g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
    g_clear_error (&error);
  }
  g_assert_true (
    dml_gallery_set_label_data (gallery, "apple", "{\"price\": 1.20}", &error));
  g_autoptr (DmlSnapshot) snapshot = dml_gallery_get_snapshot (gallery, &error);

  dml_snapshot_get_label (snapshot, 0, NULL, &json);
  g_assert_cmpstr (json, ==, "{\"price\": 1.20}");
}

static void
test_bad_vectors_are_refused (Fixture *fixture, gconstpointer data)
{
  g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_CREATE);
  g_autoptr (GError) error = NULL;
  float vectors[3 * 8] = { 0 };
  gint64 revision;

  fixture_vector (vectors, 8, 1);
  fixture_vector (vectors + 8, 8, 2);
  /* The third is all zero. */
  g_assert_false (
    dml_gallery_enroll (gallery, "apple", vectors, NULL, 3, NULL, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
  assert_message_has (error, "embedding 2", "all zero");
  g_clear_error (&error);
  vectors[16] = NAN;
  g_assert_false (
    dml_gallery_enroll (gallery, "apple", vectors, NULL, 3, NULL, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
  assert_message_has (error, "not finite");
  g_clear_error (&error);
  /* All or none. */
  g_assert_true (dml_gallery_get_revision (gallery, &revision, &error));
  g_assert_cmpint (revision, ==, 0);
  g_autoptr (DmlSnapshot) snapshot = dml_gallery_get_snapshot (gallery, &error);

  g_assert_cmpuint (dml_snapshot_get_n_labels (snapshot), ==, 0);
}

/* ---- transactions -------------------------------------------------------- */

static void
test_session_commits_or_rolls_back (Fixture *fixture, gconstpointer data)
{
  g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_CREATE);
  g_autoptr (DmlGallery) other = fixture_open (fixture, DML_GALLERY_READ);
  g_autoptr (GError) error = NULL;
  const float zero[8] = { 0 };
  gint64 revision;

  g_assert_true (dml_gallery_begin (gallery, &error));
  fixture_enroll (gallery, "apple", 1);
  g_assert_null (dml_gallery_get_snapshot (gallery, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
  g_clear_error (&error);
  g_assert_false (dml_gallery_begin (gallery, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
  g_clear_error (&error);
  dml_gallery_rollback (gallery);
  g_assert_true (dml_gallery_get_revision (other, &revision, &error));
  g_assert_cmpint (revision, ==, 0);

  g_assert_true (dml_gallery_begin (gallery, &error));
  fixture_enroll (gallery, "apple", 1);
  /* One change fails; the others of the transaction stay. */
  g_assert_false (
    dml_gallery_enroll (gallery, "pear", zero, NULL, 1, NULL, &error));
  g_clear_error (&error);
  fixture_enroll (gallery, "plum", 2);
  g_assert_true (dml_gallery_get_revision (other, &revision, &error));
  g_assert_cmpint (revision, ==, 0); /* nothing to be seen yet */
  g_assert_true (dml_gallery_commit (gallery, &error));
  g_assert_true (dml_gallery_get_revision (other, &revision, &error));
  g_assert_cmpint (revision, ==, 1); /* once a transaction */

  g_autoptr (DmlSnapshot) snapshot = dml_gallery_get_snapshot (other, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (dml_snapshot_get_n_labels (snapshot), ==, 2);
  g_assert_cmpint (dml_snapshot_find_label (snapshot, "pear"), ==, -1);

  /* The last reference of an open transaction undoes it. */
  g_assert_true (dml_gallery_begin (gallery, &error));
  fixture_enroll (gallery, "quince", 3);
  g_clear_pointer (&gallery, dml_gallery_unref);
  g_assert_true (dml_gallery_get_revision (other, &revision, &error));
  g_assert_cmpint (revision, ==, 1);
}

static void
test_snapshot_is_kept_and_renewed (Fixture *fixture, gconstpointer data)
{
  g_autoptr (DmlGallery) writer = fixture_open (fixture, DML_GALLERY_CREATE);
  g_autoptr (DmlGallery) reader = fixture_open (fixture, DML_GALLERY_READ);
  gint64 items[40];

  for (guint i = 0; i < 40; i++)
    items[i] = fixture_enroll (writer, i % 2 ? "odd" : "even", i);
  g_autoptr (DmlSnapshot) first = dml_gallery_get_snapshot (reader, NULL);
  g_autoptr (DmlSnapshot) again = dml_gallery_get_snapshot (reader, NULL);

  g_assert_true (first == again);
  g_assert_true (dml_gallery_remove_item (writer, items[0], NULL));
  g_assert_true (dml_gallery_remove_item (writer, items[17], NULL));
  fixture_enroll (writer, "new", 99);
  g_assert_true (dml_gallery_rename (writer, "odd", "strange", FALSE, NULL));

  /* Read with the last one's help, and from nothing: the same. */
  g_autoptr (DmlSnapshot) second = dml_gallery_get_snapshot (reader, NULL);
  g_autoptr (DmlGallery) fresh = fixture_open (fixture, DML_GALLERY_READ);
  g_autoptr (DmlSnapshot) whole = dml_gallery_get_snapshot (fresh, NULL);

  g_assert_cmpuint (dml_snapshot_get_n_items (first), ==, 40);
  g_assert_cmpuint (dml_snapshot_get_n_items (second), ==, 39);
  g_assert_cmpmem (second->rows, 39 * 8 * sizeof (float), whole->rows,
                   39 * 8 * sizeof (float));
  g_assert_cmpmem (second->ids, 39 * sizeof (gint64), whole->ids,
                   39 * sizeof (gint64));
  g_assert_cmpmem (second->label_of, 39 * sizeof (guint32), whole->label_of,
                   39 * sizeof (guint32));
  g_assert_cmpint (dml_snapshot_find_label (second, "strange"), ==, 1);

  /* A change by hand that raises no revision is seen all the same. */
  g_clear_pointer (&writer, dml_gallery_unref);
  fixture_by_hand (fixture,
                   "UPDATE label SET name = 'by hand' WHERE name = 'new'");
  g_autoptr (DmlSnapshot) third = dml_gallery_get_snapshot (reader, NULL);

  g_assert_cmpint (dml_snapshot_find_label (third, "by hand"), ==, 2);
}

static void
test_a_file_moved_to_the_path_is_followed (Fixture *fixture, gconstpointer data)
{
  g_autofree char *backup = g_strconcat (fixture->path, ".backup", NULL);
  g_autofree char *bytes = NULL;
  g_autoptr (GError) error = NULL;
  gint64 revision;
  gsize size;

  fixture_make (fixture);
  g_assert_true (g_file_get_contents (fixture->path, &bytes, &size, NULL));
  g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_WRITE);

  fixture_enroll (gallery, "apple", 1);
  g_autoptr (DmlSnapshot) before = dml_gallery_get_snapshot (gallery, &error);

  g_assert_cmpuint (dml_snapshot_get_n_items (before), ==, 1);
  g_assert_true (g_file_set_contents (backup, bytes, (gssize) size, NULL));
  g_assert_cmpint (g_rename (backup, fixture->path), ==, 0);
  g_autoptr (DmlSnapshot) after = dml_gallery_get_snapshot (gallery, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (dml_snapshot_get_n_items (after), ==, 0);
  fixture_enroll (gallery, "pear", 2); /* goes where the path leads */
  g_clear_pointer (&gallery, dml_gallery_unref);
  gallery = fixture_open (fixture, DML_GALLERY_READ);
  g_autoptr (DmlSnapshot) last = dml_gallery_get_snapshot (gallery, &error);

  g_assert_cmpint (dml_snapshot_find_label (last, "pear"), ==, 0);
  g_unlink (fixture->path);
  g_assert_false (dml_gallery_get_revision (gallery, &revision, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_NOT_FOUND);
}

#define add(name, function)                                                    \
  g_test_add ("/gallery/" name, Fixture, NULL, fixture_set_up, function,       \
              fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("enrol-and-read-back", test_enrol_and_read_back);
  add ("remove-rename-and-merge", test_remove_rename_and_merge);
  add ("removal-overwrites", test_removal_overwrites);
  add ("any-label", test_any_label);
  add ("label-data", test_label_data);
  add ("bad-vectors-are-refused", test_bad_vectors_are_refused);
  add ("session-commits-or-rolls-back", test_session_commits_or_rolls_back);
  add ("snapshot-is-kept-and-renewed", test_snapshot_is_kept_and_renewed);
  add ("a-file-moved-to-the-path-is-followed",
       test_a_file_moved_to_the_path_is_followed);
  return g_test_run ();
}
