/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Health of a batch of embeddings: distances, norms, and the effective rank
 * (Roy and Vetterli 2007): exp of the entropy of the covariance's spectrum, 1
 * when all lie on a line, at most D. Collapse shows here first. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "metric/metric.h"
#include "metric/metrics/spread.h"
#include "metric/pairs.h"

#define SWEEPS 30

/* Eigenvalues of a symmetric matrix by Jacobi's rotations; a is overwritten,
 * its diagonal holds them. */
static void
jacobi (double *a, size_t d)
{
  for (int sweep = 0; sweep < SWEEPS; sweep++) {
    double off = 0, all = 0;

    for (size_t p = 0; p < d; p++)
      for (size_t q = 0; q < d; q++) {
        all += a[p * d + q] * a[p * d + q];
        off += p != q ? a[p * d + q] * a[p * d + q] : 0;
      }
    if (off <= 1e-20 * all)
      break;
    for (size_t p = 0; p + 1 < d; p++)
      for (size_t q = p + 1; q < d; q++) {
        const double apq = a[p * d + q];

        if (apq == 0)
          continue;
        const double theta = (a[q * d + q] - a[p * d + p]) / (2 * apq);
        const double t =
          (theta >= 0 ? 1 : -1) / (fabs (theta) + sqrt (theta * theta + 1));
        const double c = 1 / sqrt (t * t + 1), s = t * c;

        for (size_t k = 0; k < d; k++) {
          const double x = a[k * d + p], y = a[k * d + q];

          a[k * d + p] = c * x - s * y;
          a[k * d + q] = s * x + c * y;
        }
        for (size_t k = 0; k < d; k++) {
          const double x = a[p * d + k], y = a[q * d + k];

          a[p * d + k] = c * x - s * y;
          a[q * d + k] = s * x + c * y;
        }
      }
  }
}

static double
effective_rank (const DmlReal *u, size_t n, size_t d, double *cov)
{
  g_autofree double *mean = g_new0 (double, d);
  double total = 0, entropy = 0;

  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < d; k++)
      mean[k] += (double) u[i * d + k] / (double) n;
  memset (cov, 0, d * d * sizeof *cov);
  for (size_t i = 0; i < n; i++)
    for (size_t p = 0; p < d; p++) {
      const double x = (double) u[i * d + p] - mean[p];

      for (size_t q = 0; q < d; q++)
        cov[p * d + q] += x * ((double) u[i * d + q] - mean[q]);
    }
  jacobi (cov, d);
  for (size_t k = 0; k < d; k++)
    total += MAX (cov[k * d + k], 0);
  if (total <= 1e-12 * (double) n)
    return 0; /* one point */
  for (size_t k = 0; k < d; k++) {
    const double share = MAX (cov[k * d + k], 0) / total;

    if (share > 0)
      entropy -= share * log (share);
  }
  return exp (entropy);
}

void
dml_mean_distances (const DmlReal *u, const int32_t *labels, size_t n, size_t d,
                    double *same, double *other)
{
  double sum[2] = { 0, 0 };
  size_t count[2] = { 0, 0 };

  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++) {
      const double dot = dml_real_dot (u + i * d, u + j * d, d);
      const int side = labels[i] != labels[j];

      sum[side] += sqrt (MAX (2 - 2 * dot, 0));
      count[side]++;
    }
  *same = count[0] ? sum[0] / (double) count[0] : (double) NAN;
  *other = count[1] ? sum[1] / (double) count[1] : (double) NAN;
}

gboolean
dml_metric_spread (const DmlReal *x, const int32_t *labels, size_t n, size_t d,
                   DmlSpread *out, GError **error)
{
  g_autofree double *norms = g_new (double, MAX (n, 1));
  size_t squared;
  DmlReal *u;
  double *cov;

  if (!dml_mem_mul (d, d, &squared))
    return dml_fail (error, LIMIT, "%zu dimensions are too many", d);
  u = dml_mem_new (DmlReal, n * d, error);
  cov = u ? dml_mem_new (double, squared, error) : NULL;
  if (cov == NULL) {
    dml_mem_free (u);
    return FALSE;
  }
  dml_rows_normalise (x, n, d, u, norms);
  *out = (DmlSpread){ 0 };
  for (size_t i = 0; i < n; i++)
    out->mean_norm += norms[i] / (double) n;
  dml_mean_distances (u, labels, n, d, &out->mean_d_pos, &out->mean_d_neg);
  out->effective_rank = effective_rank (u, n, d, cov);
  dml_mem_free (cov);
  dml_mem_free (u);
  return TRUE;
}
