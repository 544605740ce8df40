/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Named blocks in a file with a checksum. */
#include "train/checkpoint.h"
#include "base/error.h"
#include "base/file.h"

#include <string.h>

#define MAGIC "DMLCKPT\n"
#define VERSION 1u
#define SUM_SIZE 32u
#define HEAD_SIZE (8u + 4u + 4u)
#define NAME_MAX_SIZE 4096u
#define BLOCKS_MAX 1000000u
#define FILE_MAX ((size_t) 3 << 30)

G_STATIC_ASSERT (G_BYTE_ORDER == G_LITTLE_ENDIAN);

typedef struct {
  char *name;
  const void *data;
  size_t size;
  void *owned; /* `data` where it was copied, or NULL */
} Block;

struct _DmlCheckpoint {
  GArray *blocks;    /* of Block */
  GHashTable *index; /* name -> place in blocks, 1-based */
  GBytes *file;      /* what the blocks point into, where it was read */
  char *path;        /* for messages */
};

static void
block_clear (gpointer block)
{
  g_free (((Block *) block)->name);
  g_free (((Block *) block)->owned);
}

DmlCheckpoint *
dml_checkpoint_new (void)
{
  DmlCheckpoint *cp = g_new0 (DmlCheckpoint, 1);

  cp->blocks = g_array_new (FALSE, TRUE, sizeof (Block));
  g_array_set_clear_func (cp->blocks, block_clear);
  cp->index = g_hash_table_new (g_str_hash, g_str_equal);
  return cp;
}

void
dml_checkpoint_free (DmlCheckpoint *cp)
{
  if (cp == NULL)
    return;
  g_hash_table_unref (cp->index);
  g_array_unref (cp->blocks);
  g_clear_pointer (&cp->file, g_bytes_unref);
  g_free (cp->path);
  g_free (cp);
}

static void
put (DmlCheckpoint *cp, char *name, const void *data, size_t size, void *owned)
{
  const Block block = { name, data, size, owned };

  g_array_append_val (cp->blocks, block);
  g_hash_table_insert (cp->index, name, GUINT_TO_POINTER (cp->blocks->len));
}

void
dml_checkpoint_put (DmlCheckpoint *cp, const char *name, const void *data,
                    size_t size)
{
  g_assert (!g_hash_table_contains (cp->index, name));
  put (cp, g_strdup (name), data, size, NULL);
}

void
dml_checkpoint_put_text (DmlCheckpoint *cp, const char *name, const char *text)
{
  char *copy = g_strdup (text);

  put (cp, g_strdup (name), copy, strlen (copy), copy);
}

void
dml_checkpoint_put_u64 (DmlCheckpoint *cp, const char *name, uint64_t value)
{
  uint64_t *copy = g_new (uint64_t, 1);

  *copy = value;
  put (cp, g_strdup (name), copy, sizeof *copy, copy);
}

static void
append (GByteArray *file, const void *data, size_t size)
{
  g_byte_array_append (file, data, (guint) size);
}

gboolean
dml_checkpoint_write (const DmlCheckpoint *cp, const char *path, GError **error)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autoptr (GByteArray) file = NULL;
  const uint32_t n = cp->blocks->len, version = VERSION;
  uint8_t digest[SUM_SIZE];
  gsize digest_size = sizeof digest;
  size_t total = HEAD_SIZE + SUM_SIZE;

  for (uint32_t i = 0; i < n; i++) {
    const Block *block = &g_array_index (cp->blocks, Block, i);

    total += 12 + strlen (block->name) + block->size;
  }
  if (total > FILE_MAX)
    return dml_fail (error, LIMIT,
                     "%s: a checkpoint of %zu MiB; at most %zu MiB are written",
                     path, total >> 20, FILE_MAX >> 20);
  file = g_byte_array_sized_new ((guint) total);
  append (file, MAGIC, 8);
  append (file, &version, 4);
  append (file, &n, 4);
  for (uint32_t i = 0; i < n; i++) {
    const Block *block = &g_array_index (cp->blocks, Block, i);
    const uint32_t name_size = (uint32_t) strlen (block->name);
    const uint64_t size = block->size;

    append (file, &name_size, 4);
    append (file, &size, 8);
    append (file, block->name, name_size);
    append (file, block->data, block->size);
  }
  g_checksum_update (sum, file->data, (gssize) file->len);
  g_checksum_get_digest (sum, digest, &digest_size);
  append (file, digest, SUM_SIZE);
  return dml_file_replace (path, file->data, file->len, error);
}

/* Takes `n` bytes off the front of what is left, or NULL. */
static const uint8_t *
take (const uint8_t **at, size_t *left, uint64_t n)
{
  const uint8_t *here = *at;

  if (n > *left)
    return NULL;
  *at += n;
  *left -= (size_t) n;
  return here;
}

static gboolean
parse_block (DmlCheckpoint *cp, const uint8_t **at, size_t *left)
{
  const uint8_t *head = take (at, left, 12), *name, *data;
  uint32_t name_size;
  uint64_t size;
  char *text;

  if (head == NULL)
    return FALSE;
  memcpy (&name_size, head, 4);
  memcpy (&size, head + 4, 8);
  if (name_size > NAME_MAX_SIZE ||
      (name = take (at, left, name_size)) == NULL ||
      (data = take (at, left, size)) == NULL ||
      memchr (name, '\0', name_size) != NULL)
    return FALSE;
  text = g_strndup ((const char *) name, name_size);
  if (g_hash_table_contains (cp->index, text)) {
    g_free (text);
    return FALSE;
  }
  put (cp, text, data, (size_t) size, NULL);
  return TRUE;
}

DmlCheckpoint *
dml_checkpoint_parse (GBytes *bytes, const char *name, GError **error)
{
  g_autoptr (DmlCheckpoint) cp = dml_checkpoint_new ();
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  uint8_t digest[SUM_SIZE];
  gsize digest_size = sizeof digest;
  size_t left;
  const uint8_t *at = g_bytes_get_data (bytes, &left);
  uint32_t version, n;

  cp->path = g_strdup (name);
  cp->file = g_bytes_ref (bytes);
  if (left < HEAD_SIZE + SUM_SIZE || memcmp (at, MAGIC, 8) != 0)
    return dml_fail_null (error, FORMAT, "%s: not a checkpoint of dml-train",
                          name);
  memcpy (&version, at + 8, 4);
  memcpy (&n, at + 12, 4);
  if (version != VERSION)
    return dml_fail_null (error, UNSUPPORTED,
                          "%s: checkpoint version %u; this program knows %u",
                          name, version, VERSION);
  left -= SUM_SIZE;
  g_checksum_update (sum, at, (gssize) left);
  g_checksum_get_digest (sum, digest, &digest_size);
  if (memcmp (digest, at + left, SUM_SIZE) != 0)
    return dml_fail_null (error, FORMAT,
                          "%s: damaged: its checksum does not fit", name);
  at += HEAD_SIZE;
  left -= HEAD_SIZE;
  for (uint32_t i = 0; i < n && n <= BLOCKS_MAX; i++)
    if (!parse_block (cp, &at, &left))
      break;
  if (cp->blocks->len != n || left != 0)
    return dml_fail_null (error, FORMAT,
                          "%s: damaged: its blocks do not fill "
                          "it",
                          name);
  return g_steal_pointer (&cp);
}

DmlCheckpoint *
dml_checkpoint_read (const char *path, GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, &reason);
  g_autoptr (GBytes) bytes = NULL;

  if (file == NULL)
    return dml_fail_null (error, NOT_FOUND, "%s", reason->message);
  bytes = g_mapped_file_get_bytes (file);
  return dml_checkpoint_parse (bytes, path, error);
}

const void *
dml_checkpoint_get (const DmlCheckpoint *cp, const char *name, size_t *size)
{
  const guint i = GPOINTER_TO_UINT (g_hash_table_lookup (cp->index, name));

  if (i == 0)
    return NULL;
  *size = g_array_index (cp->blocks, Block, i - 1).size;
  return g_array_index (cp->blocks, Block, i - 1).data;
}

gboolean
dml_checkpoint_copy (const DmlCheckpoint *cp, const char *name, void *data,
                     size_t size, GError **error)
{
  size_t got = 0;
  const void *block = dml_checkpoint_get (cp, name, &got);

  if (block == NULL)
    return dml_fail (error, FORMAT, "%s: no '%s' in this checkpoint", cp->path,
                     name);
  if (got != size)
    return dml_fail (error, FORMAT, "%s: '%s' has %zu bytes, not %zu", cp->path,
                     name, got, size);
  memcpy (data, block, size);
  return TRUE;
}

gboolean
dml_checkpoint_get_u64 (const DmlCheckpoint *cp, const char *name,
                        uint64_t *value, GError **error)
{
  return dml_checkpoint_copy (cp, name, value, sizeof *value, error);
}

char *
dml_checkpoint_get_text (const DmlCheckpoint *cp, const char *name,
                         GError **error)
{
  size_t size = 0;
  const char *text = dml_checkpoint_get (cp, name, &size);

  if (text == NULL || memchr (text, '\0', size) != NULL)
    return dml_fail_null (error, FORMAT, "%s: no '%s' in this checkpoint",
                          cp->path, name);
  return g_strndup (text, size);
}
