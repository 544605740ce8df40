/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Gradient of convolution weights: dot products of rows of dy with rows of
 * columns, both as long as a block of columns.
 *
 * A piece is some rows of dw: it adds up all blocks of columns in their order,
 * so that no sum is split between threads. */
#include "nn/product.h"

#define ROWS_FLOATS (96 * 1024) /* of columns: 384 KiB */
#define COLUMNS_MOST 768        /* longer rows no longer pay for the ends */
#define PIECES_WANTED 4
#define SPLIT_LEAST 16

size_t
dml_product_grad_plan (DmlProductGrad *p)
{
  const size_t count = dml_columns_count (&p->g);
  const size_t taps = p->g.n_ty * p->g.n_tx;
  const size_t n_long = (count + COLUMNS_MOST - 1) / COLUMNS_MOST;
  size_t ch;

  p->columns = (count + n_long - 1) / n_long;
  p->columns = (p->columns + 15) / 16 * 16; /* whole vectors */
  ch = ROWS_FLOATS / (p->columns * taps);
  ch = CLAMP (ch, 1, p->g.c);
  p->n_blocks = (p->g.c + ch - 1) / ch;
  p->ch_block = (p->g.c + p->n_blocks - 1) / p->n_blocks;
  p->n_splits = 1;
  while (p->n_splits * p->n_blocks * p->groups < PIECES_WANTED &&
         p->m / (2 * p->n_splits) >= SPLIT_LEAST)
    p->n_splits *= 2;
  p->m_split = (p->m + p->n_splits - 1) / p->n_splits;
  return (p->ch_block * taps + p->m_split) * p->columns * sizeof (float);
}

typedef struct {
  const DmlProductGrad *p;
  const DmlExec *exec;
} Run;

/* Rows of dy of some columns, which several images may share. */
static void
gather_dy (const DmlProductGrad *p, const DmlKernels *kern, size_t m0, size_t m,
           size_t first, size_t n, float *rows)
{
  const size_t plane = p->g.gh * p->g.gw;
  const DmlColumns g = { .n = p->g.n,
                         .c = m,
                         .h = 1,
                         .w = plane,
                         .image_stride = p->dy_image,
                         .gh = 1,
                         .gw = plane,
                         .sy = 1,
                         .sx = 1,
                         .n_ty = 1,
                         .n_tx = 1 };

  for (size_t j = 0; j < n; j += DML_COLUMNS_MOST)
    dml_columns_gather (kern, &g, p->dy + m0 * plane, 0, 0, m, first + j,
                        MIN (DML_COLUMNS_MOST, n - j), rows + j, p->columns,
                        MIN (DML_COLUMNS_MOST, n - j));
}

static void
gather_x (const DmlProductGrad *p, const DmlKernels *kern, const float *x,
          size_t ch, size_t n_ch, size_t first, size_t n, float *rows)
{
  const size_t taps = p->g.n_ty * p->g.n_tx;

  for (size_t j = 0; j < n; j += DML_COLUMNS_MOST)
    for (size_t t = 0; t < taps; t++)
      dml_columns_gather (kern, &p->g, x, t, ch, n_ch, first + j,
                          MIN (DML_COLUMNS_MOST, n - j),
                          rows + t * p->columns + j, taps * p->columns,
                          MIN (DML_COLUMNS_MOST, n - j));
}

static void
grad_piece (void *data, size_t i, unsigned worker)
{
  const DmlProductGrad *p = ((const Run *) data)->p;
  const DmlExec *exec = ((const Run *) data)->exec;
  const size_t taps = p->g.n_ty * p->g.n_tx, k = p->g.c * taps;
  const size_t plane = p->g.gh * p->g.gw, count = dml_columns_count (&p->g);
  const size_t split = i % p->n_splits, block = i / p->n_splits % p->n_blocks;
  const size_t group = i / p->n_splits / p->n_blocks;
  const size_t ch = block * p->ch_block, m0 = split * p->m_split;
  const size_t n_ch = ch < p->g.c ? MIN (p->ch_block, p->g.c - ch) : 0;
  const size_t m = m0 < p->m ? MIN (p->m_split, p->m - m0) : 0;
  float *rows = dml_exec_worker (exec, worker);
  float *copy = rows + p->ch_block * taps * p->columns;

  if (n_ch == 0 || m == 0)
    return;
  for (size_t first = 0; first < count; first += p->columns) {
    const size_t n = MIN (p->columns, count - first), image = first / plane;
    const float *dy = copy;
    size_t stride = p->columns;

    gather_x (p, exec->kernels, p->x + group * p->x_group, ch, n_ch, first, n,
              rows);
    if (first % plane + n <= plane) { /* within one image: where it lies */
      dy = p->dy + image * p->dy_image + (group * p->m + m0) * plane +
           first % plane;
      stride = plane;
    } else {
      gather_dy (p, exec->kernels, group * p->m + m0, m, first, n, copy);
    }
    exec->kernels->gemm_nt_f32 (p->dw + (group * p->m + m0) * k + ch * taps, k,
                                dy, stride, m, rows, p->columns, n_ch * taps,
                                n);
  }
}

void
dml_product_grad_run (const DmlProductGrad *grad, const DmlExec *exec)
{
  Run run = { grad, exec };

  dml_parallel_for (grad->groups * grad->n_blocks * grad->n_splits,
                    exec->n_threads, grad_piece, &run);
}
