/* SPDX-License-Identifier: LGPL-2.1-or-later
 * k-means on unit rows: Lloyd's algorithm, k-means++ starts (Arthur and
 * Vassilvitskii 2007). Ties go to the lower cluster. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "metric/metric.h"
#include "metric/pairs.h"

#define STARTS 10
#define ITERATIONS_MAX 100

static double
squared_distance (const DmlReal *a, const DmlReal *b, size_t d)
{
  double sum = 0;

  for (size_t k = 0; k < d; k++) {
    const double diff = (double) a[k] - (double) b[k];

    sum += diff * diff;
  }
  return sum;
}

/* Each row to its nearest centre; whether any changed. */
static gboolean
assign (const DmlReal *u, size_t n, size_t d, size_t k, const DmlReal *centres,
        int32_t *clusters, double *distances)
{
  gboolean changed = FALSE;

  for (size_t i = 0; i < n; i++) {
    double least = (double) INFINITY;
    int32_t nearest = 0;

    for (size_t c = 0; c < k; c++) {
      const double distance = squared_distance (u + i * d, centres + c * d, d);

      if (distance < least) {
        least = distance;
        nearest = (int32_t) c;
      }
    }
    changed |= clusters[i] != nearest;
    clusters[i] = nearest;
    distances[i] = least;
  }
  return changed;
}

static void
take_farthest (const DmlReal *u, size_t n, size_t d, double *distances,
               DmlReal *centre)
{
  size_t farthest = 0;

  for (size_t i = 1; i < n; i++)
    if (distances[i] > distances[farthest])
      farthest = i;
  memcpy (centre, u + farthest * d, d * sizeof *centre);
  distances[farthest] = 0; /* the next empty cluster takes another */
}

static void
move_centres (const DmlReal *u, size_t n, size_t d, size_t k,
              const int32_t *clusters, double *distances, double *sums,
              size_t *counts, DmlReal *centres)
{
  memset (sums, 0, k * d * sizeof *sums);
  memset (counts, 0, k * sizeof *counts);
  for (size_t i = 0; i < n; i++) {
    counts[clusters[i]]++;
    for (size_t j = 0; j < d; j++)
      sums[(size_t) clusters[i] * d + j] += (double) u[i * d + j];
  }
  for (size_t c = 0; c < k; c++) {
    if (counts[c] == 0)
      take_farthest (u, n, d, distances, centres + c * d);
    for (size_t j = 0; counts[c] > 0 && j < d; j++)
      centres[c * d + j] = (DmlReal) (sums[c * d + j] / (double) counts[c]);
  }
}

void
dml_metric_kmeans (const DmlReal *u, size_t n, size_t d, size_t k,
                   DmlReal *centres, int32_t *clusters, DmlKMeans *result)
{
  g_autofree double *distances = g_new (double, MAX (n, 1));
  g_autofree double *sums = g_new (double, MAX (k * d, 1));
  g_autofree size_t *counts = g_new (size_t, MAX (k, 1));

  *result = (DmlKMeans){ 0 };
  for (size_t i = 0; i < n; i++)
    clusters[i] = -1;
  while (assign (u, n, d, k, centres, clusters, distances) &&
         result->n_iterations < ITERATIONS_MAX) {
    result->n_iterations++;
    move_centres (u, n, d, k, clusters, distances, sums, counts, centres);
  }
  for (size_t i = 0; i < n; i++)
    result->inertia += distances[i];
}

/* k-means++: each next centre with probability of its squared distance. */
static void
start (const DmlReal *u, size_t n, size_t d, size_t k, DmlRng *rng,
       double *nearest, DmlReal *centres)
{
  size_t pick = dml_rng_below (rng, (uint32_t) n);

  for (size_t i = 0; i < n; i++)
    nearest[i] = (double) INFINITY;
  for (size_t c = 0; c < k; c++) {
    double total = 0, at;

    memcpy (centres + c * d, u + pick * d, d * sizeof *centres);
    for (size_t i = 0; i < n; i++) {
      nearest[i] =
        MIN (nearest[i], squared_distance (u + i * d, centres + c * d, d));
      total += nearest[i];
    }
    at = dml_rng_uniform (rng) * total;
    for (pick = 0; pick + 1 < n && (at -= nearest[pick]) >= 0;)
      pick++;
  }
}

gboolean
dml_metric_cluster (const DmlReal *x, const int32_t *labels, size_t n, size_t d,
                    uint64_t seed, DmlClusterAgreement *out, GError **error)
{
  g_autoptr (GHashTable) classes = g_hash_table_new (NULL, NULL);
  g_autofree double *room = g_new (double, MAX (n, 1));
  g_autofree int32_t *clusters = g_new (int32_t, MAX (n, 1));
  double least = (double) INFINITY;
  DmlReal *u, *centres;
  size_t k;

  for (size_t i = 0; i < n; i++)
    g_hash_table_add (classes, GINT_TO_POINTER (labels[i]));
  k = g_hash_table_size (classes);
  if (k == 0)
    return dml_fail (error, INVALID, "nothing to cluster");
  u = dml_mem_new (DmlReal, n * d, error);
  centres = u ? dml_mem_new (DmlReal, k * d, error) : NULL;
  if (centres == NULL) {
    dml_mem_free (u);
    return FALSE;
  }
  dml_rows_normalise (x, n, d, u, room);
  for (uint64_t s = 0; s < STARTS; s++) {
    DmlKMeans result;
    DmlRng rng;

    dml_rng_init (&rng, seed, s);
    start (u, n, d, k, &rng, room, centres);
    dml_metric_kmeans (u, n, d, k, centres, clusters, &result);
    if (result.inertia < least) {
      least = result.inertia;
      *out = dml_metric_agreement (labels, clusters, n);
    }
  }
  dml_mem_free (centres);
  dml_mem_free (u);
  return TRUE;
}
