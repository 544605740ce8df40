/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Convolution as training runs it.
 *
 * The maps of the last stages have 4 x 4 or 8 x 8 pixels: columns of one image
 * make a product of 16 or 64 columns that is all packing. So a pack of images
 * shares one product; what a pack gives is gathered from and scattered to the
 * images' places. Packs are cut by the layer's shape alone.
 *
 * dw is summed over packs into PARTS sums of its own, each by one task in the
 * order of packs, and these are added in their order: the same bytes for any
 * number of threads. */
#include "nn/ops/conv_train.h"
#include "nn/blas.h"

#include <string.h>

#define PARTS 8              /* sums of dw */
#define COLUMN_FLOATS 196608 /* of columns a pack: 768 KiB, in an L2 */
#define PIXELS_MOST 2048     /* columns a pack */
#define PIXELS_LEAST 64      /* of a block, where one image is too large */

typedef struct {
  DmlConvSize s;
  size_t images; /* a pack */
  size_t block,
    n_blocks; /* pixels of an image at once; p and 1 where it fits */
  size_t n_packs, n_parts;
  const float *x, *w, *dy;
  float *y, *dx, *dw, *parts;
  DmlExec *exec;
} Train;

static Train
train_of (const DmlConvSize *s)
{
  const size_t fits =
    MIN (PIXELS_MOST, MAX (PIXELS_LEAST, COLUMN_FLOATS / s->k));
  Train t = { .s = *s };

  t.images = CLAMP (fits / s->p, 1, s->n);
  t.block = MIN (s->p, fits);
  t.n_blocks = (s->p + t.block - 1) / t.block;
  t.n_packs = (s->n + t.images - 1) / t.images;
  t.n_parts = MIN (PARTS, t.n_packs);
  return t;
}

/* Floats of columns, and of rows of the output, that a worker needs. */
static size_t
train_pixels (const Train *t)
{
  return t->n_blocks > 1 ? t->block : t->images * t->s.p;
}

void
dml_conv_train_sizes (const DmlConvSize *s, DmlOpSizes *sizes)
{
  const Train t = train_of (s);

  sizes->shared = t.n_parts * s->m * s->k * sizeof (float);
  sizes->worker = (s->k + s->mg) * train_pixels (&t) * sizeof (float);
}

/* A product's place: images first .. first + n, pixels at .. at + pixels of
 * each, one group. */
typedef struct {
  size_t first, n, at, pixels, group;
} Place;

static const float *
group_in (const Train *t, const float *x, const Place *place, size_t i)
{
  return x + ((place->first + i) * t->s.c + place->group * t->s.cg) * t->s.g.h *
               t->s.g.w;
}

static size_t
group_out (const Train *t, const Place *place, size_t i)
{
  return ((place->first + i) * t->s.m + place->group * t->s.mg) * t->s.p +
         place->at;
}

static void
columns (const Train *t, const Place *place, float *cols)
{
  for (size_t i = 0; i < place->n; i++)
    dml_im2col (&t->s.g, group_in (t, t->x, place, i), place->at, place->pixels,
                cols + i * place->pixels, place->n * place->pixels);
}

/* The rows of dy side by side; dy itself where one image makes the pack. */
static const float *
gather_rows (const Train *t, const Place *place, float *rows, size_t *stride)
{
  const size_t width = place->n * place->pixels;

  if (place->n == 1) {
    *stride = t->s.p;
    return t->dy + group_out (t, place, 0);
  }
  *stride = width;
  for (size_t i = 0; i < place->n; i++)
    for (size_t j = 0; j < t->s.mg; j++)
      memcpy (rows + j * width + i * place->pixels,
              t->dy + group_out (t, place, i) + j * t->s.p,
              place->pixels * sizeof (float));
  return rows;
}

static void
forward_place (const Train *t, const Place *place, unsigned worker)
{
  const DmlConvSize *s = &t->s;
  const size_t width = place->n * place->pixels;
  float *cols = dml_exec_worker (t->exec, worker), *rows = cols + s->k * width;
  const float *w = t->w + place->group * s->mg * s->k;

  columns (t, place, cols);
  if (place->n == 1) {
    dml_sgemm (FALSE, FALSE, s->mg, width, s->k, w, s->k, cols, width, 0,
               t->y + group_out (t, place, 0), s->p);
    return;
  }
  dml_sgemm (FALSE, FALSE, s->mg, width, s->k, w, s->k, cols, width, 0, rows,
             width);
  for (size_t i = 0; i < place->n; i++)
    for (size_t j = 0; j < s->mg; j++)
      memcpy (t->y + group_out (t, place, i) + j * s->p,
              rows + j * width + i * place->pixels,
              place->pixels * sizeof (float));
}

/* `first`: this part's sum of dw holds nothing yet. */
static void
backward_place (const Train *t, const Place *place, float *part, gboolean first,
                unsigned worker)
{
  const DmlConvSize *s = &t->s;
  const size_t width = place->n * place->pixels, at = place->group * s->mg;
  float *cols = dml_exec_worker (t->exec, worker), *rows = cols + s->k * width;
  size_t stride;
  const float *dy = gather_rows (t, place, rows, &stride);

  if (t->dw != NULL) {
    columns (t, place, cols);
    dml_sgemm (FALSE, TRUE, s->mg, s->k, width, dy, stride, cols, width,
               first ? 0.0f : 1.0f, part + at * s->k, s->k);
  }
  if (t->dx == NULL)
    return;
  dml_sgemm (TRUE, FALSE, s->k, width, s->mg, t->w + at * s->k, s->k, dy,
             stride, 0, cols, width);
  for (size_t i = 0; i < place->n; i++)
    dml_col2im (&s->g, cols + i * place->pixels, width, place->at,
                place->pixels, (float *) group_in (t, t->dx, place, i));
}

static void
forward_pack (void *data, size_t pack, unsigned worker)
{
  const Train *t = data;
  Place place = { .first = pack * t->images };

  place.n = MIN (t->images, t->s.n - place.first);
  for (place.group = 0; place.group < t->s.groups; place.group++)
    for (size_t b = 0; b < t->n_blocks; b++) {
      place.at = b * t->block;
      place.pixels = MIN (t->block, t->s.p - place.at);
      forward_place (t, &place, worker);
    }
}

static void
backward_part (void *data, size_t part, unsigned worker)
{
  const Train *t = data;
  const size_t from = part * t->n_packs / t->n_parts;
  const size_t to = (part + 1) * t->n_packs / t->n_parts;
  float *sum = t->parts + part * t->s.m * t->s.k;

  for (size_t pack = from; pack < to; pack++) {
    Place place = { .first = pack * t->images };

    place.n = MIN (t->images, t->s.n - place.first);
    for (place.group = 0; place.group < t->s.groups; place.group++)
      for (size_t b = 0; b < t->n_blocks; b++) {
        place.at = b * t->block;
        place.pixels = MIN (t->block, t->s.p - place.at);
        backward_place (t, &place, sum, pack == from && b == 0, worker);
      }
  }
}

static void
add_parts (void *data, size_t row, unsigned worker)
{
  const Train *t = data;
  const size_t k = t->s.k;

  for (size_t part = 0; part < t->n_parts; part++)
    t->exec->kernels->axpy_f32 (t->dw + row * k, 1.0f,
                                t->parts + (part * t->s.m + row) * k, k);
}

typedef struct {
  const DmlConvSize *s;
  const float *dy;
  float *db;
  const DmlExec *exec;
} Bias;

static void
add_bias (void *data, size_t m, unsigned worker)
{
  const Bias *b = data;

  for (size_t i = 0; i < b->s->n; i++)
    b->db[m] +=
      b->exec->kernels->sum_f32 (b->dy + (i * b->s->m + m) * b->s->p, b->s->p);
}

void
dml_conv_train_forward (const DmlConvSize *s, const float *x, const float *w,
                        float *y, DmlExec *exec)
{
  Train t = train_of (s);

  t.x = x;
  t.w = w;
  t.y = y;
  t.exec = exec;
  dml_parallel_for (t.n_packs, exec->n_threads, forward_pack, &t);
}

void
dml_conv_train_backward (const DmlConvSize *s, const float *x, const float *w,
                         const float *dy, float *dx, float *dw, float *db,
                         DmlExec *exec)
{
  Train t = train_of (s);
  Bias bias = { s, dy, db, exec };

  t.x = x;
  t.w = w;
  t.dy = dy;
  t.dx = dx;
  t.dw = dw;
  t.parts = dml_exec_shared (exec);
  t.exec = exec;
  dml_parallel_for (t.n_parts, exec->n_threads, backward_part, &t);
  if (dw != NULL)
    dml_parallel_for (s->m, exec->n_threads, add_parts, &t);
  if (db != NULL)
    dml_parallel_for (s->m, exec->n_threads, add_bias, &bias);
}
