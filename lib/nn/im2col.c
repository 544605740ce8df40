/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Pictures to columns and back. */
#include "nn/im2col.h"

#include <string.h>

/* The part of one output row, pixels x0 .. x0 + n - 1, at one tap: input
 * columns start, start + sw, ..., of which [lo, hi) lie inside. */
typedef struct {
  size_t lo, hi; /* pixels of the part, lo <= hi <= n */
  ptrdiff_t start;
} Part;

static Part
part_of (const DmlIm2col *g, size_t x0, size_t n, size_t tap)
{
  const ptrdiff_t sw = (ptrdiff_t) g->sw, w = (ptrdiff_t) g->w;
  Part p = { .start =
               (ptrdiff_t) (x0 * g->sw + tap * g->dw) - (ptrdiff_t) g->left };

  if (p.start < 0)
    p.lo = (size_t) ((-p.start + sw - 1) / sw);
  if (p.lo > n)
    p.lo = n;
  p.hi = p.start >= w ? 0 : (size_t) ((w - p.start + sw - 1) / sw);
  if (p.hi > n)
    p.hi = n;
  if (p.hi < p.lo)
    p.hi = p.lo;
  return p;
}

/* Whether row r of the tap lies in the picture for output row y. */
static int
row_of (const DmlIm2col *g, size_t y, size_t tap, size_t *row)
{
  const size_t at = y * g->sh + tap * g->dh; /* counted from the padding */

  *row = at - g->top;
  return at >= g->top && at - g->top < g->h;
}

static void
gather (const DmlIm2col *g, const float *x, float *col, Part p, size_t n)
{
  memset (col, 0, p.lo * sizeof *col);
  x += p.start + (ptrdiff_t) (p.lo * g->sw); /* the first that is inside */
  if (g->sw == 1)
    memcpy (col + p.lo, x, (p.hi - p.lo) * sizeof *col);
  else if (g->sw == 2)
    for (size_t i = p.lo; i < p.hi; i++)
      col[i] = x[2 * (i - p.lo)];
  else
    for (size_t i = p.lo; i < p.hi; i++)
      col[i] = x[(i - p.lo) * g->sw];
  memset (col + p.hi, 0, (n - p.hi) * sizeof *col);
}

void
dml_im2col (const DmlIm2col *g, const float *x, size_t first, size_t n,
            float *cols, size_t stride)
{
  for (size_t ch = 0; ch < g->c; ch++, x += g->h * g->w)
    for (size_t r = 0; r < g->kh; r++)
      for (size_t s = 0; s < g->kw; s++, cols += stride) {
        const Part whole = part_of (g, 0, g->ow, s);
        size_t y = first / g->ow, x0 = first % g->ow;

        for (size_t done = 0; done < n; y++, x0 = 0) {
          const size_t part = g->ow - x0 < n - done ? g->ow - x0 : n - done;
          const Part p = part == g->ow ? whole : part_of (g, x0, part, s);
          size_t row;

          if (p.lo < p.hi && row_of (g, y, r, &row))
            gather (g, x + row * g->w, cols + done, p, part);
          else
            memset (cols + done, 0, part * sizeof *cols);
          done += part;
        }
      }
}

static void
scatter (const DmlIm2col *g, const float *restrict col, float *restrict x,
         Part p)
{
  x += p.start + (ptrdiff_t) (p.lo * g->sw);
  col += p.lo;
  if (g->sw == 1)
    for (size_t i = 0; i < p.hi - p.lo; i++)
      x[i] += col[i];
  else
    for (size_t i = 0; i < p.hi - p.lo; i++)
      x[i * g->sw] += col[i];
}

void
dml_col2im (const DmlIm2col *g, const float *cols, size_t stride, size_t first,
            size_t n, float *x)
{
  for (size_t ch = 0; ch < g->c; ch++, x += g->h * g->w)
    for (size_t r = 0; r < g->kh; r++)
      for (size_t s = 0; s < g->kw; s++, cols += stride) {
        const Part whole = part_of (g, 0, g->ow, s);
        size_t y = first / g->ow, x0 = first % g->ow;

        for (size_t done = 0; done < n; y++, x0 = 0) {
          const size_t part = g->ow - x0 < n - done ? g->ow - x0 : n - done;
          const Part p = part == g->ow ? whole : part_of (g, x0, part, s);
          size_t row;

          if (row_of (g, y, r, &row))
            scatter (g, cols + done, x + row * g->w, p);
          done += part;
        }
      }
}
