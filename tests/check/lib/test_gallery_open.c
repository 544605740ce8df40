/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Opening gallery files: what is said of those that are none, are damaged,
 * may not be written or are held by others. */
#include "gallery_fixture.h"

#include <unistd.h>

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
  fixture_by_hand (fixture, "CREATE TABLE t (x)");
  assert_open_fails (fixture, DML_GALLERY_CREATE, DML_ERROR_FORMAT,
                     "0x444d4c47");
  fixture_by_hand (fixture, "PRAGMA application_id = 0x444d4c47");
  assert_open_fails (fixture, DML_GALLERY_READ, DML_ERROR_FORMAT, "version 0");
  fixture_by_hand (fixture, "PRAGMA user_version = 100");
  assert_open_fails (fixture, DML_GALLERY_READ, DML_ERROR_FORMAT,
                     "0 of a gallery's 5 tables");
}

static void
test_versions (Fixture *fixture, gconstpointer data)
{
  fixture_make (fixture);
  fixture_by_hand (fixture, "PRAGMA user_version = 200");
  assert_open_fails (fixture, DML_GALLERY_READ, DML_ERROR_UNSUPPORTED,
                     "schema 2.0");
  /* A newer minor adds what need not be known. */
  fixture_by_hand (fixture, "PRAGMA user_version = 107;"
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
  fixture_by_hand (fixture, fixture_schema_1_0);
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
  fixture_by_hand (fixture, "UPDATE item SET content = 'x' WHERE id = 2");
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
    fixture_by_hand (fixture, damages[d].sql);
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
    fixture_by_hand (fixture, damages[d].sql);
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

/* To be opened by others only: not there, as far as we may see. */
static void
test_not_ours_to_read (Fixture *fixture, gconstpointer data)
{
  g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_CREATE);

  fixture_enroll (gallery, "apple", 1);
  g_clear_pointer (&gallery, dml_gallery_unref);
  g_assert_cmpint (g_chmod (fixture->path, 0000), ==, 0);
  g_assert_true (become_nobody ());
  assert_open_fails (fixture, DML_GALLERY_READ, DML_ERROR_NOT_FOUND,
                     g_strerror (EACCES));
  become_oneself ();
  g_assert_cmpint (g_chmod (fixture->path, 0644), ==, 0);
  g_assert_cmpint (g_chmod (fixture->folder, 0000), ==, 0);
  g_assert_true (become_nobody ());
  assert_open_fails (fixture, DML_GALLERY_READ, DML_ERROR_NOT_FOUND,
                     g_strerror (EACCES));
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
  fixture_by_hand (fixture, "PRAGMA journal_mode = WAL");
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
  g_test_add ("/gallery-open/" name, Fixture, NULL, fixture_set_up, function,  \
              fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("wrong-path", test_wrong_path);
  add ("not-a-gallery", test_not_a_gallery);
  add ("versions", test_versions);
  add ("older-minor", test_older_minor);
  add ("another-encoder", test_another_encoder);
  add ("encoder-and-gallery", test_encoder_and_gallery);
  add ("damage-is-named", test_damage_is_named);
  add ("a-damaged-head-is-named", test_a_damaged_head_is_named);
  add ("read-only", test_read_only);
  add ("not-ours-to-read", test_not_ours_to_read);
  add ("read-only-after-a-crash", test_read_only_after_a_crash);
  add ("held-by-another-process", test_held_by_another_process);
  add ("the-last-to-close-leaves-one-file",
       test_the_last_to_close_leaves_one_file);
  return g_test_run ();
}
