/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Parallel linear branches into one convolution (RepVGG; Ding et al. 2021,
 * arXiv:2101.03697, section 3.3):
 *
 *   bn1 (w1 * x) + bn2 (w2 * x) + bn3 (x)  =  w * x + b
 *
 * A branch is a convolution, a batch norm, one behind the other, or x itself.
 * The one with the largest kernel becomes the host; the others' kernels must
 * lie within it. Sums are taken in double and rounded once. */
#include "nn/passes/passes.h"
#include "nn/ops/conv.h"

#include <string.h>

#define MAX_BRANCHES 8

typedef struct {
  DmlValue *x;
  DmlNode *conv; /* NULL: identity */
  DmlNode *bn;   /* NULL: none */
} Branch;

typedef struct {
  Branch branch[MAX_BRANCHES];
  unsigned n;
} Branches;

static gboolean
is_op (const DmlNode *node, const char *name)
{
  return node != NULL && strcmp (node->op->onnx_name, name) == 0;
}

static gboolean
is_plain_conv (const DmlNode *node)
{
  const DmlConv *conv;

  if (!is_op (node, "Conv") || node->epilogue.clamp ||
      node->epilogue.residual || node->in[1]->constant == NULL ||
      (dml_node_has_in (node, 2) && node->in[2]->constant == NULL))
    return FALSE;
  conv = node->config;
  return conv->placed.dilation[0] == 1 && conv->placed.dilation[1] == 1;
}

/* What leads to `value`, which is a term of the sum that `reader` is part of.
 */
static Branch
branch_of (const DmlGraph *graph, DmlValue *value, const DmlNode *reader)
{
  Branch branch = { .x = value };
  DmlNode *node = value->producer;

  if (node == NULL || dml_pass_only_reader (graph, value) != reader)
    return branch;
  if (is_op (node, "BatchNormalization")) {
    branch.bn = node;
    branch.x = value = node->in[0];
    reader = node;
    node = value->producer;
    if (node == NULL || dml_pass_only_reader (graph, value) != reader)
      return branch;
  }
  if (is_plain_conv (node)) {
    branch.conv = node;
    branch.x = node->in[0];
  }
  return branch;
}

/* The terms of a sum of sums; FALSE where they are too many. */
static gboolean
collect (const DmlGraph *graph, const DmlNode *add, Branches *all)
{
  for (unsigned i = 0; i < 2; i++) {
    DmlValue *term = add->in[i];

    if (is_op (term->producer, "Add") &&
        dml_pass_only_reader (graph, term) == add) {
      /* A chain of sums is as deep as it has terms: bounded by MAX_BRANCHES. */
      if (all->n >= MAX_BRANCHES - 1 || !collect (graph, term->producer, all))
        return FALSE;
      continue;
    }
    if (all->n == MAX_BRANCHES)
      return FALSE;
    all->branch[all->n++] = branch_of (graph, term, add);
  }
  return TRUE;
}

static const DmlWindow *
window_of (const DmlNode *conv)
{
  return &((const DmlConv *) conv->config)->placed;
}

static DmlNode *
host_of (const Branches *all)
{
  DmlNode *host = NULL;

  for (unsigned i = 0; i < all->n; i++) {
    DmlNode *conv = all->branch[i].conv;

    if (conv == NULL)
      continue;
    if (host == NULL ||
        window_of (conv)->kernel[0] * window_of (conv)->kernel[1] >
          window_of (host)->kernel[0] * window_of (host)->kernel[1])
      host = conv;
  }
  return host;
}

static gboolean
fits (const Branch *branch, const DmlNode *host)
{
  const DmlWindow *h = window_of (host), *w;
  const DmlShape *out = dml_node_out_shape (host, 0);

  if (branch->x != host->in[0])
    return FALSE;
  if (branch->conv == NULL) /* taps at (0, 0), stride 1, channel to channel */
    return dml_shape_equal (out, &branch->x->shape) && h->stride[0] == 1 &&
           h->stride[1] == 1;
  w = window_of (branch->conv);
  if (((const DmlConv *) branch->conv->config)->group !=
        ((const DmlConv *) host->config)->group ||
      !dml_shape_equal (out, dml_node_out_shape (branch->conv, 0)))
    return FALSE;
  for (int i = 0; i < 2; i++)
    if (w->stride[i] != h->stride[i] || w->pad_begin[i] > h->pad_begin[i] ||
        w->kernel[i] - w->pad_begin[i] > h->kernel[i] - h->pad_begin[i])
      return FALSE;
  return TRUE;
}

/* The merged layer under way. */
typedef struct {
  size_t m, c, kh, kw; /* c: channels of a group */
  double *w, *b;
  double *scale, *offset; /* of the branch at hand */
} Sum;

static void
add_branch (Sum *sum, const Branch *branch, const DmlWindow *host)
{
  const DmlWindow *win = branch->conv ? window_of (branch->conv) : NULL;
  const size_t kh = win ? win->kernel[0] : 1, kw = win ? win->kernel[1] : 1;
  const size_t top = host->pad_begin[0] - (win ? win->pad_begin[0] : 0);
  const size_t left = host->pad_begin[1] - (win ? win->pad_begin[1] : 0);
  const float *w = win ? branch->conv->in[1]->constant->data : NULL;
  const float *b = win && dml_node_has_in (branch->conv, 2)
                     ? branch->conv->in[2]->constant->data
                     : NULL;

  for (size_t m = 0; m < sum->m; m++) {
    sum->b[m] += sum->offset[m] + (b ? sum->scale[m] * (double) b[m] : 0);
    for (size_t c = 0; c < sum->c; c++)
      for (size_t r = 0; r < kh; r++)
        for (size_t s = 0; s < kw; s++) {
          const double tap =
            w != NULL ? (double) w[((m * sum->c + c) * kh + r) * kw + s]
                      : c == m % sum->c; /* identity, also of groups */

          sum->w[((m * sum->c + c) * sum->kh + r + top) * sum->kw + s + left] +=
            sum->scale[m] * tap;
        }
  }
}

static DmlTensor *
rounded (const double *data, const DmlShape *shape, GError **error)
{
  DmlTensor *t = dml_tensor_new (DML_F32, shape, error);

  for (size_t i = 0; t != NULL && i < t->n; i++)
    ((float *) t->data)[i] = (float) data[i];
  return t;
}

static gboolean
merge (DmlGraph *graph, DmlNode *add, const Branches *all, DmlNode *host,
       GError **error)
{
  const DmlShape shape = *dml_node_in_shape (host, 1);
  const DmlShape bias_shape = DML_SHAPE (shape.dim[0]);
  g_autofree double *w = g_new0 (double, dml_shape_span (&shape, 0, 4));
  g_autofree double *b = g_new0 (double, shape.dim[0]);
  g_autofree double *scale = g_new (double, shape.dim[0]);
  g_autofree double *offset = g_new (double, shape.dim[0]);
  Sum sum = { shape.dim[0], shape.dim[1], shape.dim[2], shape.dim[3], w, b,
              scale,        offset };
  g_autoptr (DmlTensor) tw = NULL;
  g_autoptr (DmlTensor) tb = NULL;
  DmlValue *weights, *bias;

  for (unsigned i = 0; i < all->n; i++) {
    for (size_t m = 0; m < sum.m; m++) {
      scale[m] = 1;
      offset[m] = 0;
    }
    if (all->branch[i].bn != NULL &&
        !dml_pass_batchnorm_affine (all->branch[i].bn, scale, offset))
      return TRUE;
    add_branch (&sum, &all->branch[i], window_of (host));
  }
  tw = rounded (w, &shape, error);
  tb = tw ? rounded (b, &bias_shape, error) : NULL;
  weights = tb ? dml_pass_constant (graph, host->in[1]->name, tw, error) : NULL;
  bias =
    weights ? dml_pass_constant (graph, host->out[0]->name, tb, error) : NULL;
  if (bias == NULL)
    return FALSE;
  dml_node_set_inputs (host, (DmlValue *[]){ host->in[0], weights, bias }, 3);
  dml_graph_redirect (graph, add->out[0], host->out[0]);
  return TRUE;
}

gboolean
dml_pass_merge_branches (DmlGraph *graph, GError **error)
{
  /* From the last: a sum of sums is met at its outermost Add. */
  for (unsigned i = graph->nodes->len; i-- > 0;) {
    DmlNode *add = dml_graph_node (graph, i);
    Branches all = { .n = 0 };
    gboolean mergeable;
    DmlNode *host;

    if (!is_op (add, "Add") || !collect (graph, add, &all))
      continue;
    host = host_of (&all);
    mergeable = host != NULL;
    for (unsigned k = 0; mergeable && k < all.n; k++)
      mergeable = fits (&all.branch[k], host);
    if (mergeable && !merge (graph, add, &all, host, error))
      return FALSE;
  }
  dml_graph_sweep (graph);
  return TRUE;
}
