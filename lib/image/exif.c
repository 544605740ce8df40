/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A bounded reader of TIFF's first directory. */
#include "image/exif.h"

#include <stdbool.h>
#include <string.h>

#define TAG_ORIENTATION 274
#define TYPE_SHORT 3
#define ENTRY_SIZE 12

typedef struct {
  const uint8_t *data;
  size_t size;
  bool big; /* "MM": most significant byte first */
} Tiff;

/* The caller has seen that the bytes are there. */
static uint32_t
tiff_get (const Tiff *tiff, size_t at, unsigned n_bytes)
{
  uint32_t value = 0;

  for (unsigned i = 0; i < n_bytes; i++)
    value = value << 8 | tiff->data[at + (tiff->big ? i : n_bytes - 1 - i)];
  return value;
}

int
dml_exif_orientation (const uint8_t *block, size_t size)
{
  Tiff tiff = { block, size, false };

  if (size >= 6 && memcmp (block, "Exif\0\0", 6) == 0) {
    tiff.data += 6;
    tiff.size -= 6;
  }
  if (tiff.size < 8)
    return 1;
  if (memcmp (tiff.data, "MM", 2) == 0)
    tiff.big = true;
  else if (memcmp (tiff.data, "II", 2) != 0)
    return 1;
  if (tiff_get (&tiff, 2, 2) != 42)
    return 1;
  const size_t directory = tiff_get (&tiff, 4, 4);

  if (directory > tiff.size - 2)
    return 1;
  const size_t room = (tiff.size - directory - 2) / ENTRY_SIZE;
  size_t n_entries = tiff_get (&tiff, directory, 2);

  if (n_entries > room)
    n_entries = room;
  for (size_t i = 0; i < n_entries; i++) {
    const size_t entry = directory + 2 + i * ENTRY_SIZE;

    if (tiff_get (&tiff, entry, 2) != TAG_ORIENTATION)
      continue;
    const uint32_t value = tiff_get (&tiff, entry + 8, 2);
    const bool sound = tiff_get (&tiff, entry + 2, 2) == TYPE_SHORT &&
                       tiff_get (&tiff, entry + 4, 4) == 1;

    return sound && value >= 1 && value <= 8 ? (int) value : 1;
  }
  return 1;
}
