/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Rows of samples of any layout: in place where they lie ready, else unpacked
 * or laid upon the background into a ring of rows. */
#pragma once

#include "image/pixels.h"

#include <stddef.h>

#define DML_ROWS_RING 64 /* rows kept; more than are asked for at once */

typedef struct {
  const DmlImage *image;
  const DmlPixels *pixels;
  int plane;
  int first, n_words;     /* words of a row that are wanted */
  uint16_t background[3]; /* what alpha lets through, a component each */
  uint8_t *ring; /* DML_ROWS_RING slots, or NULL where none is needed */
  size_t slot_size;
  const void *outside; /* a row of what stands round the image; NULL: none */
  int held[DML_ROWS_RING]; /* row in each slot, -1: none */
  const void *row[DML_ROWS_RING];
} DmlRowSource;

/* Bytes of ring that an image with rows of up to n words needs; 0: none. */
size_t dml_rows_ring_size (const DmlPixels *pixels, int n_words);

/* Widens [*first, *last) to what can be read of such rows at once. */
void dml_rows_align (const DmlPixels *pixels, int *first, int *last);

/* Forgets what the ring holds; before the first row of an image. */
void dml_rows_begin (DmlRowSource *rows);

/* Row y of the plane (where there is an outside, -1 and one too many are that):
 * word `first` onwards. Good until
 * DML_ROWS_RING others were asked for. */
const void *dml_rows_get (DmlRowSource *rows, int y);
