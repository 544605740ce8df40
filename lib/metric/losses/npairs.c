/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Multi-class N-pair loss (Sohn 2016, "N-pair-mc").
 *
 *   one pair (f_i, f_i+) a class, the first two of it in batch order;
 *   z_ij = scale f_i.f_j+      mean_i ( LSE_j z_ij - z_ii ) + l2 mean |f|^2
 *
 * Classes with one member are left out. With a miner: the first mined positive
 * pair of each class. */
#include "base/mem.h"
#include "metric/losses/loss-class.h"

enum { DISTANCE = DML_LOSS_OWN, SCALE, L2 };

static const DmlParam npairs_params[] = {
  DML_LOSS_COMMON (MEAN, MEAN),
  DML_LOSS_DISTANCE (DOT, COSINE, "cosine or dot"),
  DML_PARAM_NUMBER ("scale", 1e-3, 1000, DML_PARAM_LATER, 1,
                    "factor of the similarities; paper: 1, with cosine 16"),
  DML_PARAM_NUMBER ("l2", 0, 100, 0, 0,
                    "times the mean squared length (dot only)"),
  DML_PARAM_END,
};

static void
npairs_settle (double *p)
{
  if (isnan (p[SCALE]))
    p[SCALE] = dml_loss_own_distance (p) == DML_DISTANCE_COSINE ? 16 : 1;
}

/* Rows of the pairs' anchors and positives; returns how many. */
static size_t
find_pairs (const DmlLossRun *run, uint32_t *anchors, uint32_t *positives)
{
  const size_t n = run->batch->n;
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  DmlRowRoom room;
  size_t n_pairs = 0;

  dml_row_room_init (&room, n);
  for (size_t i = 0; i < n; i++) {
    DmlRow row;

    if (g_hash_table_contains (seen, GINT_TO_POINTER (run->batch->labels[i])))
      continue;
    dml_row_read (&run->relation, i, &room, &row);
    if (row.n_pos == 0)
      continue;
    anchors[n_pairs] = (uint32_t) i;
    positives[n_pairs++] = (uint32_t) row.pos[0];
    g_hash_table_add (seen, GINT_TO_POINTER (run->batch->labels[i]));
  }
  dml_row_room_clear (&room);
  return n_pairs;
}

static void
copy_rows (const DmlReal *from, const uint32_t *rows, size_t n, size_t d,
           DmlReal *to)
{
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < d; k++)
      to[i * d + k] = from[rows[i] * d + k];
}

static void
add_rows (const DmlReal *from, const uint32_t *rows, size_t n, size_t d,
          DmlReal *to)
{
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < d; k++)
      to[rows[i] * d + k] += from[i * d + k];
}

/* Terms and dL/dS of the P x P similarities. */
static void
npairs_terms (DmlLossRun *run, DmlPairs *pairs)
{
  const size_t n = pairs->n;
  const double scale = run->p[SCALE];

  for (size_t i = 0; i < n; i++) {
    const DmlReal *s = pairs->s + i * n;
    DmlLse lse = DML_LSE_EMPTY;

    for (size_t j = 0; j < n; j++)
      dml_lse_push (&lse, scale * (double) s[j]);
    const double all = dml_lse_value (&lse);

    dml_terms_add (&run->terms[i], 0, all - scale * (double) s[i]);
    for (size_t j = 0; j < n; j++)
      pairs->g[i * n + j] =
        (DmlReal) (scale * (exp (scale * (double) s[j] - all) - (i == j)));
  }
}

/* l2 * mean over the 2 P rows of |f|^2. */
static void
npairs_l2 (DmlLossRun *run, const DmlReal *rows, size_t n, size_t d,
           DmlReal *drows)
{
  const double factor = run->p[L2] / (double) n;

  for (size_t i = 0; i < n; i++)
    run->value += factor * dml_real_dot (rows + i * d, rows + i * d, d);
  for (size_t k = 0; k < n * d; k++)
    dml_add (&drows[k], run->factor * factor * 2 * (double) rows[k]);
}

static gboolean
npairs_run (DmlLossRun *run, GError **error)
{
  const DmlBatch *b = run->batch;
  const size_t d = b->d;
  g_autofree uint32_t *anchors = g_new (uint32_t, b->n);
  g_autofree uint32_t *positives = g_new (uint32_t, b->n);
  const size_t n = find_pairs (run, anchors, positives);
  g_autoptr (DmlMem) room = dml_mem_new0 (DmlReal, 4 * n * d, error);
  g_autoptr (DmlMem) terms = dml_mem_new0 (DmlTerms, b->n, error);
  g_auto (DmlPairs) pairs = { 0 };

  if (room == NULL || terms == NULL)
    return FALSE;
  DmlReal *x = (DmlReal *) room, *y = x + n * d;
  DmlReal *dx = y + n * d, *dy = dx + n * d;

  copy_rows (b->x, anchors, n, d, x);
  copy_rows (b->x, positives, n, d, y);
  if (!dml_pairs_init (&pairs, dml_loss_own_distance (run->p), x, n, y, n, d,
                       TRUE, error))
    return FALSE;
  run->terms = (DmlTerms *) terms;
  npairs_terms (run, &pairs);
  dml_loss_reduce (run);
  run->terms = NULL;
  if (!dml_pairs_gradient (&pairs, run->factor * run->scale[0], dx, dy, error))
    return FALSE;
  if (run->p[L2] > 0 && n > 0)
    npairs_l2 (run, x, 2 * n, d, dx); /* y lies behind x, dy behind dx */
  if (run->dx) {
    add_rows (dx, anchors, n, d, run->dx);
    add_rows (dy, positives, n, d, run->dx);
  }
  return TRUE;
}

const DmlLossClass dml_loss_npairs = {
  .info = { "npairs", "Sohn 2016, N-pair-mc",
            "softmax over one positive pair a class", npairs_params },
  .flags = DML_LOSS_PAIRS | DML_LOSS_SELF_ONLY,
  .run = npairs_run,
  .settle = npairs_settle,
};
