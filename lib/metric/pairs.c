/* SPDX-License-Identifier: LGPL-2.1-or-later
 * All pairs of two sets of rows, forward and backward. */
#include "metric/pairs.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "metric/batch.h"
#include "nn/blas.h"

/* Rows a piece of work: the same whatever the number of threads. */
#define PAIRS_ROWS 64
/* A shorter row has no direction. */
#define PAIRS_ZERO 1e-12
/* Squared distance by squared length: nearer pairs are summed up from
 * differences. */
#define PAIRS_NEAR 1e-3

#ifdef DML_REAL_DOUBLE /* for tests */
#define PAIRS_DIGITS 1e12

void
dml_real_gemm (gboolean ta, gboolean tb, size_t m, size_t n, size_t k,
               const double *a, size_t lda, const double *b, size_t ldb,
               double beta, double *c, size_t ldc)
{
  if (m > 0 && n > 0)
    cblas_dgemm (CblasRowMajor, ta ? CblasTrans : CblasNoTrans,
                 tb ? CblasTrans : CblasNoTrans, (blasint) m, (blasint) n,
                 (blasint) k, 1, a, (blasint) lda, b, (blasint) ldb, beta, c,
                 (blasint) ldc);
}
#else
#define PAIRS_DIGITS 1e6

void
dml_real_gemm (gboolean ta, gboolean tb, size_t m, size_t n, size_t k,
               const float *a, size_t lda, const float *b, size_t ldb,
               double beta, float *c, size_t ldc)
{
  dml_sgemm (ta, tb, m, n, k, a, lda, b, ldb, (float) beta, c, ldc);
}
#endif

void
dml_rows_normalise (const DmlReal *x, size_t n, size_t d, DmlReal *u,
                    double *norm)
{
  for (size_t i = 0; i < n; i++, x += d, u += d) {
    norm[i] = sqrt (dml_real_dot (x, x, d));
    const double inv = norm[i] < PAIRS_ZERO ? 0 : 1 / norm[i];

    for (size_t k = 0; k < d; k++)
      u[k] = (DmlReal) ((double) x[k] * inv);
  }
}

static gboolean
is_unit (DmlDistance distance)
{
  return distance == DML_DISTANCE_EUCLIDEAN_UNIT ||
         distance == DML_DISTANCE_SQUARED_UNIT ||
         distance == DML_DISTANCE_COSINE;
}

static gboolean
is_euclidean (DmlDistance distance)
{
  return distance == DML_DISTANCE_EUCLIDEAN ||
         distance == DML_DISTANCE_EUCLIDEAN_UNIT;
}

/* |u_i - v_j|^2 from differences. */
static double
exact_squared (const DmlPairs *p, size_t i, size_t j)
{
  const DmlReal *u = p->u + i * p->d, *v = p->v + j * p->d;
  double sum = 0;

  for (size_t k = 0; k < p->d; k++) {
    const double diff = (double) u[k] - (double) v[k];

    sum += diff * diff;
  }
  return sum;
}

/* Squared length of the rows as compared. */
static double
squared_length (const DmlPairs *p, const double *norm, size_t i)
{
  if (is_unit (p->distance))
    return norm[i] < PAIRS_ZERO ? 0 : 1;
  return norm[i] * norm[i];
}

static gboolean
is_near (double squared, double length_i, double length_j)
{
  return squared < PAIRS_NEAR * 0.5 * (length_i + length_j);
}

/* Dot products of a row to what the distance is of them. */
static void
measure_row (DmlPairs *p, size_t i)
{
  DmlReal *s = p->s + i * p->m;
  const double length = squared_length (p, p->norm_x, i);

  for (size_t j = 0; j < p->m; j++) {
    const double other = squared_length (p, p->norm_y, j);
    double squared = length + other - 2 * (double) s[j];

    if (p->self && i == j)
      squared = 0;
    else if (is_near (squared, length, other))
      squared = exact_squared (p, i, j);
    s[j] = (DmlReal) (is_euclidean (p->distance) ? sqrt (squared) : squared);
  }
}

static void
measure_block (void *data, size_t block, unsigned worker)
{
  DmlPairs *p = data;
  const size_t first = block * PAIRS_ROWS;
  const size_t n = MIN ((size_t) PAIRS_ROWS, p->n - first);

  dml_real_gemm (FALSE, TRUE, n, p->m, p->d, p->u + first * p->d, p->d, p->v,
                 p->d, 0, p->s + first * p->m, p->m);
  if (p->distance < DML_DISTANCE_COSINE)
    for (size_t i = first; i < first + n; i++)
      measure_row (p, i);
}

static size_t
n_blocks (size_t n)
{
  return (n + PAIRS_ROWS - 1) / PAIRS_ROWS;
}

static gboolean
check_size (size_t n, size_t m, size_t d, size_t *n_bytes, GError **error)
{
  const size_t most = G_MAXSIZE / 64 / sizeof (double);

  if (n > DML_BATCH_MAX)
    return dml_fail (error, LIMIT,
                     "a batch of %zu embeddings: at most %d are compared with "
                     "one another; make smaller batches",
                     n, DML_BATCH_MAX);
  if (n > 0 && m > DML_BATCH_MAX_PAIRS / n)
    return dml_fail (
      error, LIMIT,
      "%zu embeddings against %zu rows need %.0f MiB, more than "
      "%.0f MiB; make the batch, the memory or the number of "
      "classes smaller",
      n, m, 2.0 * sizeof (DmlReal) * (double) n * (double) m / 0x1p20,
      2.0 * sizeof (DmlReal) * (double) DML_BATCH_MAX_PAIRS / 0x1p20);
  if (d > 0 && (n > most / d || m > most / d))
    return dml_fail (error, LIMIT, "%zu x %zu embeddings are too many",
                     MAX (n, m), d);
  *n_bytes = (2 * n * m + (n + m) * d) * sizeof (DmlReal) +
             (n + m) * sizeof (double) + 6 * DML_MEM_ALIGN;
  return TRUE;
}

/* The next @n bytes of the block, aligned. */
static void *
take (char **at, size_t n)
{
  void *here = *at;

  *at += dml_mem_round (n);
  return here;
}

gboolean
dml_pairs_init (DmlPairs *p, DmlDistance distance, const DmlReal *x, size_t n,
                const DmlReal *y, size_t m, size_t d, gboolean gradient,
                GError **error)
{
  const gboolean self = y == NULL;
  size_t n_bytes = 0;

  *p = (DmlPairs){ .distance = distance, .self = self, .d = d };
  p->n = n;
  p->m = m = self ? n : m;
  if (!check_size (n, m, d, &n_bytes, error))
    return FALSE;
  p->block = dml_mem_alloc (n_bytes, 1, error);
  if (p->block == NULL)
    return FALSE;
  char *at = p->block;
  double *norm_x = take (&at, n * sizeof (double));
  double *norm_y = self ? norm_x : take (&at, m * sizeof (double));
  DmlReal *u = take (&at, n * d * sizeof (DmlReal));
  DmlReal *v = self ? u : take (&at, m * d * sizeof (DmlReal));

  dml_rows_normalise (x, n, d, u, norm_x);
  if (!self)
    dml_rows_normalise (y, m, d, v, norm_y);
  p->norm_x = norm_x;
  p->norm_y = norm_y;
  p->u = is_unit (distance) ? u : x;
  p->v = is_unit (distance) ? v : self ? x : y;
  p->s = take (&at, n * m * sizeof (DmlReal));
  if (gradient) {
    p->g = take (&at, n * m * sizeof (DmlReal));
    memset (p->g, 0, n * m * sizeof (DmlReal));
  }
  dml_parallel_for (n_blocks (n), 0, measure_block, p);
  return TRUE;
}

void
dml_pairs_clear (DmlPairs *p)
{
  dml_mem_free (p->block);
  *p = (DmlPairs){ 0 };
}

void
dml_pairs_round (DmlPairs *p)
{
  for (size_t i = 0; i < p->n * p->m; i++)
    p->s[i] = (DmlReal) (rint ((double) p->s[i] * PAIRS_DIGITS) / PAIRS_DIGITS);
}

/* ---- backward ----------------------------------------------------------- */

typedef struct {
  DmlPairs *pairs;
  double scale;
  DmlReal *dx, *dy;
  DmlReal *du, *dv;
} Backward;

/* G = G + G^T, a pair of blocks at a time: what S_ij and S_ji say of the pair
 * goes to both rows. */
static void
symmetrise_block (void *data, size_t block, unsigned worker)
{
  DmlPairs *p = ((Backward *) data)->pairs;
  const size_t n = p->n, first = block * PAIRS_ROWS;

  for (size_t other = first; other < n; other += PAIRS_ROWS)
    for (size_t i = first; i < MIN (first + PAIRS_ROWS, n); i++)
      for (size_t j = MAX (other, i); j < MIN (other + PAIRS_ROWS, n); j++) {
        const DmlReal sum = p->g[i * n + j] + p->g[j * n + i];

        p->g[i * n + j] = p->g[j * n + i] = sum;
      }
}

/* Turns row i of dL/dS into weights w of differences: du_i gets
 * sum_j w_j (u_i - v_j), whose first half is added here; near pairs, where the
 * halves would cancel, are added whole and get weight 0. */
static void
difference_row (const DmlPairs *p, size_t i, DmlReal *du)
{
  DmlReal *g = p->g + i * p->m;
  const DmlReal *s = p->s + i * p->m, *u = p->u + i * p->d;
  const double length = squared_length (p, p->norm_x, i);
  const gboolean squared = !is_euclidean (p->distance);
  double total = 0;

  for (size_t j = 0; j < p->m; j++) {
    const double d = (double) s[j];

    if (g[j] == 0)
      continue;
    if (squared) {
      g[j] *= 2;
    } else if (d <= 0) {
      g[j] = 0;
    } else if (is_near (d * d, length, squared_length (p, p->norm_y, j))) {
      const DmlReal *v = p->v + j * p->d;
      const double w = (double) g[j] / d;

      for (size_t k = 0; k < p->d; k++)
        du[k] += (DmlReal) (w * ((double) u[k] - (double) v[k]));
      g[j] = 0;
    } else {
      g[j] = (DmlReal) ((double) g[j] / d);
    }
    total += (double) g[j];
  }
  for (size_t k = 0; k < p->d; k++)
    du[k] += (DmlReal) (total * (double) u[k]);
}

/* Adds scale * J du to dx, J the Jacobian of u = x / |x|. */
static void
add_through_norm (const DmlReal *u, const DmlReal *du, double norm,
                  gboolean unit, double scale, size_t d, DmlReal *dx)
{
  double radial = 0;

  if (unit) {
    if (norm < PAIRS_ZERO)
      return;
    radial = dml_real_dot (u, du, d);
    scale /= norm;
  }
  for (size_t k = 0; k < d; k++)
    dx[k] += (DmlReal) (scale * ((double) du[k] - radial * (double) u[k]));
}

static void
backward_x_block (void *data, size_t block, unsigned worker)
{
  Backward *b = data;
  DmlPairs *p = b->pairs;
  const size_t first = block * PAIRS_ROWS, d = p->d;
  const size_t n = MIN ((size_t) PAIRS_ROWS, p->n - first);
  const gboolean differences = p->distance < DML_DISTANCE_COSINE;
  DmlReal *product = g_new (DmlReal, n * d);

  if (differences)
    for (size_t i = first; i < first + n; i++)
      difference_row (p, i, b->du + i * d);
  dml_real_gemm (FALSE, FALSE, n, d, p->m, p->g + first * p->m, p->m, p->v, d,
                 0, product, d);
  for (size_t k = 0; k < n * d; k++)
    b->du[first * d + k] += differences ? -product[k] : product[k];
  g_free (product);
  for (size_t i = first; i < first + n; i++)
    add_through_norm (p->u + i * d, b->du + i * d, p->norm_x[i],
                      is_unit (p->distance), b->scale, d, b->dx + i * d);
}

/* After x's pass: G holds the weights of products or differences. */
static void
backward_y_block (void *data, size_t block, unsigned worker)
{
  Backward *b = data;
  DmlPairs *p = b->pairs;
  const size_t first = block * PAIRS_ROWS, d = p->d;
  const size_t m = MIN ((size_t) PAIRS_ROWS, p->m - first);

  dml_real_gemm (TRUE, FALSE, m, d, p->n, p->g + first, p->m, p->u, d, 0,
                 b->dv + first * d, d);
  for (size_t j = first; j < first + m; j++) {
    DmlReal *dv = b->dv + j * d;

    if (p->distance < DML_DISTANCE_COSINE) {
      double total = 0;

      for (size_t i = 0; i < p->n; i++)
        total += (double) p->g[i * p->m + j];
      for (size_t k = 0; k < d; k++)
        dv[k] = (DmlReal) (total * (double) p->v[j * d + k] - (double) dv[k]);
    }
    add_through_norm (p->v + j * d, dv, p->norm_y[j], is_unit (p->distance),
                      b->scale, d, b->dy + j * d);
  }
}

gboolean
dml_pairs_gradient (DmlPairs *p, double scale, DmlReal *dx, DmlReal *dy,
                    GError **error)
{
  g_assert (p->g != NULL && (dy == NULL || !p->self));
  /* Near pairs are taken out of G on x's pass; nobody needs them in y's. */
  g_assert (dy == NULL || !is_euclidean (p->distance));

  Backward b = { .pairs = p, .scale = scale, .dx = dx, .dy = dy };
  g_autoptr (DmlMem) block =
    dml_mem_new0 (DmlReal, (p->n + (dy ? p->m : 0)) * p->d, error);

  if (block == NULL)
    return FALSE;
  b.du = (DmlReal *) block;
  b.dv = b.du + p->n * p->d;
  if (p->self)
    dml_parallel_for (n_blocks (p->n), 0, symmetrise_block, &b);
  dml_parallel_for (n_blocks (p->n), 0, backward_x_block, &b);
  if (dy)
    dml_parallel_for (n_blocks (p->m), 0, backward_y_block, &b);
  return TRUE;
}
