/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Any bytes as a checkpoint. Its checksum would turn every damaged file away,
 * so the last 32 bytes are made to fit: what lies behind the sum is read. */
#include "train/checkpoint.h"

#include <string.h>

#define SUM_SIZE 32

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
read_all (GBytes *bytes)
{
  g_autoptr (DmlCheckpoint) cp = dml_checkpoint_parse (bytes, "fuzz", NULL);
  size_t n = 0;
  uint64_t value;

  if (cp == NULL)
    return;
  dml_checkpoint_get (cp, "weights", &n);
  dml_checkpoint_get_u64 (cp, "step", &value, NULL);
  g_free (dml_checkpoint_get_text (cp, "config", NULL));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GBytes) as_is = g_bytes_new (data, size);
  g_autoptr (GBytes) fitting = NULL;
  g_autofree uint8_t *copy = NULL;
  g_autoptr (GChecksum) sum = NULL;
  gsize n = SUM_SIZE;

  read_all (as_is);
  if (size < SUM_SIZE)
    return 0;
  copy = g_memdup2 (data, size);
  sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_checksum_update (sum, copy, (gssize) (size - SUM_SIZE));
  g_checksum_get_digest (sum, copy + size - SUM_SIZE, &n);
  fitting = g_bytes_new (copy, size);
  read_all (fitting);
  return 0;
}
