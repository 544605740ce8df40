/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Convolution in two dimensions (ONNX Conv).
 *
 *   x  N x C x H x W;  w  M x C/group x kh x kw;  b  M or left out
 *   y  N x M x OH x OW = w * x + b, then the node's epilogue
 *
 *   as matrices, K = C/group kh kw, P = N OH OW:
 *     cols  K x P, gathered from x (columns.h);      y = w cols + b
 *     dw += dy cols^T;    db += dy 1
 *     dx += w' cols', where cols' are gathered from dy: dx at (y, x) has terms
 *     at (y + top - r dh) / sh for the taps r for which that is whole, and
 *     likewise across; so the pixels of dx fall into sh sw classes, and each is
 *     a convolution of dy with some of the taps
 *
 * Groups of one channel go to conv_depthwise.c. */
#include "nn/ops/conv.h"
#include "nn/product.h"

#include <math.h>
#include <string.h>

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

DmlConvLayer
dml_conv_layer (const DmlNode *node)
{
  const DmlConv *conv = node->config;
  const int64_t *x = dml_node_in_shape (node, 0)->dim;
  const int64_t *y = dml_node_out_shape (node, 0)->dim;
  DmlConvLayer l = { .window = &conv->placed,
                     .n = x[0],
                     .c = x[1],
                     .h = x[2],
                     .w = x[3],
                     .m = y[1],
                     .oh = y[2],
                     .ow = y[3],
                     .groups = conv->group };

  l.cg = l.c / l.groups;
  l.mg = l.m / l.groups;
  l.taps = (size_t) l.window->kernel[0] * (size_t) l.window->kernel[1];
  return l;
}

static gboolean
is_depthwise (const DmlConvLayer *l)
{
  return l->cg == 1 && l->groups > 1;
}

/* Maps of so few pixels that a vector would hardly be filled. By the image, not
 * by the batch: a row's result may not depend on the others. */
static gboolean
is_small (const DmlConvLayer *l)
{
  return l->oh * l->ow <= DML_PRODUCT_SMALL;
}

/* --- forward --- */

/* Columns of x, for forward and for the gradient of the weights. */
static DmlColumns
columns_of_x (const DmlConvLayer *l)
{
  const DmlWindow *win = l->window;

  return (DmlColumns){ .n = l->n,
                       .c = l->cg,
                       .h = l->h,
                       .w = l->w,
                       .image_stride = l->c * l->h * l->w,
                       .gh = l->oh,
                       .gw = l->ow,
                       .sy = win->stride[0],
                       .sx = win->stride[1],
                       .n_ty = win->kernel[0],
                       .n_tx = win->kernel[1],
                       .ty = -(ptrdiff_t) win->pad_begin[0],
                       .tx = -(ptrdiff_t) win->pad_begin[1],
                       .step_ty = win->dilation[0],
                       .step_tx = win->dilation[1] };
}

static DmlProduct
forward_product (const DmlConvLayer *l)
{
  return (DmlProduct){ .g = columns_of_x (l),
                       .m = l->mg,
                       .groups = l->groups,
                       .x_group = l->cg * l->h * l->w };
}

static DmlWeights
forward_weights (const DmlConvLayer *l, const float *w)
{
  return (DmlWeights){ .w = w,
                       .m = l->mg,
                       .ch = l->cg,
                       .groups = l->groups,
                       .n_ty = l->window->kernel[0],
                       .n_tx = l->window->kernel[1],
                       .m_step = l->cg * l->taps,
                       .ch_step = l->taps,
                       .group_step = l->mg * l->cg * l->taps,
                       .tap_step_y = l->window->kernel[1],
                       .tap_step_x = 1 };
}

static gboolean
conv_prepare (DmlNode *node, GError **error)
{
  const DmlConvLayer l = dml_conv_layer (node);
  DmlWeights weights;

  if (is_depthwise (&l) || is_small (&l) || node->in[1]->constant == NULL)
    return TRUE;
  weights = forward_weights (&l, node->in[1]->constant->data);
  node->prepared = dml_tensor_new (
    DML_F32, &DML_SHAPE ((int64_t) dml_product_packed (&weights)), error);
  if (node->prepared == NULL)
    return FALSE;
  dml_mem_advise_huge (node->prepared->data, dml_tensor_bytes (node->prepared));
  dml_product_pack (&weights, node->prepared->data, 0);
  return TRUE;
}

DmlConvEnd
dml_conv_end (const DmlNode *node, const DmlExec *exec)
{
  const DmlEpilogue *e = &node->epilogue;

  return (DmlConvEnd){ .kern = exec->kernels,
                       .bias = dml_exec_in (exec, node, 2),
                       .residual = e->residual
                                     ? dml_exec_in (exec, node, node->n_in - 1)
                                     : NULL,
                       .lo = e->clamp ? e->lo : -INFINITY,
                       .hi = e->clamp ? e->hi : INFINITY };
}

void
dml_conv_end_row (const DmlConvEnd *end, float *y, const float *x, size_t m,
                  size_t at, size_t n)
{
  const float bias = end->bias ? end->bias[m] : 0;

  if (end->residual != NULL)
    end->kern->bias_add_clip_f32 (y, x, bias, end->residual + at, end->lo,
                                  end->hi, n);
  else if (end->bias != NULL || end->lo > -INFINITY || end->hi < INFINITY)
    end->kern->bias_clip_f32 (y, x, bias, end->lo, end->hi, n);
  else if (y != x)
    memcpy (y, x, n * sizeof *y);
}

typedef struct {
  DmlConvEnd end;
  float *y;
  size_t m, p; /* output channels, pixels of a plane */
} Forward;

static void
forward_end (const void *data, size_t m, size_t first, const float *result,
             size_t n)
{
  const Forward *f = data;

  while (n > 0) {
    const size_t image = first / f->p, pixel = first % f->p;
    const size_t part = MIN (f->p - pixel, n);
    const size_t at = (image * f->m + m) * f->p + pixel;

    dml_conv_end_row (&f->end, f->y + at, result, m, at, part);
    result += part;
    first += part;
    n -= part;
  }
}

static void
conv_forward (const DmlNode *node, DmlExec *exec)
{
  const DmlConvLayer l = dml_conv_layer (node);
  DmlProduct product = forward_product (&l);
  Forward f = { .end = dml_conv_end (node, exec),
                .y = dml_exec_out (exec, node, 0),
                .m = l.m,
                .p = l.oh * l.ow };

  if (is_depthwise (&l)) {
    dml_conv_depthwise_forward (node, exec);
    return;
  }
  product.x = dml_exec_in (exec, node, 0);
  product.end = forward_end;
  product.data = &f;
  if (is_small (&l)) {
    product.a = dml_exec_in (exec, node, 1);
    dml_product_small_run (&product, exec);
    return;
  }
  if (node->prepared == NULL) {
    const DmlWeights w = forward_weights (&l, dml_exec_in (exec, node, 1));

    dml_product_pack (&w, dml_exec_shared (exec), exec->n_threads);
  }
  product.a = node->prepared ? node->prepared->data : dml_exec_shared (exec);
  dml_product_plan (&product);
  dml_product_run (&product, exec);
}

/* --- backward to the input --- */

/* The taps along one axis that reach the pixels of one class: first, count and
 * step of the tap, where the first lies in dy, and its step there. */
typedef struct {
  size_t first, n, step;
  ptrdiff_t at, at_step;
} ClassTaps;

static ClassTaps
class_taps (const DmlWindow *win, int axis, size_t class)
{
  const ptrdiff_t s = win->stride[axis], d = win->dilation[axis];
  const size_t k = win->kernel[axis];
  const ptrdiff_t from = (ptrdiff_t) class + win->pad_begin[axis];
  ClassTaps taps = { .step = 1 };

  while ((ptrdiff_t) taps.step * d % s != 0)
    taps.step++;
  while (taps.first < k && (from - (ptrdiff_t) taps.first * d) % s != 0)
    taps.first++;
  taps.n = (k - MIN (k, taps.first) + taps.step - 1) / taps.step;
  taps.at = (from - (ptrdiff_t) taps.first * d) / s;
  taps.at_step = -(ptrdiff_t) taps.step * d / s;
  return taps;
}

/* One class of the pixels of dx; FALSE where nothing reaches it. */
static gboolean
class_product (const DmlConvLayer *l, size_t cy, size_t cx, DmlProduct *product,
               DmlWeights *weights)
{
  const ClassTaps ty = class_taps (l->window, 0, cy);
  const ClassTaps tx = class_taps (l->window, 1, cx);
  const size_t sh = l->window->stride[0], sw = l->window->stride[1];

  if (ty.n == 0 || tx.n == 0 || cy >= l->h || cx >= l->w)
    return FALSE;
  *product = (DmlProduct){ .g = { .n = l->n,
                                  .c = l->mg,
                                  .h = l->oh,
                                  .w = l->ow,
                                  .image_stride = l->m * l->oh * l->ow,
                                  .gh = (l->h - cy + sh - 1) / sh,
                                  .gw = (l->w - cx + sw - 1) / sw,
                                  .sy = 1,
                                  .sx = 1,
                                  .n_ty = ty.n,
                                  .n_tx = tx.n,
                                  .ty = ty.at,
                                  .tx = tx.at,
                                  .step_ty = ty.at_step,
                                  .step_tx = tx.at_step },
                           .m = l->cg,
                           .groups = l->groups,
                           .x_group = l->mg * l->oh * l->ow };
  *weights =
    (DmlWeights){ .m = l->cg,
                  .ch = l->mg,
                  .groups = l->groups,
                  .n_ty = ty.n,
                  .n_tx = tx.n,
                  .m_step = l->taps,
                  .ch_step = l->cg * l->taps,
                  .group_step = l->mg * l->cg * l->taps,
                  .tap =
                    (ptrdiff_t) (ty.first * l->window->kernel[1] + tx.first),
                  .tap_step_y = (ptrdiff_t) (ty.step * l->window->kernel[1]),
                  .tap_step_x = (ptrdiff_t) tx.step };
  return TRUE;
}

typedef struct {
  const DmlKernels *kern;
  float *dx;
  size_t c, h, w;        /* of dx */
  size_t cy, cx, sh, sw; /* the class: rows cy + i sh, columns cx + j sw */
  size_t gh, gw;
} BackwardX;

static void
backward_x_end (const void *data, size_t c, size_t first, const float *result,
                size_t n)
{
  const BackwardX *b = data;

  while (n > 0) {
    const size_t image = first / (b->gh * b->gw), row = first / b->gw % b->gh;
    const size_t col = first % b->gw;
    float *plane = b->dx + (image * b->c + c) * b->h * b->w;
    size_t part = MIN (b->gw - col, n);

    if (b->sh == 1 && b->sw == 1) { /* rows follow each other: to the plane's
                                       end */
      float *dx = plane + row * b->w + col;

      part = MIN (b->h * b->w - (row * b->w + col), n);
      b->kern->add_f32 (dx, dx, result, part);
    } else {
      float *dx = plane + (b->cy + row * b->sh) * b->w + b->cx + col * b->sw;

      for (size_t j = 0; j < part; j++)
        dx[j * b->sw] += result[j];
    }
    result += part;
    first += part;
    n -= part;
  }
}

static void
backward_x (const DmlNode *node, DmlExec *exec, const DmlConvLayer *l)
{
  BackwardX b = { .kern = exec->kernels,
                  .dx = dml_exec_din (exec, node, 0),
                  .c = l->c,
                  .h = l->h,
                  .w = l->w,
                  .sh = l->window->stride[0],
                  .sw = l->window->stride[1] };
  DmlProduct product;
  DmlWeights weights;

  for (b.cy = 0; b.cy < b.sh; b.cy++)
    for (b.cx = 0; b.cx < b.sw; b.cx++) {
      if (!class_product (l, b.cy, b.cx, &product, &weights))
        continue;
      b.gh = product.g.gh;
      b.gw = product.g.gw;
      weights.w = dml_exec_in (exec, node, 1);
      dml_product_pack (&weights, dml_exec_shared (exec), exec->n_threads);
      product.a = dml_exec_shared (exec);
      product.x = dml_exec_dout (exec, node, 0);
      product.end = backward_x_end;
      product.data = &b;
      dml_product_plan (&product);
      dml_product_run (&product, exec);
    }
}

/* --- backward to weights and bias --- */

static DmlProductGrad
weights_product (const DmlConvLayer *l)
{
  return (DmlProductGrad){ .g = columns_of_x (l),
                           .m = l->mg,
                           .groups = l->groups,
                           .x_group = l->cg * l->h * l->w,
                           .dy_image = l->m * l->oh * l->ow };
}

static void
backward_bias (const DmlConvLayer *l, const DmlExec *exec, const float *dy,
               float *db)
{
  const size_t p = l->oh * l->ow;

  for (size_t m = 0; m < l->m; m++)
    for (size_t i = 0; i < l->n; i++)
      db[m] += exec->kernels->sum_f32 (dy + (i * l->m + m) * p, p);
}

static void
conv_backward (const DmlNode *node, DmlExec *exec)
{
  const DmlConvLayer l = dml_conv_layer (node);
  float *dw = dml_exec_din (exec, node, 1), *db = dml_exec_din (exec, node, 2);
  const float *dy = dml_exec_dout (exec, node, 0);

  if (db != NULL)
    backward_bias (&l, exec, dy, db);
  if (is_depthwise (&l)) {
    dml_conv_depthwise_backward (node, exec);
    return;
  }
  if (dw != NULL) {
    DmlProductGrad grad = weights_product (&l);

    grad.x = dml_exec_in (exec, node, 0);
    grad.dy = dy;
    grad.dw = dw;
    dml_product_grad_plan (&grad);
    dml_product_grad_run (&grad, exec);
  }
  if (dml_exec_din (exec, node, 0) != NULL)
    backward_x (node, exec, &l);
}

static void
conv_sizes (const DmlNode *node, gboolean training, DmlOpSizes *sizes)
{
  const DmlConvLayer l = dml_conv_layer (node);
  DmlProduct product = forward_product (&l);
  DmlProductGrad grad = weights_product (&l);
  DmlWeights weights = forward_weights (&l, NULL);

  if (is_depthwise (&l)) {
    dml_conv_depthwise_sizes (node, training, sizes);
    return;
  }
  if (is_small (&l)) {
    sizes->worker = dml_product_small_plan (&product, &sizes->shared);
  } else {
    sizes->worker = dml_product_plan (&product);
    if (node->prepared == NULL)
      sizes->shared = dml_product_packed (&weights) * sizeof (float);
  }
  if (!training)
    return;
  sizes->worker = MAX (sizes->worker, dml_product_grad_plan (&grad));
  for (size_t cy = 0; cy < (size_t) l.window->stride[0]; cy++)
    for (size_t cx = 0; cx < (size_t) l.window->stride[1]; cx++)
      if (class_product (&l, cy, cx, &product, &weights)) {
        const size_t packed = dml_product_packed (&weights) * sizeof (float);
        const size_t worker = dml_product_plan (&product);

        sizes->shared = MAX (sizes->shared, packed);
        sizes->worker = MAX (sizes->worker, worker);
      }
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
  .prepare = conv_prepare,
  .sizes = conv_sizes,
  .forward = conv_forward,
  .backward = conv_backward,
  .backward_in = 1,
  .flags = DML_OP_EPILOGUE | DML_OP_RESIDUAL,
  .roles = { 0, DML_VALUE_PARAM, DML_VALUE_PARAM | DML_VALUE_NO_DECAY },
};
