/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The gallery file: its life, and what is said of files that are none. */
#include "gallery_fixture.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

/* Runs SQL on the file as anybody with the sqlite3 program could. */
static void
by_hand (const Fixture *fixture, const char *sql)
{
  g_autofree char *why = NULL;
  sqlite3 *db;

  g_assert_cmpint (sqlite3_open (fixture->path, &db), ==, SQLITE_OK);
  sqlite3_busy_timeout (db, 2000);
  if (sqlite3_exec (db, sql, NULL, NULL, &why) != SQLITE_OK)
    g_error ("%s: %s", sql, why);
  sqlite3_close (db);
}

static void
assert_open_fails (const Fixture *fixture, DmlGalleryFlags flags, int code,
                   const char *words)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (
    dml_gallery_open_space (fixture->path, flags, &fixture->space, &error));
  g_assert_error (error, DML_ERROR, code);
  assert_message_has (error, fixture->path, words);
}

static void
assert_snapshot_fails (const Fixture *fixture, const char *words)
{
  g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_READ);
  g_autoptr (GError) error = NULL;

  g_assert_null (dml_gallery_get_snapshot (gallery, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_FORMAT);
  assert_message_has (error, fixture->path, words);
}

/* ---- life ---------------------------------------------------------------- */

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
  by_hand (fixture, "UPDATE label SET name = 'by hand' WHERE name = 'new'");
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

/* ---- what is no gallery -------------------------------------------------- */

static void
test_wrong_path (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = fixture->path;

  assert_open_fails (fixture, DML_GALLERY_READ, DML_ERROR_NOT_FOUND,
                     "no such file");
  assert_open_fails (fixture, DML_GALLERY_WRITE, DML_ERROR_NOT_FOUND,
                     "no such file");
  fixture->path = g_build_filename (fixture->folder, "no", "shop.bin", NULL);
  assert_open_fails (fixture, DML_GALLERY_CREATE, DML_ERROR_NOT_FOUND, "no");
  g_free (fixture->path);
  fixture->path = g_strdup (fixture->folder);
  assert_open_fails (fixture, DML_GALLERY_CREATE, DML_ERROR_FORMAT, "folder");
  g_free (fixture->path);
  fixture->path = g_steal_pointer (&path);
  g_assert_null (dml_gallery_open_space ("", DML_GALLERY_READ, NULL, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (
    dml_gallery_open_space (fixture->path, DML_GALLERY_CREATE, NULL, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
}

static void
test_not_a_gallery (Fixture *fixture, gconstpointer data)
{
  g_assert_true (g_file_set_contents (fixture->path, "", 0, NULL));
  assert_open_fails (fixture, DML_GALLERY_CREATE, DML_ERROR_FORMAT,
                     "empty file");
  g_assert_true (
    g_file_set_contents (fixture->path, "label,price\napple,1.20\n", -1, NULL));
  assert_open_fails (fixture, DML_GALLERY_CREATE, DML_ERROR_FORMAT,
                     "not an SQLite file");
  g_unlink (fixture->path);
  by_hand (fixture, "CREATE TABLE t (x)");
  assert_open_fails (fixture, DML_GALLERY_CREATE, DML_ERROR_FORMAT,
                     "0x444d4c47");
  by_hand (fixture, "PRAGMA application_id = 0x444d4c47");
  assert_open_fails (fixture, DML_GALLERY_READ, DML_ERROR_FORMAT, "version 0");
  by_hand (fixture, "PRAGMA user_version = 100");
  assert_open_fails (fixture, DML_GALLERY_READ, DML_ERROR_FORMAT,
                     "0 of a gallery's 5 tables");
}

static void
test_versions (Fixture *fixture, gconstpointer data)
{
  fixture_make (fixture);
  by_hand (fixture, "PRAGMA user_version = 200");
  assert_open_fails (fixture, DML_GALLERY_READ, DML_ERROR_UNSUPPORTED,
                     "schema 2.0");
  /* A newer minor adds what need not be known. */
  by_hand (fixture, "PRAGMA user_version = 107;"
                    "ALTER TABLE item ADD COLUMN mood TEXT;"
                    "CREATE TABLE candidate (id INTEGER PRIMARY KEY)");
  g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_WRITE);

  fixture_enroll (gallery, "apple", 1);
  g_autoptr (DmlSnapshot) snapshot = dml_gallery_get_snapshot (gallery, NULL);

  g_assert_cmpuint (dml_snapshot_get_n_items (snapshot), ==, 1);
}

/* A file of schema 1.0 lacks what items are made of: it is read as it is, and
 * the first enrolment adds that. */
static void
test_older_minor (Fixture *fixture, gconstpointer data)
{
  const char *const content = "00112233445566778899aabbccddeeff"
                              "00112233445566778899aabbccddeeff";
  const DmlItemInfo info = { .quality = -1, .content = content, .views = 12 };
  const DmlItemInfo wrong = { .quality = -1, .content = "abc" };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) problems = NULL;
  float vector[8];
  DmlItem *item;

  {
    g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_CREATE);

    fixture_enroll (gallery, "apple", 1);
  }
  by_hand (fixture, fixture_schema_1_0);
  g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_WRITE);
  g_autoptr (GPtrArray) old = dml_gallery_get_items (gallery, NULL, &error);

  g_assert_no_error (error);
  item = g_ptr_array_index (old, 0);
  g_assert_null (item->content);
  g_assert_cmpuint (item->views, ==, 0);
  fixture_vector (vector, 8, 2);
  g_assert_false (
    dml_gallery_enroll (gallery, "pear", vector, &wrong, 1, NULL, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
  g_clear_error (&error);
  dml_gallery_enroll (gallery, "pear", vector, &info, 1, NULL, &error);
  g_assert_no_error (error);
  g_autoptr (GPtrArray) new = dml_gallery_get_items (gallery, "pear", &error);

  item = g_ptr_array_index (new, 0);
  g_assert_cmpstr (item->content, ==, content);
  g_assert_cmpuint (item->views, ==, 12);
  g_assert_true (dml_gallery_verify (gallery, &problems, &error));
  g_assert_null (problems[0]);
  g_clear_pointer (&problems, g_strfreev);
  by_hand (fixture, "UPDATE item SET content = 'x' WHERE id = 2");
  g_assert_true (dml_gallery_verify (gallery, &problems, &error));
  g_assert_nonnull (strstr (problems[0], "item 2"));
}

static void
test_another_encoder (Fixture *fixture, gconstpointer data)
{
  fixture_make (fixture);
  fixture->space.fingerprint = (char *) "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
  fixture->space.name = (char *) "other-encoder";
  assert_open_fails (fixture, DML_GALLERY_WRITE, DML_ERROR_MISMATCH,
                     "test-encoder (0123456789ab)");
  assert_open_fails (fixture, DML_GALLERY_WRITE, DML_ERROR_MISMATCH,
                     "other-encoder (aaaaaaaaaaaa");
  fixture->space = fixture_space (16, DML_METRIC_COSINE);
  assert_open_fails (fixture, DML_GALLERY_WRITE, DML_ERROR_MISMATCH,
                     "of 8 dimensions");
}

/* The encoder is asked wherever one is given. */
static void
test_encoder_and_gallery (Fixture *fixture, gconstpointer data)
{
  g_autoptr (DmlEncoder) encoder = dml_encoder_get_default ();
  g_autofree char *other = g_strconcat (fixture->path, ".other", NULL);
  g_autoptr (DmlGallery) own = NULL, others = NULL;
  g_autoptr (DmlSnapshot) own_snapshot = NULL, others_snapshot = NULL;
  g_autoptr (DmlMatcher) matcher = NULL;
  g_autoptr (GError) error = NULL;

  own = dml_gallery_open (other, DML_GALLERY_CREATE, encoder, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (dml_gallery_get_dim (own), ==,
                    dml_encoder_get_dim (encoder));
  own_snapshot = dml_gallery_get_snapshot (own, &error);
  matcher = dml_matcher_new (own_snapshot, encoder, NULL, &error);
  g_assert_no_error (error);

  others = fixture_open (fixture, DML_GALLERY_CREATE);
  others_snapshot = dml_gallery_get_snapshot (others, &error);
  g_assert_null (
    dml_gallery_open (fixture->path, DML_GALLERY_READ, encoder, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_MISMATCH);
  g_clear_error (&error);
  g_assert_null (dml_matcher_new (others_snapshot, encoder, NULL, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_MISMATCH);
  g_clear_error (&error);
  g_assert_false (
    dml_gallery_calibrate (others, encoder, 0.1, NULL, NULL, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_MISMATCH);
}

static void
test_damage_is_named (Fixture *fixture, gconstpointer data)
{
  static const struct {
    const char *sql, *words;
  } damages[] = {
    { "INSERT INTO item (id, label_id, vector, added) VALUES (17, 1, x'00', "
      "'')",
      "item 17 is damaged: its vector has 1 bytes, not 32" },
    { "INSERT INTO item (id, label_id, vector, added)"
      " VALUES (17, 1, 'text', '')",
      "item 17" },
    { "INSERT INTO item (id, label_id, vector, added)"
      " VALUES (17, 1, x'0000c07f0000c07f0000c07f0000c07f"
      "0000c07f0000c07f0000c07f0000c07f', '')",
      "item 17 is damaged: number 0 of its vector is not finite" },
    { "INSERT INTO item (id, label_id, vector, added)"
      " VALUES (17, 1, zeroblob (32), '')",
      "item 17 is damaged: its vector has length 0, not 1" },
    { "PRAGMA foreign_keys = OFF; INSERT INTO item (id, label_id, vector, "
      "added)"
      " VALUES (17, 5, zeroblob (32), '')",
      "item 17 is damaged: it belongs to label 5" },
    { "UPDATE label SET name = x'6162'", "label 1 is damaged" },
    { "UPDATE label SET name = CAST (x'61ff' AS TEXT)", "label 1 is damaged" },
    { "UPDATE label SET data = x'00'", "label 1 is damaged: its data" },
    { "INSERT INTO calibration VALUES ('item/0.01', '{')",
      "threshold item/0.01 is damaged; calibrate again" },
  };

  for (guint d = 0; d < G_N_ELEMENTS (damages); d++) {
    g_autoptr (DmlGallery) gallery = NULL;
    g_auto (GStrv) problems = NULL;

    g_unlink (fixture->path);
    gallery = fixture_open (fixture, DML_GALLERY_CREATE);
    fixture_enroll (gallery, "apple", 1);
    g_assert_true (dml_gallery_verify (gallery, &problems, NULL));
    g_assert_cmpuint (g_strv_length (problems), ==, 0);
    g_clear_pointer (&problems, g_strfreev);
    g_clear_pointer (&gallery, dml_gallery_unref);
    by_hand (fixture, damages[d].sql);
    assert_snapshot_fails (fixture, damages[d].words);
    /* It opens all the same, so that it can be mended. */
    gallery = fixture_open (fixture, DML_GALLERY_WRITE);
    g_assert_true (dml_gallery_verify (gallery, &problems, NULL));
    g_assert_cmpuint (g_strv_length (problems), >=, 1);
  }
}

static void
test_a_damaged_head_is_named (Fixture *fixture, gconstpointer data)
{
  static const struct {
    const char *sql, *words;
  } damages[] = {
    { "DELETE FROM gallery WHERE key = 'fingerprint'", "fingerprint" },
    { "UPDATE gallery SET value = 'xyz' WHERE key = 'fingerprint'",
      "fingerprint" },
    { "UPDATE gallery SET value = 0 WHERE key = 'dim'", "dimension is 0" },
    { "UPDATE gallery SET value = 1 << 40 WHERE key = 'dim'", "dimension" },
    { "UPDATE gallery SET value = 'manhattan' WHERE key = 'metric'", "metric" },
    { "DELETE FROM gallery WHERE key = 'revision'", "revision" },
    { "DELETE FROM gallery WHERE key = 'encoder'", "encoder's name" },
    { "DROP TABLE tag; CREATE VIEW tag AS SELECT 1", "4 of a gallery's 5" },
  };

  for (guint d = 0; d < G_N_ELEMENTS (damages); d++) {
    g_unlink (fixture->path);
    fixture_make (fixture);
    by_hand (fixture, damages[d].sql);
    assert_open_fails (fixture, DML_GALLERY_READ, DML_ERROR_FORMAT,
                       damages[d].words);
  }
}

/* ---- may not be written, held by others ---------------------------------- */

/* Root may write everything; nobody may not. */
static gboolean
become_nobody (void)
{
  return geteuid () != 0 || seteuid (65534) == 0;
}

static void
become_oneself (void)
{
  if (getuid () == 0)
    g_assert_cmpint (seteuid (0), ==, 0);
}

static void
test_read_only (Fixture *fixture, gconstpointer data)
{
  g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_CREATE);
  g_autoptr (GError) error = NULL;
  float vector[8];

  fixture_enroll (gallery, "apple", 1);
  g_clear_pointer (&gallery, dml_gallery_unref);
  g_assert_cmpint (g_chmod (fixture->path, 0444), ==, 0);
  g_assert_cmpint (g_chmod (fixture->folder, 0555), ==, 0);
  g_assert_true (become_nobody ());
  assert_open_fails (fixture, DML_GALLERY_WRITE, DML_ERROR_READ_ONLY,
                     "cannot be written");
  gallery = fixture_open (fixture, DML_GALLERY_READ);
  g_autoptr (DmlSnapshot) snapshot = dml_gallery_get_snapshot (gallery, &error);

  become_oneself ();
  g_assert_no_error (error);
  g_assert_cmpuint (dml_snapshot_get_n_items (snapshot), ==, 1);
  fixture_vector (vector, 8, 2);
  g_assert_false (
    dml_gallery_enroll (gallery, "pear", vector, NULL, 1, NULL, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_READ_ONLY);
  g_clear_pointer (&gallery, dml_gallery_unref);
  g_assert_cmpint (g_chmod (fixture->path, 0666), ==, 0);
  g_assert_true (become_nobody ());
  assert_open_fails (fixture, DML_GALLERY_WRITE, DML_ERROR_READ_ONLY, "folder");
  become_oneself ();
  g_assert_cmpint (g_chmod (fixture->folder, 0755), ==, 0);
}

/* A card with a gallery that nobody closed properly, read where nothing can be
 * written: without its log it can be read, with it not, and that is said. */
static void
test_read_only_after_a_crash (Fixture *fixture, gconstpointer data)
{
  g_autofree char *log = g_strconcat (fixture->path, "-wal", NULL);
  g_autoptr (DmlGallery) gallery = NULL;
  g_autoptr (DmlSnapshot) snapshot = NULL;
  g_autoptr (GError) error = NULL;

  gallery = fixture_open (fixture, DML_GALLERY_CREATE);
  fixture_enroll (gallery, "apple", 1);
  g_clear_pointer (&gallery, dml_gallery_unref);
  by_hand (fixture, "PRAGMA journal_mode = WAL");
  g_assert_cmpint (g_chmod (fixture->path, 0444), ==, 0);
  g_assert_cmpint (g_chmod (fixture->folder, 0555), ==, 0);
  g_assert_true (become_nobody ());
  gallery = fixture_open (fixture, DML_GALLERY_READ);
  snapshot = dml_gallery_get_snapshot (gallery, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (dml_snapshot_get_n_items (snapshot), ==, 1);
  g_clear_pointer (&gallery, dml_gallery_unref);
  become_oneself ();
  g_assert_cmpint (g_chmod (fixture->folder, 0755), ==, 0);
  g_assert_true (g_file_set_contents (log, "x", 1, NULL));
  g_assert_cmpint (g_chmod (fixture->folder, 0555), ==, 0);
  g_assert_true (become_nobody ());
  assert_open_fails (fixture, DML_GALLERY_READ, DML_ERROR_READ_ONLY,
                     "was not closed");
  become_oneself ();
  g_assert_cmpint (g_chmod (fixture->folder, 0755), ==, 0);
}

static void
test_held_by_another_process (Fixture *fixture, gconstpointer data)
{
  g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_CREATE);
  g_autoptr (DmlGallery) reader = NULL;
  g_autoptr (GError) error = NULL;
  float vector[8];
  sqlite3 *db;

  fixture_enroll (gallery, "apple", 1);
  g_clear_pointer (&gallery, dml_gallery_unref);
  dml_store_set_timeout_ms (20);
  gallery = fixture_open (fixture, DML_GALLERY_WRITE);
  reader = fixture_open (fixture, DML_GALLERY_READ);
  g_assert_cmpint (sqlite3_open (fixture->path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==,
                   SQLITE_OK);
  fixture_vector (vector, 8, 2);
  g_assert_false (
    dml_gallery_enroll (gallery, "pear", vector, NULL, 1, NULL, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_BUSY);
  assert_message_has (error, fixture->path, "another process", "try again");
  g_clear_error (&error);
  /* A writer does not stop readers. */
  g_autoptr (DmlSnapshot) snapshot = dml_gallery_get_snapshot (reader, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (dml_snapshot_get_n_items (snapshot), ==, 1);
  sqlite3_exec (db, "ROLLBACK", NULL, NULL, NULL);
  g_assert_true (
    dml_gallery_enroll (gallery, "pear", vector, NULL, 1, NULL, &error));
  g_clear_pointer (&gallery, dml_gallery_unref);
  g_clear_pointer (&reader, dml_gallery_unref);

  /* Held whole, as a backup program may do. */
  g_assert_cmpint (sqlite3_exec (db,
                                 "PRAGMA locking_mode = EXCLUSIVE;"
                                 "BEGIN EXCLUSIVE",
                                 NULL, NULL, NULL),
                   ==, SQLITE_OK);
  assert_open_fails (fixture, DML_GALLERY_READ, DML_ERROR_BUSY,
                     "another process");
  sqlite3_close (db);
  dml_store_set_timeout_ms (5000);
}

/* A reader that stays when the writer leaves takes the log in when it leaves
 * itself. */
static void
test_the_last_to_close_leaves_one_file (Fixture *fixture, gconstpointer data)
{
  g_autoptr (DmlGallery) writer = fixture_open (fixture, DML_GALLERY_CREATE);
  g_autoptr (DmlGallery) reader = fixture_open (fixture, DML_GALLERY_READ);
  g_autofree char *files = NULL;

  fixture_enroll (writer, "apple", 1);
  g_clear_pointer (&writer, dml_gallery_unref);
  g_autoptr (DmlSnapshot) snapshot = dml_gallery_get_snapshot (reader, NULL);

  g_assert_cmpuint (dml_snapshot_get_n_items (snapshot), ==, 1);
  g_clear_pointer (&reader, dml_gallery_unref);
  files = fixture_list (fixture);
  g_assert_cmpstr (files, ==, "shop.bin");
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
  add ("wrong-path", test_wrong_path);
  add ("not-a-gallery", test_not_a_gallery);
  add ("versions", test_versions);
  add ("older-minor", test_older_minor);
  add ("another-encoder", test_another_encoder);
  add ("encoder-and-gallery", test_encoder_and_gallery);
  add ("damage-is-named", test_damage_is_named);
  add ("a-damaged-head-is-named", test_a_damaged_head_is_named);
  add ("read-only", test_read_only);
  add ("read-only-after-a-crash", test_read_only_after_a_crash);
  add ("held-by-another-process", test_held_by_another_process);
  add ("the-last-to-close-leaves-one-file",
       test_the_last_to_close_leaves_one_file);
  return g_test_run ();
}
