/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Every loss against central differences, on every coordinate of embeddings and
 * weights: 8 embeddings of 4 numbers, in double. Settings are chosen so that
 * each branch is taken; random rows keep hinges away from their kinks. */
#define DML_REAL_DOUBLE
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "metric/loss.h"

enum { N = 8, D = 4, D_TEACHER = 6, N_CLASSES = 4, M = 12 };

static const char *const specs[] = {
  "contrastive:semantics=paper,neg_margin=1.3",
  "contrastive:semantics=pml,neg_margin=1.3",
  "contrastive:distance=euclidean,neg_margin=3",
  "contrastive:distance=cosine,semantics=pml",
  "contrastive:distance=dot,reduction=sum",
  "contrastive:distance=squared_euclidean,neg_margin=9,weight=0.3",
  "contrastive:semantics=pml@pair_margin",
  "triplet",
  "triplet:semantics=pml,margin=0.5,reduction=mean",
  "triplet:smooth=yes,distance=cosine",
  "triplet:semantics=pml,smooth=yes,swap=yes",
  "triplet:swap=yes,margin=0.5,distance=euclidean",
  "triplet@semi_hard:margin=0.7",
  "triplet:smooth=yes@multi_similarity:epsilon=0.5",
  "triplet:swap=yes,margin=0.6@batch_hard",
  "npairs",
  "npairs:distance=cosine,l2=0.1",
  "npairs:l2=0.1",
  "lifted",
  "lifted:distance=cosine,neg_margin=0.2",
  "lifted:distance=squared_euclidean_normalised,pos_margin=0.1",
  "lifted@batch_hard",
  "generalised_lifted",
  "generalised_lifted:semantics=pml,distance=cosine",
  "multi_similarity",
  "multi_similarity:semantics=pml,alpha=3,beta=10",
  "multi_similarity:epsilon=-1,reduction=sum",
  "multi_similarity:epsilon=0.4@triplet_margin:type=all,margin=1",
  "margin:nu=0.1",
  "margin:nu=0.1,per_class=yes",
  "margin:semantics=pml,nu=0.1,per_class=yes",
  "margin:semantics=pml,distance=cosine,beta=0.3",
  "margin@distance_weighted",
  "ntxent",
  "ntxent:temperature=0.5,reduction=sum",
  "instance",
  "instance:same_class=0,temperature=0.3",
  "supcon",
  "supcon:temperature=0.2,base_temperature=0.07",
  "angular",
  "angular:raw_negatives=yes,alpha=30",
  "angular@batch_hard:positive=easy",
  "nca",
  "nca:semantics=pml,softmax_scale=3",
  "nca:distance=cosine",
  "tcm:margin_plus=0.7,margin_minus=0.1",
  "tcm:lambda_plus=0.5,lambda_minus=2,reduction=mean",
  "proxy_nca",
  "proxy_nca:include_positive=yes,softmax_scale=4",
  "proxy_anchor:alpha=8",
  "soft_triple:centres=3",
  "soft_triple:centres=2,tau=0,smoothing=0.1",
  "softmax",
  "softmax:smoothing=0.1,scale=5,reduction=sum",
  "arcface:scale=8",
  "arcface:scale=8,margin_deg=80,smoothing=0.2",
  "subcentre_arcface:scale=8",
  "cosface:scale=8,smoothing=0.05",
  "distil",
  "distil:weight=8",
  "distil_relational",
};

/* The weights of circle are constants to the gradient, so differences do not
 * meet it; its golden values do (complex step with the weights held). */
static const char *const elsewhere[] = { "circle" };

typedef struct {
  DmlReal x[N * D], ref[M * D], teacher[N * D_TEACHER];
  int32_t labels[N], instances[N], ref_labels[M], ref_self[N];
} Numbers;

static void
draw (DmlReal *to, size_t n, DmlRng *rng)
{
  for (size_t i = 0; i < n; i++)
    to[i] = dml_rng_normal (rng);
}

static Numbers
make_numbers (uint64_t seed)
{
  static const int32_t labels[N] = { 0, 1, 0, 2, 1, 0, 2, 1 };
  static const int32_t instances[N] = { 0, 1, 0, 2, 1, 3, 2, 3 };
  Numbers numbers;
  DmlRng rng;

  dml_rng_init (&rng, seed, 0);
  draw (numbers.x, N * D, &rng);
  draw (numbers.ref, M * D, &rng);
  draw (numbers.teacher, N * D_TEACHER, &rng);
  memcpy (numbers.labels, labels, sizeof labels);
  memcpy (numbers.instances, instances, sizeof instances);
  for (size_t i = 0; i < M; i++)
    numbers.ref_labels[i] = (int32_t) i % 3;
  for (size_t i = 0; i < N; i++)
    numbers.ref_self[i] = i % 2 ? (int32_t) i : -1;
  return numbers;
}

static DmlBatch
batch_of (Numbers *numbers, gboolean with_ref)
{
  DmlBatch batch = {
    .n = N,
    .d = D,
    .x = numbers->x,
    .labels = numbers->labels,
    .instances = numbers->instances,
    .teacher = numbers->teacher,
  };

  if (with_ref) {
    batch.n_ref = M;
    batch.ref = numbers->ref;
    batch.ref_labels = numbers->ref_labels;
    batch.ref_self = numbers->ref_self;
  }
  return batch;
}

/* Mined tuples are held while x moves: what is mined has no gradient. */
static double
value_of (DmlLoss *loss, const DmlBatch *batch, const DmlTuples *tuples,
          DmlReal *dx)
{
  g_autoptr (GError) error = NULL;
  DmlLossStats stats;

  dml_loss_run_tuples (loss, batch, tuples, dx, &stats, &error);
  g_assert_no_error (error);
  return stats.value;
}

static void
compare (const char *spec, const char *what, size_t i, double got,
         double expected, double scale)
{
  if (!(fabs (got - expected) <= 2e-7 * scale))
    g_error ("%s: gradient of %s[%zu] is %.10g, differences give %.10g", spec,
             what, i, got, expected);
}

static double
central (DmlLoss *loss, const DmlBatch *batch, const DmlTuples *tuples,
         DmlReal *at)
{
  const double h = 1e-5, middle = *at;

  *at = middle + h;
  const double above = value_of (loss, batch, tuples, NULL);

  *at = middle - h;
  const double below = value_of (loss, batch, tuples, NULL);

  *at = middle;
  return (above - below) / (2 * h);
}

static double
largest (const DmlReal *values, size_t n)
{
  double most = 1;

  for (size_t i = 0; i < n; i++)
    most = fmax (most, fabs (values[i]));
  return most;
}

static void
check_spec (const char *spec, gboolean with_ref, uint64_t seed)
{
  const DmlLossSetup setup = {
    .d = D, .n_classes = N_CLASSES, .d_teacher = D_TEACHER, .seed = seed
  };
  const char *miner_spec = strchr (spec, '@');
  g_autofree char *own = g_strndup (spec, strcspn (spec, "@"));
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlLoss) loss = dml_loss_new (own, &setup, &error);
  g_autoptr (DmlMiner) miner = NULL;
  g_auto (DmlTuples) tuples = { 0 };
  Numbers numbers = make_numbers (seed);
  const DmlBatch batch = batch_of (&numbers, with_ref);
  DmlReal dx[N * D] = { 0 };
  size_t n_weights;

  g_assert_no_error (error);
  if (miner_spec) {
    miner = dml_miner_new (miner_spec + 1, &error);
    g_assert_no_error (error);
    dml_miner_mine (miner, &batch, &tuples, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (tuples.n_anchors, >, 0);
  }
  const DmlTuples *given = miner ? &tuples : NULL;
  const double value = value_of (loss, &batch, given, dx);
  DmlLossWeights *w = dml_loss_weights (loss, &n_weights);
  const size_t n_grad = n_weights ? w->rows * w->cols : 0;
  g_autofree DmlReal *grad = g_memdup2 (w->grad, n_grad * sizeof (DmlReal));

  g_assert_cmpfloat (value, !=, 0); /* the case says something */
  for (size_t i = 0; i < N * D; i++)
    compare (spec, "x", i, dx[i], central (loss, &batch, given, &numbers.x[i]),
             largest (dx, N * D));
  for (size_t i = 0; i < n_grad; i++)
    compare (spec, w->name, i, grad[i],
             central (loss, &batch, given, &w->value[i]),
             largest (grad, n_grad));
}

static void
test_spec (const void *data)
{
  for (uint64_t seed = 1; seed <= 3; seed++)
    check_spec (data, FALSE, seed);
}

/* Losses that can use a memory, against a reference set. */
static void
test_reference (void)
{
  for (size_t i = 0; i < dml_loss_n_members (); i++) {
    const DmlMemberInfo *info = dml_loss_member (i);

    if (dml_param_find (info->params, "memory") < 0 ||
        g_str_equal (info->name, "circle"))
      continue;
    for (uint64_t seed = 1; seed <= 3; seed++)
      check_spec (info->name, TRUE, seed);
  }
  check_spec ("contrastive@pair_margin", TRUE, 4);
  check_spec ("triplet@semi_hard", TRUE, 4);
}

/* A loss without a line above has no gradient check. */
static void
test_all_named (void)
{
  for (size_t i = 0; i < dml_loss_n_members (); i++) {
    const char *name = dml_loss_member (i)->name;
    gboolean found = FALSE;

    for (size_t k = 0; k < G_N_ELEMENTS (specs); k++) {
      const size_t n = strcspn (specs[k], ":@");

      found |= strlen (name) == n && strncmp (specs[k], name, n) == 0;
    }
    for (size_t k = 0; k < G_N_ELEMENTS (elsewhere); k++)
      found |= g_str_equal (name, elsewhere[k]);
    if (!found)
      g_error ("loss %s has no gradient check", name);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (specs); i++) {
    g_autofree char *path =
      g_strdup_printf ("/losses/differences/%s", specs[i]);

    g_test_add_data_func (path, specs[i], test_spec);
  }
  g_test_add_func ("/losses/differences/reference-set", test_reference);
  g_test_add_func ("/losses/differences/every-loss-is-checked", test_all_named);
  return g_test_run ();
}
