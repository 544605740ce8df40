/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Columns of a convolution. */
#include "nn/columns.h"

/* Of n pixels of a row, the first one's source column being `at`: those that
 * lie in [0, w). */
static size_t
inside (ptrdiff_t at, size_t step, size_t w, size_t n, size_t *skip)
{
  size_t end;

  *skip = at < 0 ? ((size_t) -at + step - 1) / step : 0;
  if (at >= (ptrdiff_t) w)
    return 0;
  end = ((size_t) ((ptrdiff_t) w - at) + step - 1) / step;
  end = end < n ? end : n;
  return end > *skip ? end - *skip : 0;
}

void
dml_columns_gather (const DmlKernels *kern, const DmlColumns *g, const float *x,
                    size_t tap, size_t ch, size_t n_ch, size_t first, size_t n,
                    float *y, size_t y_stride, size_t width)
{
  const ptrdiff_t ty = g->ty + (ptrdiff_t) (tap / g->n_tx) * g->step_ty;
  const ptrdiff_t tx = g->tx + (ptrdiff_t) (tap % g->n_tx) * g->step_tx;
  DmlStretch s[DML_COLUMNS_MOST]; /* one a row of pixels at most */
  size_t n_s = 0, image = first / (g->gh * g->gw);
  size_t row = first / g->gw % g->gh, col = first % g->gw;

  for (size_t done = 0; done < n;) {
    const size_t part = g->gw - col < n - done ? g->gw - col : n - done;
    const ptrdiff_t from_y = (ptrdiff_t) (row * g->sy) + ty;
    const ptrdiff_t from_x = (ptrdiff_t) (col * g->sx) + tx;

    if (from_y >= 0 && from_y < (ptrdiff_t) g->h) {
      size_t skip;
      const size_t m = inside (from_x, g->sx, g->w, part, &skip);

      if (m > 0) {
        s[n_s].to = done + skip;
        s[n_s].n = m;
        s[n_s++].from = (ptrdiff_t) (image * g->image_stride) +
                        from_y * (ptrdiff_t) g->w + from_x +
                        (ptrdiff_t) (skip * g->sx);
      }
    }
    done += part;
    col = 0;
    if (++row == g->gh) {
      row = 0;
      image++;
    }
  }
  kern->gather_rows_f32 (y, y_stride, width, x + ch * g->h * g->w, g->h * g->w,
                         n_ch, s, n_s, g->sx);
}
