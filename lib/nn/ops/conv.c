/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Convolution in two dimensions (ONNX Conv).
 *
 *   x  N x C x H x W;  w  M x C/group x kh x kw;  b  M or left out
 *   y  N x M x OH x OW = w * x + b, then the node's epilogue
 *
 *   as matrices, for one image and group, K = C/group kh kw, P = OH OW:
 *     cols  K x P = im2col (x);      y = w cols + b
 *     dw += dy cols^T;   dx += col2im (w^T dy);   db += dy 1
 *
 * Three ways: one channel a group goes through direct kernels (depthwise), 1x1
 * without stride or padding multiplies x itself, all else takes columns in
 * blocks that stay in the cache. Blocks depend on the layer's shape alone, so
 * that neither threads nor other images of the batch change a result. */
#include "nn/blas.h"
#include "nn/im2col.h"
#include "nn/ops/conv.h"
#include "nn/ops/conv_train.h"

#include <math.h>
#include <string.h>

#define BLOCK_FLOATS (96 * 1024) /* of columns: 384 KiB, in half of an L2 */
#define BLOCK_LEAST 64           /* pixels, or the product is all packing */
#define BLOCK_MOST 1024

/* A layer's numbers, for its loops. */
typedef struct {
  const DmlConv *conv;
  DmlIm2col g;              /* of one group */
  size_t n, c, m;           /* images, channels in and out */
  size_t groups, cg, mg;    /* groups, channels of a group in and out */
  size_t k, p;              /* rows of a weight, output pixels */
  size_t block, n_blocks;   /* pixels a block */
  size_t m_split, n_splits; /* output channels a piece */
  gboolean depthwise, pointwise;
} Layer;

static gboolean
conv_configure (DmlNode *node, GError **error)
{
  DmlConv *conv = node->config;

  if (!dml_window_configure (node, &conv->window, error) ||
      !dml_node_get_int (node, "group", 1, &conv->group, error))
    return FALSE;
  if (conv->group < 1)
    return dml_node_fail (node, error, FORMAT,
                          "group is %" G_GINT64_FORMAT ", expected 1 or more",
                          conv->group);
  return TRUE;
}

static gboolean
conv_check_weights (const DmlNode *node, const DmlConv *conv, GError **error)
{
  const int64_t *x = dml_node_in_shape (node, 0)->dim;
  const int64_t *w = dml_node_in_shape (node, 1)->dim;

  if (w[0] < 1 || w[1] < 1 || w[2] < 1 || w[3] < 1 || w[2] > 4096 ||
      w[3] > 4096)
    return dml_node_fail (node, error, FORMAT, "weights of no size");
  if (w[1] > G_MAXINT64 / conv->group || x[1] != w[1] * conv->group ||
      w[0] % conv->group != 0)
    return dml_node_fail (node, error, FORMAT,
                          "group %" G_GINT64_FORMAT
                          " and weights for %" G_GINT64_FORMAT
                          " x %" G_GINT64_FORMAT
                          " channels do not fit %" G_GINT64_FORMAT " channels",
                          conv->group, w[0], w[1], x[1]);
  for (int i = 0; i < 2; i++)
    if (conv->window.kernel[i] != 0 && conv->window.kernel[i] != w[2 + i])
      return dml_node_fail (
        node, error, FORMAT,
        "kernel_shape says %d, the weights %" G_GINT64_FORMAT,
        conv->window.kernel[i], w[2 + i]);
  return TRUE;
}

static gboolean
conv_infer_shape (DmlNode *node, GError **error)
{
  DmlConv *conv = node->config;
  const int64_t *x, *w;
  DmlWindow window = conv->window;
  int64_t oh, ow;

  if (!dml_node_want_f32 (node, 0, 4, error) ||
      !dml_node_want_f32 (node, 1, 4, error) ||
      !conv_check_weights (node, conv, error))
    return FALSE;
  x = dml_node_in_shape (node, 0)->dim;
  w = dml_node_in_shape (node, 1)->dim;
  if (dml_node_has_in (node, 2)) {
    if (!dml_node_want_f32 (node, 2, 1, error))
      return FALSE;
    if (dml_node_in_shape (node, 2)->dim[0] != w[0])
      return dml_node_fail (node, error, FORMAT,
                            "bias for %" G_GINT64_FORMAT
                            " channels, weights for %" G_GINT64_FORMAT,
                            dml_node_in_shape (node, 2)->dim[0], w[0]);
  }
  window.kernel[0] = (int) w[2];
  window.kernel[1] = (int) w[3];
  return dml_window_place (node, &window, x[2], x[3], &conv->placed, &oh, &ow,
                           error) &&
         dml_node_set_out (node, 0, DML_F32, &DML_SHAPE (x[0], w[0], oh, ow),
                           error);
}

static Layer
layer_of (const DmlNode *node)
{
  const DmlConv *conv = node->config;
  const DmlWindow *win = &conv->placed;
  const int64_t *x = dml_node_in_shape (node, 0)->dim;
  const int64_t *y = dml_node_out_shape (node, 0)->dim;
  Layer l = { .conv = conv,
              .n = x[0],
              .c = x[1],
              .m = y[1],
              .groups = conv->group,
              .p = y[2] * y[3] };

  l.cg = l.c / l.groups;
  l.mg = l.m / l.groups;
  l.g = (DmlIm2col){ .c = l.cg,
                     .h = x[2],
                     .w = x[3],
                     .oh = y[2],
                     .ow = y[3],
                     .kh = win->kernel[0],
                     .kw = win->kernel[1],
                     .sh = win->stride[0],
                     .sw = win->stride[1],
                     .dh = win->dilation[0],
                     .dw = win->dilation[1],
                     .top = win->pad_begin[0],
                     .left = win->pad_begin[1] };
  l.k = l.cg * l.g.kh * l.g.kw;
  l.depthwise = l.cg == 1;
  l.pointwise = l.g.kh == 1 && l.g.kw == 1 && l.g.sh == 1 && l.g.sw == 1 &&
                l.g.oh == l.g.h && l.g.ow == l.g.w && l.g.top == 0 &&
                l.g.left == 0;
  l.block = CLAMP (BLOCK_FLOATS / l.k / 16 * 16, BLOCK_LEAST, BLOCK_MOST);
  l.n_blocks = (l.p + l.block - 1) / l.block;
  l.block = MIN ((l.p + l.n_blocks - 1) / l.n_blocks + 15, l.p + 15) / 16 * 16;
  /* Where one block holds the whole picture, cores share output channels. */
  l.n_splits = l.n_blocks == 1 && l.mg >= 256 ? 2 : 1;
  l.m_split = (l.mg + l.n_splits - 1) / l.n_splits;
  return l;
}

static DmlConvSize
size_of (const Layer *l)
{
  return (DmlConvSize){ .g = l->g,
                        .n = l->n,
                        .c = l->c,
                        .m = l->m,
                        .groups = l->groups,
                        .cg = l->cg,
                        .mg = l->mg,
                        .k = l->k,
                        .p = l->p };
}

/* --- what comes after the product -------------------------------------------
 */

typedef struct {
  const float *bias, *residual; /* NULL where there is none */
  float lo, hi;
} End;

static End
end_of (const DmlNode *node, const DmlExec *exec)
{
  const DmlEpilogue *e = &node->epilogue;

  return (End){ .bias = dml_exec_in (exec, node, 2),
                .residual =
                  e->residual ? dml_exec_in (exec, node, node->n_in - 1) : NULL,
                .lo = e->clamp ? e->lo : -INFINITY,
                .hi = e->clamp ? e->hi : INFINITY };
}

/* y, n elements of channel m that begin at element `at` of the output. */
static void
end_row (const DmlKernels *kern, const End *end, float *y, size_t m, size_t at,
         size_t n)
{
  const float bias = end->bias ? end->bias[m] : 0;

  if (end->residual != NULL)
    kern->bias_add_clip_f32 (y, y, bias, end->residual + at, end->lo, end->hi,
                             n);
  else if (end->bias != NULL || end->lo > -INFINITY || end->hi < INFINITY)
    kern->bias_clip_f32 (y, y, bias, end->lo, end->hi, n);
}

/* --- columns and products ---------------------------------------------------
 */

typedef struct {
  Layer l;
  const DmlNode *node;
  DmlExec *exec;
  End end;
  const float *x, *w;
  float *y;
} Forward;

/* One block of pixels of one group of one image, for some output channels. */
static void
forward_piece (void *data, size_t i, unsigned worker)
{
  const Forward *f = data;
  const Layer *l = &f->l;
  const size_t split = i % l->n_splits, block = i / l->n_splits % l->n_blocks;
  const size_t group = i / l->n_splits / l->n_blocks % l->groups;
  const size_t image = i / l->n_splits / l->n_blocks / l->groups;
  const size_t first = block * l->block, n = MIN (l->block, l->p - first);
  const size_t m0 = group * l->mg + split * l->m_split;
  const size_t m = MIN (l->m_split, l->mg - split * l->m_split);
  const float *x = f->x + (image * l->c + group * l->cg) * l->g.h * l->g.w;
  float *y = f->y + (image * l->m + m0) * l->p + first;

  if (l->pointwise) {
    dml_sgemm (FALSE, FALSE, m, n, l->k, f->w + m0 * l->k, l->k, x + first,
               l->p, 0, y, l->p);
  } else {
    float *cols = dml_exec_worker (f->exec, worker);

    dml_im2col (&l->g, x, first, n, cols, n);
    dml_sgemm (FALSE, FALSE, m, n, l->k, f->w + m0 * l->k, l->k, cols, n, 0, y,
               l->p);
  }
  for (size_t j = 0; j < m; j++, y += l->p)
    end_row (f->exec->kernels, &f->end, y, m0 + j, (size_t) (y - f->y), n);
}

/* --- depthwise
 * ---------------------------------------------------------------- */

/* The kernel for this window, or NULL. */
static DmlDepthwise
depthwise_kernel (const DmlKernels *kern, const DmlIm2col *g)
{
  if (g->kh != g->kw || g->sh != g->sw || g->dh != 1 || g->dw != 1)
    return NULL;
  if (g->kh == 3)
    return g->sh == 1 ? kern->dw3s1_f32 : g->sh == 2 ? kern->dw3s2_f32 : NULL;
  if (g->kh == 5)
    return g->sh == 1 ? kern->dw5s1_f32 : g->sh == 2 ? kern->dw5s2_f32 : NULL;
  return NULL;
}

/* Any window over a plane with its border, one row of the output at a time. */
static void
depthwise_plane (const DmlKernels *kern, const DmlIm2col *g, float *y,
                 const float *plane, size_t stride, const float *w)
{
  for (size_t i = 0; i < g->oh; i++, y += g->ow) {
    memset (y, 0, g->ow * sizeof *y);
    for (size_t r = 0; r < g->kh; r++)
      for (size_t s = 0; s < g->kw; s++) {
        const float *x = plane + (i * g->sh + r * g->dh) * stride + s * g->dw;
        const float tap = w[r * g->kw + s];

        if (g->sw == 1)
          kern->axpy_f32 (y, tap, x, g->ow);
        else
          for (size_t j = 0; j < g->ow; j++)
            y[j] += tap * x[j * g->sw];
      }
  }
}

/* One output channel of one image. */
static void
depthwise_piece (void *data, size_t i, unsigned worker)
{
  const Forward *f = data;
  const Layer *l = &f->l;
  const DmlKernels *kern = f->exec->kernels;
  const size_t m = i % l->m, image = i / l->m, area = l->g.h * l->g.w;
  const DmlDepthwise direct = depthwise_kernel (kern, &l->g);
  const DmlBordered b =
    dml_window_border (&l->conv->placed, l->g.h, l->g.w, l->g.oh, l->g.ow);
  const float *w = f->w + m * l->k;
  float *plane = dml_exec_worker (f->exec, worker);
  float *y = f->y + i * l->p;

  dml_window_fill (plane, &b, f->x + (image * l->c + m / l->mg) * area, l->g.h,
                   l->g.w, 0);
  if (direct != NULL) {
    const gboolean last = f->end.residual == NULL;

    direct (y, l->g.ow, plane, b.w, l->g.oh, l->g.ow, w,
            f->end.bias && last ? f->end.bias[m] : 0,
            last ? f->end.lo : -INFINITY, last ? f->end.hi : INFINITY);
    if (last)
      return;
  } else {
    depthwise_plane (kern, &l->g, y, plane, b.w, w);
  }
  end_row (kern, &f->end, y, m, i * l->p, l->p);
}

static void
conv_forward (const DmlNode *node, DmlExec *exec)
{
  Forward f = { .l = layer_of (node),
                .node = node,
                .exec = exec,
                .end = end_of (node, exec),
                .x = dml_exec_in (exec, node, 0),
                .w = dml_exec_in (exec, node, 1),
                .y = dml_exec_out (exec, node, 0) };
  const Layer *l = &f.l;

  if (exec->kept != NULL && !l->depthwise && !l->pointwise) {
    const DmlConvSize size = size_of (l);

    dml_conv_train_forward (&size, f.x, f.w, f.y, exec);
    if (f.end.bias != NULL)
      for (size_t i = 0; i < l->n * l->m; i++)
        end_row (exec->kernels, &f.end, f.y + i * l->p, i % l->m, i * l->p,
                 l->p);
  } else if (l->depthwise)
    dml_parallel_for (l->n * l->m, exec->n_threads, depthwise_piece, &f);
  else
    dml_parallel_for (l->n * l->groups * l->n_blocks * l->n_splits,
                      exec->n_threads, forward_piece, &f);
}

static void
conv_sizes (const DmlNode *node, gboolean training, DmlOpSizes *sizes)
{
  const Layer l = layer_of (node);

  if (l.depthwise) {
    const DmlBordered b =
      dml_window_border (&l.conv->placed, l.g.h, l.g.w, l.g.oh, l.g.ow);

    sizes->worker = b.h * b.w * sizeof (float);
  } else if (!l.pointwise) {
    sizes->worker = l.k * l.block * sizeof (float);
  }
  if (training) {
    const DmlConvSize size = size_of (&l);
    const size_t worker = sizes->worker;

    dml_conv_train_sizes (&size, sizes);
    sizes->worker = MAX (sizes->worker, worker);
  }
}

static void
conv_backward (const DmlNode *node, DmlExec *exec)
{
  const Layer l = layer_of (node);
  const DmlConvSize size = size_of (&l);

  dml_conv_train_backward (
    &size, dml_exec_in (exec, node, 0), dml_exec_in (exec, node, 1),
    dml_exec_dout (exec, node, 0), dml_exec_din (exec, node, 0),
    dml_exec_din (exec, node, 1), dml_exec_din (exec, node, 2), exec);
}

const DmlOp dml_op_conv = {
  .onnx_name = "Conv",
  .min_in = 2,
  .max_in = 3,
  .min_out = 1,
  .max_out = 1,
  .config_size = sizeof (DmlConv),
  .configure = conv_configure,
  .infer_shape = conv_infer_shape,
  .sizes = conv_sizes,
  .forward = conv_forward,
  .backward = conv_backward,
  .backward_in = 1,
  .flags = DML_OP_EPILOGUE | DML_OP_RESIDUAL,
  .roles = { 0, DML_VALUE_PARAM, DML_VALUE_PARAM | DML_VALUE_NO_DECAY },
};
