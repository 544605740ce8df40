/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Linear support vector machine, one class against the rest, through
 * liblinear: minimises |(w, b)|^2 / 2 + C sum max (0, 1 - t (w x + b))^2 over
 * unit embeddings (Fan et al. 2008, solver 2: primal, deterministic). Those of
 * a Euclidean gallery are divided by their root mean square length, so that C
 * means the same. Score of a class: w x + b. */
#include "gallery/classify.h"

#include <linear.h>
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "gallery/rows.h"

/* Classes x items x dim: beyond, training takes longer than anybody waits. */
#define SVM_WORK_MAX 2e10
#define SVM_EPS 1e-6 /* relative gradient at which the solver stops */
#define SVM_FOLDS 3

typedef struct {
  DmlClasses classes;
  guint dim;
  float *weights; /* classes.n x dim */
  double *bias;   /* classes.n */
} Svm;

/* A problem in liblinear's form: every item, and which of them take part. */
typedef struct {
  struct feature_node *nodes; /* n x (dim + 2): values, bias, end */
  struct feature_node **x;
  double *y; /* class of the item */
  double scale;
  guint n, dim, n_classes;
} Problem;

static void
svm_free (gpointer model)
{
  Svm *svm = model;

  dml_classes_clear (&svm->classes);
  dml_mem_free (svm->weights);
  dml_mem_free (svm->bias);
  g_free (svm);
}

static void
problem_clear (Problem *problem)
{
  dml_mem_free (problem->nodes);
  dml_mem_free (problem->x);
  dml_mem_free (problem->y);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Problem, problem_clear)

/* What brings embeddings to unit length on the average. */
static double
common_scale (const DmlSnapshot *snapshot)
{
  const size_t n = (size_t) snapshot->n_items * snapshot->space.dim;
  double sum = 0.0;

  if (snapshot->space.metric == DML_METRIC_COSINE)
    return 1.0;
  for (size_t i = 0; i < n; i++)
    sum += (double) snapshot->rows[i] * (double) snapshot->rows[i];
  return sum > 0.0 ? sqrt (snapshot->n_items / sum) : 1.0;
}

static gboolean
problem_init (Problem *problem, const DmlSnapshot *snapshot,
              const DmlClasses *classes, GError **error)
{
  const guint n = snapshot->n_items, dim = snapshot->space.dim;
  guint32 c = 0;

  *problem = (Problem){ .scale = common_scale (snapshot),
                        .n = n,
                        .dim = dim,
                        .n_classes = classes->n };
  problem->nodes =
    dml_mem_new (struct feature_node, (size_t) n * (dim + 2), error);
  if (problem->nodes == NULL ||
      !(problem->x = dml_mem_new (struct feature_node *, n, error)) ||
      !(problem->y = dml_mem_new (double, n, error)))
    return FALSE;
  /* Label after label, so that class c's items lie together. */
  for (guint i = 0; i < n; i++) {
    const guint row = snapshot->by_label[i];
    const float *values = dml_snapshot_row (snapshot, row);
    struct feature_node *node = problem->nodes + (size_t) i * (dim + 2);

    while (classes->label[c] != snapshot->label_of[row])
      c++;
    problem->x[i] = node;
    problem->y[i] = c;
    for (guint d = 0; d < dim; d++)
      *node++ = (struct feature_node){ (int) d + 1,
                                       problem->scale * (double) values[d] };
    *node++ = (struct feature_node){ (int) dim + 1, 1.0 };
    *node = (struct feature_node){ -1, 0.0 };
  }
  return TRUE;
}

static void
be_quiet (const char *text)
{
}

static struct model *
solve (struct feature_node **x, double *y, guint n, guint dim, double cost)
{
  static gsize once;
  const struct problem problem = { (int) n, (int) dim + 1, y, x, 1.0 };
  const struct parameter parameter = {
    .solver_type = L2R_L2LOSS_SVC,
    .eps = SVM_EPS,
    .C = cost,
  };

  if (g_once_init_enter (&once)) {
    set_print_string_function (be_quiet);
    g_once_init_leave (&once, 1);
  }
  return train (&problem, &parameter);
}

/* Validation: of each label every third item in turn stays out. */
static guint
count_right (const Problem *problem, double cost, guint fold)
{
  g_autofree struct feature_node **x =
    g_new (struct feature_node *, problem->n);
  g_autofree double *y = g_new (double, problem->n);
  struct model *model;
  guint n = 0, n_right = 0, place = 0;

  for (guint i = 0; i < problem->n; i++) {
    place = i > 0 && problem->y[i] == problem->y[i - 1] ? place + 1 : 0;
    if (place % SVM_FOLDS != fold) {
      x[n] = problem->x[i];
      y[n++] = problem->y[i];
    }
  }
  model = solve (x, y, n, problem->dim, cost);
  for (guint i = 0; i < problem->n; i++) {
    place = i > 0 && problem->y[i] == problem->y[i - 1] ? place + 1 : 0;
    if (place % SVM_FOLDS == fold)
      n_right += predict (model, problem->x[i]) == problem->y[i];
  }
  free_and_destroy_model (&model);
  return n_right;
}

static double
choose_cost (const Problem *problem)
{
  static const double costs[] = { 1.0, 0.1, 10.0 }; /* equal: the first */
  double best = costs[0];
  guint most = 0;

  if (problem->n < SVM_FOLDS * problem->n_classes)
    return best; /* too few a label to hold some out */
  for (gsize c = 0; c < G_N_ELEMENTS (costs); c++) {
    guint n_right = 0;

    for (guint fold = 0; fold < SVM_FOLDS; fold++)
      n_right += count_right (problem, costs[c], fold);
    if (n_right > most) {
      most = n_right;
      best = costs[c];
    }
  }
  return best;
}

/* liblinear's weights to ours: w[d * n_w + i], classes in order of their first
 * item, and with two classes one vector for both. */
static void
take_weights (Svm *svm, const struct model *model, double scale)
{
  const guint n_w = svm->classes.n == 2 ? 1 : svm->classes.n;

  for (guint c = 0; c < svm->classes.n; c++) {
    const double sign = c < n_w ? 1.0 : -1.0;
    const guint from = c < n_w ? c : 0;
    const guint to = (guint) model->label[c];

    for (guint d = 0; d < svm->dim; d++)
      svm->weights[(size_t) to * svm->dim + d] =
        (float) (sign * scale * model->w[(size_t) d * n_w + from]);
    svm->bias[to] = sign * model->w[(size_t) svm->dim * n_w + from];
  }
}

static gboolean
svm_fit (Svm *svm, const DmlSnapshot *snapshot, double cost, GError **error)
{
  g_auto (Problem) problem = { 0 };
  struct model *model;

  if (!problem_init (&problem, snapshot, &svm->classes, error))
    return FALSE;
  if (svm->classes.n < 2)
    return TRUE; /* nothing to tell apart: all weights stay 0 */
  model = solve (problem.x, problem.y, problem.n, problem.dim,
                 cost > 0.0 ? cost : choose_cost (&problem));
  take_weights (svm, model, problem.scale);
  free_and_destroy_model (&model);
  return TRUE;
}

static gboolean
check_work (const Svm *svm, const DmlSnapshot *snapshot, GError **error)
{
  return (double) svm->classes.n * snapshot->n_items * svm->dim <=
           SVM_WORK_MAX ||
         dml_fail (error, LIMIT,
                   "%s: an SVM of %u labels and %u items would train for hours;"
                   " use classifier knn or prototype",
                   snapshot->path, svm->classes.n, snapshot->n_items);
}

static gpointer
svm_train (const DmlSnapshot *snapshot, const DmlClassifyParams *params,
           GError **error)
{
  const guint dim = snapshot->space.dim;
  Svm *svm = g_new0 (Svm, 1);

  svm->dim = dim;
  if (!dml_classes_init (&svm->classes, snapshot, error)) {
    svm_free (svm);
    return NULL;
  }
  if (check_work (svm, snapshot, error) &&
      (svm->weights =
         dml_mem_new0 (float, (size_t) svm->classes.n *dim, error)) &&
      (svm->bias = dml_mem_new0 (double, svm->classes.n, error)) &&
      svm_fit (svm, snapshot, params->svm_cost, error))
    return svm;
  svm_free (svm);
  return NULL;
}

static void
svm_scores (gconstpointer model, const DmlQuery *query, guint first, guint n,
            double *scores)
{
  const Svm *svm = model;
  float raw[64];

  for (guint done = 0; done < n; done += G_N_ELEMENTS (raw)) {
    const guint m = MIN (n - done, (guint) G_N_ELEMENTS (raw));

    dml_rows_score (raw, query->values,
                    svm->weights + (size_t) (first + done) * svm->dim, svm->dim,
                    m, DML_METRIC_COSINE);
    for (guint i = 0; i < m; i++)
      scores[done + i] =
        (double) raw[i] * query->inv_norm + svm->bias[first + done + i];
  }
}

static void
svm_judge (gconstpointer model, const DmlQuery *query, DmlVerdict *verdict)
{
  const Svm *svm = model;

  dml_judge_scores (&dml_classifier_svm, model, query, &svm->classes, 1.0,
                    verdict);
  verdict->near.n = 0; /* its scores are no similarities */
}

const DmlClassifierClass dml_classifier_svm = {
  .id = DML_CLASSIFIER_SVM,
  .name = "svm",
  .kind = "item",
  .train = svm_train,
  .free = svm_free,
  .judge = svm_judge,
  .scores = svm_scores,
};
