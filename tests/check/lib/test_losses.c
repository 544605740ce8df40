/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Losses: golden values, finite differences, contracts. Built twice, with float
 * and (test_losses_double.c) with double. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "dml/dml-error.h"
#include "golden.h"
#include "metric/loss.h"

#ifdef DML_REAL_DOUBLE
#define IS_DOUBLE TRUE
#else
#define IS_DOUBLE FALSE
#endif

/* ---- golden values ------------------------------------------------------ */

/* How a golden file's parameters read as settings. */
typedef struct {
  const char *file, *loss;
  double rtol;         /* in double; README.md: 1e-8 for circle and scale 64 */
  const char *weights; /* input's name, or NULL */
  const char *paper, *pml; /* further settings, where a default of ours is
                              not the case's reduction */
  const char *drop;        /* parameters that are no settings */
} Golden;

static const Golden goldens[] = {
  { .file = "contrastive" },
  { .file = "triplet", .paper = "reduction=mean" },
  { .file = "npairs", .paper = "scale=1" },
  { .file = "lifted_structure", .loss = "lifted" },
  { .file = "generalized_lifted_structure",
    .loss = "generalised_lifted",
    .paper = "reduction=mean" },
  { .file = "multi_similarity", .paper = "reduction=mean" },
  { .file = "margin", .weights = "beta" },
  { .file = "circle", .rtol = 1e-8 },
  { .file = "ntxent" },
  { .file = "supcon" },
  { .file = "angular" },
  { .file = "nca" },
  { .file = "tcm" },
  { .file = "proxy_nca", .weights = "weights" },
  { .file = "proxy_anchor", .weights = "weights", .rtol = 1e-8 },
  { .file = "soft_triple", .weights = "weights" },
  { .file = "normalized_softmax", .loss = "softmax", .weights = "weights" },
  { .file = "arcface", .weights = "weights", .rtol = 1e-8 },
  { .file = "subcenter_arcface",
    .loss = "subcentre_arcface",
    .weights = "weights",
    .rtol = 1e-8 },
  { .file = "cosface", .weights = "weights", .rtol = 1e-8 },
};

/* Golden names that are called otherwise here; NULL: says nothing of ours. */
static const struct {
  const char *golden, *ours;
} names[] = {
  { "alpha_deg", "alpha" },
  { "reducer", "reduction" },
  { "soft", "smooth" },
  { "centers_per_class", "centres" },
  { "sub_centers", "sub_centres" },
  { "learn_beta", NULL }, /* beta's gradient is given in any case */
  { "type", NULL },       /* of the softmax family: its name */
  { "sin2_floor", NULL }, /* a constant */
  { "inner", NULL },      /* of the memory: contrastive */
  { "memory_size", "memory" },
};

static const char *
our_name (const char *golden)
{
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (names[i].golden, golden) == 0)
      return names[i].ours;
  return golden;
}

static gboolean
has_setting (const char *loss, const char *name)
{
  for (size_t i = 0; i < dml_loss_n_members (); i++)
    if (strcmp (dml_loss_member (i)->name, loss) == 0)
      return dml_param_find (dml_loss_member (i)->params, name) >= 0;
  g_assert_not_reached ();
}

/* "name:semantics=...,key=value" of a case. */
static char *
spec_of (const Golden *how, const GoldenCase *golden)
{
  const gboolean paper = strcmp (golden->semantics, "paper") == 0;
  const char *loss = how->loss ? how->loss : how->file;
  GString *spec = g_string_new (loss);
  g_autoptr (GList) members = json_object_get_members (golden->params);
  const char *more = paper ? how->paper : how->pml;

  g_string_append_printf (spec, ":semantics=%s", paper ? "paper" : "pml");
  if (more)
    g_string_append_printf (spec, ",%s", more);
  for (GList *l = members; l != NULL; l = l->next) {
    const char *name = our_name (l->data);

    if (name == NULL ||
        (strcmp (name, "distance") == 0 && !has_setting (loss, name)))
      continue;
    /* The paper's contrastive has one margin, its negatives'. */
    if (strcmp (how->file, "contrastive") == 0 && strcmp (name, "margin") == 0)
      name = "neg_margin";
    g_string_append_c (spec, ',');
    golden_add_setting (spec, name,
                        json_object_get_member (golden->params, l->data));
  }
  return g_string_free (spec, FALSE);
}

static DmlReal *
to_real (const double *from, size_t n)
{
  DmlReal *to = g_new (DmlReal, n);

  for (size_t i = 0; i < n; i++)
    to[i] = (DmlReal) from[i];
  return to;
}

static void
check_gradient (const GoldenCase *golden, const char *name, const DmlReal *got,
                double rtol, double atol)
{
  g_autoptr (GoldenTensor) grad = golden_tensor (golden->expected, name);

  for (size_t i = 0; i < grad->rows * grad->cols; i++)
    golden_near (golden->id, name, i, (double) got[i], grad->data[i], rtol,
                 atol);
}

/* A list of pairs or triplets that a case gives, or NULL. */
static void *
tuples_of (const GoldenCase *golden, const char *name, size_t *n)
{
  return json_object_has_member (golden->inputs, name)
           ? golden_ints (golden->inputs, name, n)
           : NULL;
}

static DmlTuples
given_tuples (const GoldenCase *golden)
{
  DmlTuples t = { 0 };

  t.positive = tuples_of (golden, "positive_pairs", &t.n_positive);
  t.negative = tuples_of (golden, "negative_pairs", &t.n_negative);
  t.triplets = tuples_of (golden, "triplets", &t.n_triplets);
  t.is_triplets = t.triplets != NULL;
  return t;
}

static void
check_golden_case (const GoldenCase *golden, void *data)
{
  const Golden *how = data;
  const double rtol = !IS_DOUBLE ? 1e-4 : how->rtol > 0 ? how->rtol : 1e-10;
  /* An embedding along its weight row is at a kink: in float the root's slope
   * multiplies what should be 0. README.md lets gradients go there. */
  const gboolean kink = strcmp (golden->id, "arcface/parallel_guarded") == 0;
  const double atol = IS_DOUBLE ? 1e-12 : kink ? 1e-3 : 1e-5;
  g_autoptr (GoldenTensor) x = golden_tensor (golden->inputs, "embeddings");
  g_autoptr (GoldenTensor) w =
    how->weights ? golden_tensor (golden->inputs, how->weights) : NULL;
  g_autofree int32_t *labels = golden_ints (golden->inputs, "labels", NULL);
  g_autofree DmlReal *reals = to_real (x->data, x->rows * x->cols);
  g_autofree DmlReal *dx = g_new0 (DmlReal, x->rows * x->cols);
  g_autoptr (GString) spec = g_string_new (NULL);
  g_autofree char *settings = spec_of (how, golden);
  g_autoptr (GError) error = NULL;
  DmlTuples tuples = given_tuples (golden);
  DmlLossStats stats;
  size_t n_weights;

  g_string_assign (spec, settings);
  if (how->weights && strcmp (how->weights, "beta") == 0 && w->rows > 1)
    g_string_append (spec, ",per_class=yes");
  /* Case names say what the parameters do not: the miner of the paper. */
  if (strstr (golden->id, "batch_hard"))
    g_string_append_printf (
      spec, "@batch_hard:distance=%s",
      json_object_get_string_member (golden->params, "distance"));

  const DmlLossSetup setup = { .d = x->cols, .n_classes = 6 };
  g_autoptr (DmlLoss) loss = dml_loss_new (spec->str, &setup, &error);

  g_assert_no_error (error);
  DmlLossWeights *weights = dml_loss_weights (loss, &n_weights);

  if (w) {
    g_assert_cmpuint (n_weights, ==, 1);
    g_assert_cmpuint (weights->rows, >=, w->rows);
    for (size_t i = 0; i < w->rows * w->cols; i++)
      weights->value[i] = (DmlReal) w->data[i];
  }
  const DmlBatch batch = {
    .n = x->rows, .d = x->cols, .x = reals, .labels = labels
  };
  const gboolean given = tuples.triplets || tuples.positive;
  const gboolean ok =
    given ? dml_loss_run_tuples (loss, &batch, &tuples, dx, &stats, &error)
          : dml_loss_run (loss, &batch, dx, &stats, &error);

  g_assert_no_error (error);
  g_assert_true (ok);
  golden_near (golden->id, "loss", 0, stats.value,
               golden_number (golden->expected, "loss"), rtol, atol);
  if (json_object_has_member (golden->expected, "grad_embeddings"))
    check_gradient (golden, "grad_embeddings", dx, rtol, atol);
  if (w) {
    g_autofree char *name = g_strconcat ("grad_", how->weights, NULL);

    check_gradient (golden, name, weights->grad, rtol, atol);
  }
  g_free (tuples.positive);
  g_free (tuples.negative);
  g_free (tuples.triplets);
}

/* ---- cross-batch memory ------------------------------------------------- */

static void
set_state (DmlLoss *loss, const char *name, const void *data, size_t n_bytes)
{
  size_t n;
  DmlLossState *state = dml_loss_state (loss, &n);

  for (size_t i = 0; i < n; i++)
    if (strcmp (state[i].name, name) == 0) {
      g_assert_cmpuint (state[i].n_bytes, ==, n_bytes);
      memcpy (state[i].data, data, n_bytes);
      return;
    }
  g_assert_not_reached ();
}

static const void *
get_state (DmlLoss *loss, const char *name)
{
  size_t n;
  DmlLossState *state = dml_loss_state (loss, &n);

  for (size_t i = 0; i < n; i++)
    if (strcmp (state[i].name, name) == 0)
      return state[i].data;
  g_assert_not_reached ();
}

/* A step from the state that the case gives, through what a checkpoint holds;
 * it is also the state that the step before has left. */
static void
check_memory_case (const GoldenCase *golden, void *data)
{
  DmlLoss *running = data;
  const double rtol = IS_DOUBLE ? 1e-10 : 1e-4, atol = IS_DOUBLE ? 1e-12 : 1e-5;
  g_autoptr (GoldenTensor) x = golden_tensor (golden->inputs, "embeddings");
  g_autoptr (GoldenTensor) m =
    golden_tensor (golden->inputs, "memory_embeddings");
  g_autofree int32_t *labels = golden_ints (golden->inputs, "labels", NULL);
  g_autofree int32_t *old = golden_ints (golden->inputs, "memory_labels", NULL);
  g_autofree int32_t *after =
    golden_ints (golden->expected, "memory_labels_after", NULL);
  g_autofree DmlReal *reals = to_real (x->data, x->rows * x->cols);
  g_autofree DmlReal *rows = to_real (m->data, m->rows * m->cols);
  g_autofree DmlReal *dx = g_new0 (DmlReal, x->rows * x->cols);
  const Golden how = { .file = "contrastive" };
  g_autofree char *spec = spec_of (&how, golden);
  const uint64_t next =
    (uint64_t) golden_number (golden->inputs, "queue_index");
  const gboolean full = golden_number (golden->inputs, "memory_full") != 0;
  const uint64_t counts[3] = { next / 8, next, full ? m->rows : next };
  const DmlLossSetup setup = { .d = x->cols };
  const DmlBatch batch = {
    .n = x->rows, .d = x->cols, .x = reals, .labels = labels
  };
  g_autoptr (GError) error = NULL;
  DmlLossStats stats;
  g_autoptr (DmlLoss) loss = dml_loss_new (spec, &setup, &error);

  g_assert_no_error (error);
  set_state (loss, "memory-state", counts, sizeof counts);
  set_state (loss, "memory-rows", rows, m->rows * m->cols * sizeof *rows);
  set_state (loss, "memory-labels", old, m->rows * sizeof *old);
  dml_loss_run (loss, &batch, dx, &stats, &error);
  g_assert_no_error (error);
  golden_near (golden->id, "loss", 0, stats.value,
               golden_number (golden->expected, "loss"), rtol, atol);
  check_gradient (golden, "grad_embeddings", dx, rtol, atol);

  const uint64_t *state = get_state (loss, "memory-state");

  g_assert_cmpuint (state[1], ==,
                    golden_number (golden->expected, "queue_index_after"));
  g_assert_cmpint (state[2] == m->rows, ==,
                   golden_number (golden->expected, "memory_full_after") != 0);
  g_assert_cmpmem (get_state (loss, "memory-labels"), m->rows * sizeof *after,
                   after, m->rows * sizeof *after);

  /* The loss that has seen all steps is in the same state. */
  dml_loss_run (running, &batch, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (
    get_state (running, "memory-rows"), m->rows * m->cols * sizeof *rows,
    get_state (loss, "memory-rows"), m->rows * m->cols * sizeof *rows);
}

static void
test_memory (void)
{
  const DmlLossSetup setup = { .d = 8 };
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlLoss) running = dml_loss_new (
    "contrastive:semantics=pml,distance=cosine,memory=20", &setup, &error);

  g_assert_no_error (error);
  golden_each ("loss_cross_batch_memory", check_memory_case, running);
}

static void
test_golden (const void *data)
{
  const Golden *how = data;
  g_autofree char *file = g_strconcat ("loss_", how->file, NULL);

  golden_each (file, check_golden_case, (void *) how);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (goldens); i++) {
    g_autofree char *path =
      g_strconcat ("/losses/golden/", goldens[i].file, NULL);

    g_test_add_data_func (path, &goldens[i], test_golden);
  }
  g_test_add_func ("/losses/golden/cross_batch_memory", test_memory);
  return g_test_run ();
}
