/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Products for maps of a few pixels, where a vector of pixels would be mostly
 * empty: dot products of rows of weights, as they lie, with columns laid out as
 * rows. Weights are read once and never packed. */
#include "nn/product.h"

#define ROWS 16    /* of weights a piece: 16 x 4608 floats are 288 KiB */
#define COLUMNS 96 /* a piece */

size_t
dml_product_small_plan (const DmlProduct *p, size_t *shared)
{
  const size_t columns = dml_columns_count (&p->g);

  *shared = p->groups * columns * dml_columns_depth (&p->g) * sizeof (float);
  return ROWS * MIN (columns, COLUMNS) * sizeof (float);
}

typedef struct {
  const DmlProduct *p;
  const DmlExec *exec;
  float *rows; /* groups x columns x depth */
} Run;

/* One column as a row of depth floats: channels outside, taps inside, as
 * weights lie. */
static void
lay_out (const DmlColumns *g, const float *x, size_t column, float *row)
{
  const size_t image = column / (g->gh * g->gw);
  const ptrdiff_t y0 = (ptrdiff_t) (column / g->gw % g->gh * g->sy) + g->ty;
  const ptrdiff_t x0 = (ptrdiff_t) (column % g->gw * g->sx) + g->tx;

  x += image * g->image_stride;
  for (size_t ch = 0; ch < g->c; ch++, x += g->h * g->w)
    for (size_t r = 0; r < g->n_ty; r++) {
      const ptrdiff_t y = y0 + (ptrdiff_t) r * g->step_ty;

      for (size_t s = 0; s < g->n_tx; s++) {
        const ptrdiff_t at = x0 + (ptrdiff_t) s * g->step_tx;
        const gboolean in =
          y >= 0 && y < (ptrdiff_t) g->h && at >= 0 && at < (ptrdiff_t) g->w;

        *row++ = in ? x[y * (ptrdiff_t) g->w + at] : 0;
      }
    }
}

static void
lay_out_piece (void *data, size_t i, unsigned worker)
{
  const Run *run = data;
  const DmlProduct *p = run->p;
  const size_t columns = dml_columns_count (&p->g);

  lay_out (&p->g, p->x + i / columns * p->x_group, i % columns,
           run->rows + i * dml_columns_depth (&p->g));
}

static void
small_piece (void *data, size_t i, unsigned worker)
{
  const Run *run = data;
  const DmlProduct *p = run->p;
  const size_t columns = dml_columns_count (&p->g);
  const size_t k = dml_columns_depth (&p->g);
  const size_t bands = (columns + COLUMNS - 1) / COLUMNS;
  const size_t splits = (p->m + ROWS - 1) / ROWS;
  const size_t group = i / splits / bands, split = i / bands % splits;
  const size_t first = i % bands * COLUMNS, n = MIN (COLUMNS, columns - first);
  const size_t m0 = split * ROWS, m = MIN (ROWS, p->m - m0);
  float *c = dml_exec_worker (run->exec, worker);

  for (size_t j = 0; j < m * n; j++)
    c[j] = 0;
  run->exec->kernels->gemm_nt_f32 (c, n, p->a + (group * p->m + m0) * k, k, m,
                                   run->rows + (group * columns + first) * k, k,
                                   n, k);
  for (size_t j = 0; j < m; j++)
    p->end (p->data, group * p->m + m0 + j, first, c + j * n, n);
}

void
dml_product_small_run (const DmlProduct *product, const DmlExec *exec)
{
  Run run = { product, exec, dml_exec_shared (exec) };
  const size_t columns = dml_columns_count (&product->g);

  dml_parallel_for (product->groups * columns, exec->n_threads, lay_out_piece,
                    &run);
  dml_parallel_for (product->groups * ((product->m + ROWS - 1) / ROWS) *
                      ((columns + COLUMNS - 1) / COLUMNS),
                    exec->n_threads, small_piece, &run);
}
