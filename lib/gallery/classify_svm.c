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
#include "base/threads.h"
#include "gallery/rows.h"

/* Classes x items x dim, which take 26 ns each on one core. Beyond the first,
 * training takes longer than anybody waits; beyond the second, seven times that
 * for choosing C would. */
#define SVM_WORK_MAX 2e10
#define SVM_CHOICE_MAX 2e7
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

/* The items that take part, and what is learned from them. */
typedef struct {
  const Problem *problem;
  struct feature_node **x; /* n */
  const double *y;         /* n: class of the item */
  guint n;
  double cost;
  double *w;          /* classes x (dim + 1), bias last */
  const gint *cancel; /* NULL: never */
} Fit;

static gboolean
is_cancelled (const gint *cancel)
{
  return cancel != NULL && g_atomic_int_get (cancel) != 0;
}

/* One class against the rest. The solver has no state but its arguments. */
static void
fit_class (void *data, size_t c, unsigned worker)
{
  const Fit *fit = data;
  const guint n_w = fit->problem->dim + 1;
  g_autofree double *t = g_new (double, fit->n);
  const struct problem problem = { (int) fit->n, (int) n_w, t, fit->x, 1.0 };
  const struct parameter parameter = {
    .solver_type = L2R_L2LOSS_SVC,
    .eps = SVM_EPS,
    .C = fit->cost,
  };
  struct model *model;

  if (is_cancelled (fit->cancel))
    return; /* whoever asked for it throws the weights away */
  for (guint i = 0; i < fit->n; i++)
    t[i] = fit->y[i] == (double) c ? 1.0 : -1.0;
  model = train (&problem, &parameter);
  /* Of two labels, -1 and 1, liblinear takes 1 for the positive one. */
  for (guint d = 0; d < n_w; d++)
    fit->w[c * n_w + d] = model->w[d];
  free_and_destroy_model (&model);
}

static void
fit_all (Fit *fit)
{
  static gsize once;

  if (g_once_init_enter (&once)) {
    set_print_string_function (be_quiet);
    g_once_init_leave (&once, 1);
  }
  dml_parallel_for (fit->problem->n_classes, 0, fit_class, fit);
}

/* The class of the largest score. */
static double
predict_class (const Fit *fit, const struct feature_node *x)
{
  const guint n_w = fit->problem->dim + 1;
  double best = -(double) INFINITY;
  guint label = 0;

  for (guint c = 0; c < fit->problem->n_classes; c++) {
    const double *w = fit->w + (size_t) c * n_w;
    double score = 0.0;

    for (guint d = 0; d < n_w; d++)
      score += w[d] * x[d].value;
    if (score > best) {
      best = score;
      label = c;
    }
  }
  return label;
}

/* Validation: of each label every third item in turn stays out. */
static guint
count_right (const Problem *problem, double *w, double cost, guint fold,
             const gint *cancel)
{
  g_autofree struct feature_node **x =
    g_new (struct feature_node *, problem->n);
  g_autofree double *y = g_new (double, problem->n);
  Fit fit = { problem, x, y, 0, cost, w, cancel };
  guint n_right = 0, place = 0;

  for (guint i = 0; i < problem->n; i++) {
    place = i > 0 && problem->y[i] == problem->y[i - 1] ? place + 1 : 0;
    if (place % SVM_FOLDS != fold) {
      x[fit.n] = problem->x[i];
      y[fit.n++] = problem->y[i];
    }
  }
  fit_all (&fit);
  for (guint i = 0; i < problem->n; i++) {
    place = i > 0 && problem->y[i] == problem->y[i - 1] ? place + 1 : 0;
    if (place % SVM_FOLDS == fold)
      n_right += predict_class (&fit, problem->x[i]) == problem->y[i];
  }
  return n_right;
}

static double
choose_cost (const Problem *problem, double *w, const gint *cancel)
{
  static const double costs[] = { 1.0, 0.1, 10.0 }; /* equal: the first */
  double best = costs[0];
  guint most = 0;

  /* Too few a label to hold some out, or a matter of minutes. */
  if (problem->n < SVM_FOLDS * problem->n_classes ||
      (double) problem->n * problem->n_classes * problem->dim > SVM_CHOICE_MAX)
    return best;
  for (gsize c = 0; c < G_N_ELEMENTS (costs); c++) {
    guint n_right = 0;

    for (guint fold = 0; fold < SVM_FOLDS; fold++)
      n_right += count_right (problem, w, costs[c], fold, cancel);
    if (n_right > most) {
      most = n_right;
      best = costs[c];
    }
  }
  return best;
}

static gboolean
svm_fit (Svm *svm, const DmlSnapshot *snapshot, const DmlClassifyParams *params,
         GError **error)
{
  const guint dim = svm->dim;
  g_auto (Problem) problem = { 0 };
  g_autoptr (DmlMem) block =
    dml_mem_new (double, (dim + 1) * (size_t) svm->classes.n, error);
  double *w = block;
  Fit fit;

  if (w == NULL || !problem_init (&problem, snapshot, &svm->classes, error))
    return FALSE;
  if (svm->classes.n < 2)
    return TRUE; /* nothing to tell apart: all weights stay 0 */
  fit = (Fit){ &problem,         problem.x, problem.y,     problem.n,
               params->svm_cost, w,         params->cancel };
  if (fit.cost <= 0.0)
    fit.cost = choose_cost (&problem, w, params->cancel);
  fit_all (&fit);
  if (is_cancelled (params->cancel))
    return dml_fail (error, CANCELLED, "%s: training was stopped",
                     snapshot->path);
  for (guint c = 0; c < svm->classes.n; c++, w += dim + 1) {
    for (guint d = 0; d < dim; d++)
      svm->weights[(size_t) c * dim + d] = (float) (problem.scale * w[d]);
    svm->bias[c] = w[dim];
  }
  return TRUE;
}

static gboolean
check_work (const Svm *svm, const DmlSnapshot *snapshot, GError **error)
{
  return (double) svm->classes.n * snapshot->n_items * svm->dim <=
           SVM_WORK_MAX ||
         dml_fail (error, LIMIT,
                   "%s: an SVM of %u labels and %u items would train for many "
                   "minutes; use classifier knn or prototype",
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
         dml_mem_new0 (float, (size_t) dim * svm->classes.n, error)) &&
      (svm->bias = dml_mem_new0 (double, svm->classes.n, error)) &&
      svm_fit (svm, snapshot, params, error))
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

  dml_judge_logits (&dml_classifier_svm, model, query, &svm->classes, verdict);
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
