/* SPDX-License-Identifier: LGPL-2.1-or-later
 * search_tmpl.c. A row's score must be within the rounding bound of the value
 * in double, and the very bits that the kernel of one row gives: ties between
 * equal rows are broken by id, not by where a row stands. */
#include "check.h"

#include <stdlib.h>
#include <sys/mman.h>

static const size_t dims[] = { 0, 1, 3, 7, 8, 16, 17, 33, 64, 100, 128, 131 };
static const size_t counts[] = { 0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33 };

typedef struct {
  void (*rows) (const DmlKernels *k, float *score, const float *q,
                const float *base, size_t stride, size_t n_rows, size_t d);
  float (*one) (const DmlKernels *k, const float *q, const float *row,
                size_t d);
  double (*term) (double a, double b);
} Search;

static void
rows_case (DmlCheck *c, const DmlKernels *kern, const Search *s, size_t n_rows,
           size_t d, size_t gap, size_t shift)
{
  const size_t stride = d + gap;
  const float *q = check_in_f32 (c, CHECK_PLAIN, d, (shift * 3) % 64);
  float *base = check_rows (c, CHECK_IN, n_rows, d * sizeof *base,
                            stride * sizeof *base, shift);
  float *score = check_out_f32 (c, n_rows, (shift * 5) % 64);

  for (size_t i = 0; i < n_rows; i++)
    check_fill_f32 (c, CHECK_PLAIN, base + i * stride, d);
  if (n_rows > 2 && d > 0) { /* an equal pair, and a row with a NaN */
    memcpy (base + (n_rows - 1) * stride, base, d * sizeof *base);
    base[stride + d - 1] = NAN;
  }
  check_seal (c);
  s->rows (kern, score, q, base, stride, n_rows, d);
  for (size_t i = 0; i < n_rows; i++) {
    const float *row = base + i * stride;
    const float alone = s->one (kern, q, row, d);
    double value = 0, magnitude = 0;

    for (size_t j = 0; j < d; j++) {
      const double t = s->term ((double) q[j], (double) row[j]);

      value += t;
      magnitude += fabs (t);
    }
    check_near (c, (double) score[i], value, check_gamma (d + 3) * magnitude,
                "row %zu of %zu, d=%zu stride=%zu shift=%zu", i, n_rows, d,
                stride, shift);
    check_same_f32 (c, score + i, &alone, 1,
                    "row %zu of %zu by itself, d=%zu stride=%zu", i, n_rows, d,
                    stride);
  }
  check_end (c);
}

/* A gallery in the caches, and one that is not. */
static void
rows_bench (DmlCheck *c, const DmlKernels *kern, const Search *s)
{
  static const struct {
    size_t n_rows, d;
  } galleries[] = {
    { 64, 128 }, { 1000, 128 }, { 10000, 256 }, { 400000, 128 }
  };

  for (size_t g = 0; g < CHECK_N (galleries); g++) {
    const size_t n = galleries[g].n_rows, d = galleries[g].d;
    const size_t size =
      (n * d * sizeof (float) + (2u << 20)) & ~((2u << 20) - 1u);
    float *base = aligned_alloc (2u << 20, size);
    float *score = malloc (n * sizeof *score);
    const float *q = check_in_f32 (c, CHECK_PLAIN, d, 0);

    if (base == NULL || score == NULL)
      abort ();
#ifdef MADV_HUGEPAGE
    madvise (base, size, MADV_HUGEPAGE);
#endif
    for (size_t i = 0; i < n * d; i++)
      base[i] = (float) (i % 251) * 0.01f;
    check_bench (c, (double) (n * d * sizeof (float)), ("%zu x %zu", n, d),
                 s->rows (kern, score, q, base, d, n, d));
    check_end (c);
    free (base);
    free (score);
  }
}

static void
check_search (DmlCheck *c, const DmlKernels *kern, const Search *s)
{
  if (check_is_bench (c)) {
    rows_bench (c, kern, s);
    return;
  }
  for (size_t i = 0; i < CHECK_N (counts); i++)
    for (size_t j = 0; j < CHECK_N (dims); j++) {
      const bool corner = counts[i] == 17 && dims[j] == 33;

      CHECK_SHIFTS (c, shift, corner ? 4 : 20)
        rows_case (c, kern, s, counts[i], dims[j], (i + j) % 4, shift);
    }
}

static void
dot_rows (const DmlKernels *k, float *score, const float *q, const float *base,
          size_t stride, size_t n_rows, size_t d)
{
  k->dot_rows_f32 (score, q, base, stride, n_rows, d);
}

static void
sqdist_rows (const DmlKernels *k, float *score, const float *q,
             const float *base, size_t stride, size_t n_rows, size_t d)
{
  k->sqdist_rows_f32 (score, q, base, stride, n_rows, d);
}

static float
dot_one (const DmlKernels *k, const float *q, const float *row, size_t d)
{
  return k->dot_f32 (q, row, d);
}

static float
sqdist_one (const DmlKernels *k, const float *q, const float *row, size_t d)
{
  return k->sqdist_f32 (q, row, d);
}

void
check_dot_rows_f32 (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  check_search (c, kern, &(Search){ dot_rows, dot_one, check_term_dot });
}

void
check_sqdist_rows_f32 (DmlCheck *c, const DmlKernels *ref,
                       const DmlKernels *kern)
{
  check_search (c, kern,
                &(Search){ sqdist_rows, sqdist_one, check_term_sqdist });
}
