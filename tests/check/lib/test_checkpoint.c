/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Checkpoint files: what is written is read back, what is damaged is refused.
 */
#include "train/checkpoint.h"
#include "base/error.h"

#include <glib/gstdio.h>
#include <string.h>

static char *folder;

static char *
write_one (void)
{
  g_autoptr (DmlCheckpoint) cp = dml_checkpoint_new ();
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (folder, "one.ckpt", NULL);
  static const float weights[] = { 1, -2.5f, 3e-9f };

  dml_checkpoint_put (cp, "weights", weights, sizeof weights);
  dml_checkpoint_put (cp, "nothing", NULL, 0);
  dml_checkpoint_put_text (cp, "text", "a = b\n");
  dml_checkpoint_put_u64 (cp, "step", 1234567890123u);
  dml_checkpoint_write (cp, path, &error);
  g_assert_no_error (error);
  return path;
}

static void
test_reads_what_it_wrote (void)
{
  g_autofree char *path = write_one ();
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlCheckpoint) cp = dml_checkpoint_read (path, &error);
  g_autofree char *text = NULL;
  float weights[3];
  uint64_t step;
  size_t size = 1;

  g_assert_no_error (error);
  g_assert_true (
    dml_checkpoint_copy (cp, "weights", weights, sizeof weights, &error));
  g_assert_cmpfloat (weights[2], ==, 3e-9f);
  g_assert_true (dml_checkpoint_get_u64 (cp, "step", &step, &error));
  g_assert_cmpuint (step, ==, 1234567890123u);
  text = dml_checkpoint_get_text (cp, "text", &error);
  g_assert_cmpstr (text, ==, "a = b\n");
  g_assert_nonnull (dml_checkpoint_get (cp, "nothing", &size));
  g_assert_cmpuint (size, ==, 0);
  g_assert_null (dml_checkpoint_get (cp, "else", &size));
}

static void
test_names_a_block_that_does_not_fit (void)
{
  g_autofree char *path = write_one ();
  g_autoptr (DmlCheckpoint) cp = dml_checkpoint_read (path, NULL);
  g_autoptr (GError) error = NULL;
  float weights[4];

  g_assert_false (
    dml_checkpoint_copy (cp, "weights", weights, sizeof weights, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_FORMAT);
  g_assert_nonnull (strstr (error->message, "'weights' has 12 bytes, not 16"));
}

/* Every single byte that differs, and every length, is noticed. */
static void
test_refuses_every_damage (void)
{
  g_autofree char *path = write_one ();
  g_autofree char *bytes = NULL;
  gsize size;

  g_assert_true (g_file_get_contents (path, &bytes, &size, NULL));
  for (gsize i = 0; i < size; i++) {
    g_autofree char *copy = g_memdup2 (bytes, size);
    g_autoptr (GBytes) damaged = NULL;
    g_autoptr (GError) error = NULL;

    copy[i] ^= 0x10;
    damaged = g_bytes_new (copy, size);
    g_assert_null (dml_checkpoint_parse (damaged, "x", &error));
    g_assert_nonnull (error);
  }
  for (gsize n = 0; n < size; n++) {
    g_autoptr (GBytes) cut = g_bytes_new (bytes, n);
    g_autoptr (GError) error = NULL;

    g_assert_null (dml_checkpoint_parse (cut, "x", &error));
    g_assert_error (error, DML_ERROR, DML_ERROR_FORMAT);
  }
}

/* A sound checksum over hostile sizes. */
static void
test_refuses_hostile_sizes (void)
{
  static const uint64_t sizes[] = { 1, 1000, UINT64_MAX, UINT64_MAX - 20,
                                    (uint64_t) 1 << 63 };

  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autoptr (GByteArray) file = g_byte_array_new ();
    g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
    g_autoptr (GBytes) bytes = NULL;
    g_autoptr (GError) error = NULL;
    const uint32_t head[] = { 1, 1, 1 }; /* version, blocks, name's length */
    uint8_t digest[32];
    gsize n_digest = sizeof digest;

    g_byte_array_append (file, (const guint8 *) "DMLCKPT\n", 8);
    g_byte_array_append (file, (const guint8 *) head, sizeof head);
    g_byte_array_append (file, (const guint8 *) &sizes[i], 8);
    g_byte_array_append (file, (const guint8 *) "x", 1);
    g_checksum_update (sum, file->data, file->len);
    g_checksum_get_digest (sum, digest, &n_digest);
    g_byte_array_append (file, digest, 32);
    bytes = g_byte_array_free_to_bytes (g_steal_pointer (&file));
    g_assert_null (dml_checkpoint_parse (bytes, "x", &error));
    g_assert_error (error, DML_ERROR, DML_ERROR_FORMAT);
  }
}

static void
test_says_that_nothing_is_there (void)
{
  g_autofree char *path = g_build_filename (folder, "none.ckpt", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (dml_checkpoint_read (path, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_NOT_FOUND);
}

static void
test_keeps_the_old_one_where_it_cannot_write (void)
{
  g_autoptr (DmlCheckpoint) cp = dml_checkpoint_new ();
  g_autoptr (GError) error = NULL;

  dml_checkpoint_put_text (cp, "text", "x");
  g_assert_false (dml_checkpoint_write (cp, "/dev/full/last.ckpt", &error));
  g_assert_nonnull (error);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("dml-XXXXXX", NULL);
  g_test_add_func ("/checkpoint/reads-what-it-wrote", test_reads_what_it_wrote);
  g_test_add_func ("/checkpoint/names-a-block-that-does-not-fit",
                   test_names_a_block_that_does_not_fit);
  g_test_add_func ("/checkpoint/refuses-every-damage",
                   test_refuses_every_damage);
  g_test_add_func ("/checkpoint/refuses-hostile-sizes",
                   test_refuses_hostile_sizes);
  g_test_add_func ("/checkpoint/says-that-nothing-is-there",
                   test_says_that_nothing_is_there);
  g_test_add_func ("/checkpoint/keeps-the-old-one-where-it-cannot-write",
                   test_keeps_the_old_one_where_it_cannot_write);
  status = g_test_run ();
  {
    g_autofree char *path = g_build_filename (folder, "one.ckpt", NULL);

    g_unlink (path);
    g_rmdir (folder);
  }
  g_free (folder);
  return status;
}
