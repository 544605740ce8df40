/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Packed weights times gathered columns.
 *
 * A piece is a band of columns times some rows of weights. For `depth` rows of
 * columns at a time it gathers the band's panels into its scratch memory, which
 * then lie in the L2 cache, and multiplies every panel of weights with them
 * while that panel lies in the L1; results gather beside. */
#include "nn/product.h"

#define BAND_FLOATS (96 * 1024) /* columns, and again results: 384 KiB each */
#define DEPTH_MOST 512          /* 8 rows of weights so deep are 16 KiB */
#define PANELS_MOST 8
#define PIECES_WANTED 4 /* below, rows of weights are split too */
#define SPLIT_LEAST 64  /* but no finer: every piece gathers for itself */

static size_t
round_up (size_t n, size_t to)
{
  return (n + to - 1) / to * to;
}

size_t
dml_product_plan (DmlProduct *p)
{
  const DmlKernels *kern = dml_kernels ();
  const size_t mr = kern->gemm_mr, nr = kern->gemm_nr;
  const size_t k = dml_columns_depth (&p->g);
  const size_t blocks = (k + DEPTH_MOST - 1) / DEPTH_MOST;
  const size_t panels = (dml_columns_count (&p->g) + nr - 1) / nr;
  size_t most;

  p->depth = (k + blocks - 1) / blocks;
  most = BAND_FLOATS / (MAX (p->depth, round_up (p->m, mr)) * nr);
  most = CLAMP (most, 1, PANELS_MOST);
  p->n_bands = (panels + most - 1) / most;
  p->panels = (panels + p->n_bands - 1) / p->n_bands;
  p->n_splits = 1;
  while (p->n_splits * p->n_bands * p->groups < PIECES_WANTED &&
         p->m / (2 * p->n_splits) >= SPLIT_LEAST)
    p->n_splits *= 2;
  p->m_split = round_up ((p->m + p->n_splits - 1) / p->n_splits, mr);
  return (p->depth + p->m_split) * p->panels * nr * sizeof (float);
}

typedef struct {
  const DmlProduct *p;
  const DmlExec *exec;
} Run;

/* Rows k0 .. k0 + n_rows - 1 of a panel's columns, gemm_nr apart. */
static void
gather_panel (const DmlProduct *p, const DmlKernels *kern, const float *x,
              size_t first, size_t n, size_t k0, size_t n_rows, float *b)
{
  const size_t nr = kern->gemm_nr;

  while (n_rows > 0) {
    const size_t tap = k0 / p->g.c, ch = k0 % p->g.c;
    const size_t n_ch = MIN (p->g.c - ch, n_rows);

    dml_columns_gather (kern, &p->g, x, tap, ch, n_ch, first, n, b, nr, nr);
    b += n_ch * nr;
    k0 += n_ch;
    n_rows -= n_ch;
  }
}

/* The columns of one band and the rows of one split. */
typedef struct {
  size_t group, first, n; /* columns */
  size_t m0, m;           /* rows within the group */
} Piece;

static Piece
piece_of (const DmlProduct *p, size_t nr, size_t i)
{
  const size_t split = i % p->n_splits, band = i / p->n_splits % p->n_bands;
  Piece piece = { .group = i / p->n_splits / p->n_bands,
                  .first = band * p->panels * nr,
                  .m0 = split * p->m_split };
  const size_t count = dml_columns_count (&p->g);

  piece.n = piece.first < count ? MIN (p->panels * nr, count - piece.first) : 0;
  piece.m = piece.m0 < p->m ? MIN (p->m_split, p->m - piece.m0) : 0;
  return piece;
}

static void
product_piece (void *data, size_t i, unsigned worker)
{
  const DmlProduct *p = ((const Run *) data)->p;
  const DmlExec *exec = ((const Run *) data)->exec;
  const DmlKernels *kern = exec->kernels;
  const size_t mr = kern->gemm_mr, nr = kern->gemm_nr;
  const size_t k = dml_columns_depth (&p->g), width = p->panels * nr;
  const Piece piece = piece_of (p, nr, i);
  const float *x = p->x + piece.group * p->x_group;
  const float *a = p->a + (piece.group * round_up (p->m, mr) + piece.m0) * k;
  float *b = dml_exec_worker (exec, worker), *c = b + p->depth * width;

  for (size_t k0 = 0; k0 < k; k0 += p->depth) {
    const size_t rows = MIN (p->depth, k - k0);

    for (size_t j = 0; j < piece.n; j += nr)
      gather_panel (p, kern, x, piece.first + j, MIN (nr, piece.n - j), k0,
                    rows, b + j * p->depth);
    for (size_t m = 0; m < piece.m; m += mr)
      for (size_t j = 0; j < piece.n; j += nr)
        kern->gemm_tile_f32 (c + m * width + j, width, a + m * k + k0 * mr,
                             b + j * p->depth, rows, MIN (nr, piece.n - j),
                             k0 > 0);
  }
  for (size_t m = 0; piece.n > 0 && m < piece.m; m++)
    p->end (p->data, piece.group * p->m + piece.m0 + m, piece.first,
            c + m * width, piece.n);
}

void
dml_product_run (const DmlProduct *product, const DmlExec *exec)
{
  Run run = { product, exec };

  dml_parallel_for (product->groups * product->n_bands * product->n_splits,
                    exec->n_threads, product_piece, &run);
}

/* --- packing --- */

size_t
dml_product_packed (const DmlWeights *w)
{
  return w->groups * round_up (w->m, dml_kernels ()->gemm_mr) * w->ch *
         w->n_ty * w->n_tx;
}

typedef struct {
  const DmlWeights *w;
  float *a;
  size_t mr, panels; /* panels of a group */
} Pack;

/* One panel: gemm_mr rows side by side, those beyond the last are 0. */
static void
pack_panel (void *data, size_t i, unsigned worker)
{
  const Pack *pack = data;
  const DmlWeights *w = pack->w;
  const size_t mr = pack->mr, group = i / pack->panels;
  const size_t m0 = i % pack->panels * mr, m = MIN (mr, w->m - m0);
  float *a = pack->a + i * mr * w->ch * w->n_ty * w->n_tx;

  for (size_t y = 0; y < w->n_ty; y++)
    for (size_t x = 0; x < w->n_tx; x++) {
      const float *from = w->w + group * w->group_step + m0 * w->m_step +
                          w->tap + (ptrdiff_t) y * w->tap_step_y +
                          (ptrdiff_t) x * w->tap_step_x;

      for (size_t ch = 0; ch < w->ch; ch++, a += mr, from += w->ch_step)
        for (size_t j = 0; j < mr; j++)
          a[j] = j < m ? from[j * w->m_step] : 0;
    }
}

void
dml_product_pack (const DmlWeights *weights, float *a, unsigned n_threads)
{
  const size_t mr = dml_kernels ()->gemm_mr;
  Pack pack = { weights, a, mr, (weights->m + mr - 1) / mr };

  dml_parallel_for (weights->groups * pack.panels, n_threads, pack_panel,
                    &pack);
}
