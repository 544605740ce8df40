/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Depthwise convolution: a group a channel; a part of conv.c.
 *
 *   y of channel m = w[m] * x of channel m / (M / C) + b
 *
 * Everything works on one plane with its border laid on, so that no window is
 * tested. Backward spreads dy over the bordered plane's grid, zeros between
 * where the stride is larger than 1; then every tap is one long vector:
 *
 *   dw[r][s] += <spread dy, x from (r dh, s dw) on>
 *   dx from (r dh, s dw) on  +=  w[r][s] spread dy
 */
#include "nn/ops/conv.h"

#include <string.h>

static DmlBordered
border_of (const DmlConvLayer *l)
{
  return dml_window_border (l->window, l->h, l->w, l->oh, l->ow);
}

void
dml_conv_depthwise_sizes (const DmlNode *node, gboolean training,
                          DmlOpSizes *sizes)
{
  const DmlConvLayer l = dml_conv_layer (node);
  const DmlBordered b = border_of (&l);

  /* x; and dx, dy spread, a sum a tap */
  sizes->worker = b.h * b.w * sizeof (float);
  if (training)
    sizes->worker =
      (3 * b.h * b.w + 1) * sizeof (float) + l.taps * sizeof (double);
}

/* The kernel for this window, or NULL. */
static DmlDepthwise
direct_kernel (const DmlKernels *kern, const DmlWindow *win)
{
  const int k = win->kernel[0], s = win->stride[0];

  if (win->kernel[1] != k || win->stride[1] != s || win->dilation[0] != 1 ||
      win->dilation[1] != 1)
    return NULL;
  if (k == 3)
    return s == 1 ? kern->dw3s1_f32 : s == 2 ? kern->dw3s2_f32 : NULL;
  if (k == 5)
    return s == 1 ? kern->dw5s1_f32 : s == 2 ? kern->dw5s2_f32 : NULL;
  return NULL;
}

/* Any window, one row of the output at a time. */
static void
any_window (const DmlKernels *kern, const DmlConvLayer *l, float *y,
            const float *plane, size_t stride, const float *w)
{
  const DmlWindow *win = l->window;
  const size_t kw = win->kernel[1], sh = win->stride[0], sw = win->stride[1];

  for (size_t i = 0; i < l->oh; i++, y += l->ow) {
    memset (y, 0, l->ow * sizeof *y);
    for (size_t t = 0; t < l->taps; t++) {
      const float *x = plane + (i * sh + t / kw * win->dilation[0]) * stride +
                       t % kw * win->dilation[1];

      if (sw == 1)
        kern->axpy_f32 (y, w[t], x, l->ow);
      else
        for (size_t j = 0; j < l->ow; j++)
          y[j] += w[t] * x[j * sw];
    }
  }
}

typedef struct {
  DmlConvLayer l;
  DmlExec *exec;
  DmlConvEnd end;
  const float *x, *w, *dy;
  float *y, *dx, *dw;
} Depthwise;

/* One output channel of one image. */
static void
forward_plane (void *data, size_t i, unsigned worker)
{
  const Depthwise *d = data;
  const DmlConvLayer *l = &d->l;
  const DmlKernels *kern = d->exec->kernels;
  const size_t m = i % l->m, image = i / l->m, p = l->oh * l->ow;
  const DmlDepthwise direct = direct_kernel (kern, l->window);
  const DmlBordered b = border_of (l);
  const float *x = d->x + (image * l->c + m / l->mg) * l->h * l->w;
  const float *w = d->w + m * l->taps;
  float *plane = dml_exec_worker (d->exec, worker), *y = d->y + i * p;

  dml_window_fill (plane, &b, x, l->h, l->w, 0);
  if (direct != NULL && d->end.residual == NULL) {
    direct (y, l->ow, plane, b.w, l->oh, l->ow, w,
            d->end.bias ? d->end.bias[m] : 0, d->end.lo, d->end.hi);
    return;
  }
  any_window (kern, l, y, plane, b.w, w);
  dml_conv_end_row (&d->end, y, y, m, i * p, p);
}

void
dml_conv_depthwise_forward (const DmlNode *node, DmlExec *exec)
{
  Depthwise d = { .l = dml_conv_layer (node),
                  .exec = exec,
                  .end = dml_conv_end (node, exec),
                  .x = dml_exec_in (exec, node, 0),
                  .w = dml_exec_in (exec, node, 1),
                  .y = dml_exec_out (exec, node, 0) };

  dml_parallel_for (d.l.n * d.l.m, exec->n_threads, forward_plane, &d);
}

/* dy on the grid of the bordered x; returns the length up to its last. */
static size_t
spread (const DmlConvLayer *l, const DmlBordered *b, const float *dy,
        float *plane)
{
  const size_t sh = l->window->stride[0], sw = l->window->stride[1];

  memset (plane, 0, b->h * b->w * sizeof *plane);
  for (size_t i = 0; i < l->oh; i++, dy += l->ow)
    if (sw == 1)
      memcpy (plane + i * sh * b->w, dy, l->ow * sizeof *dy);
    else
      for (size_t j = 0; j < l->ow; j++)
        plane[i * sh * b->w + j * sw] = dy[j];
  return (l->oh - 1) * sh * b->w + (l->ow - 1) * sw + 1;
}

/* dx of one plane, from what the bordered one holds. */
static void
crop_add (const DmlKernels *kern, const DmlConvLayer *l, const DmlBordered *b,
          const float *plane, float *dx)
{
  plane += b->top * b->w + b->left;
  for (size_t i = 0; i < l->h; i++, dx += l->w, plane += b->w)
    kern->add_f32 (dx, dx, plane, l->w);
}

/* One input channel: all images in order, all output channels made of it. */
static void
backward_channel (void *data, size_t c, unsigned worker)
{
  const Depthwise *d = data;
  const DmlConvLayer *l = &d->l;
  const DmlKernels *kern = d->exec->kernels;
  const DmlBordered b = border_of (l);
  const size_t area = b.h * b.w, kw = l->window->kernel[1];
  float *x = dml_exec_worker (d->exec, worker);
  float *dx = x + area, *dy = dx + area;
  double *sums = (double *) (void *) (dy + area + (area & 1));

  for (size_t m = c * l->mg; m < (c + 1) * l->mg; m++) {
    memset (sums, 0, l->taps * sizeof *sums);
    for (size_t image = 0; image < l->n; image++) {
      const size_t plane = (image * l->c + c) * l->h * l->w;
      const size_t n =
        spread (l, &b, d->dy + (image * l->m + m) * l->oh * l->ow, dy);

      if (d->dw != NULL)
        dml_window_fill (x, &b, d->x + plane, l->h, l->w, 0);
      if (d->dx != NULL)
        memset (dx, 0, area * sizeof *dx);
      for (size_t t = 0; t < l->taps; t++) {
        const size_t at = t / kw * l->window->dilation[0] * b.w +
                          t % kw * l->window->dilation[1];

        if (d->dw != NULL)
          sums[t] += (double) kern->dot_f32 (dy, x + at, n);
        if (d->dx != NULL)
          kern->axpy_f32 (dx + at, d->w[m * l->taps + t], dy, n);
      }
      if (d->dx != NULL)
        crop_add (kern, l, &b, dx, d->dx + plane);
    }
    for (size_t t = 0; d->dw != NULL && t < l->taps; t++)
      d->dw[m * l->taps + t] += (float) sums[t];
  }
}

void
dml_conv_depthwise_backward (const DmlNode *node, DmlExec *exec)
{
  Depthwise d = { .l = dml_conv_layer (node),
                  .exec = exec,
                  .x = dml_exec_in (exec, node, 0),
                  .w = dml_exec_in (exec, node, 1),
                  .dy = dml_exec_dout (exec, node, 0),
                  .dx = dml_exec_din (exec, node, 0),
                  .dw = dml_exec_din (exec, node, 1) };

  dml_parallel_for (d.l.c, exec->n_threads, backward_channel, &d);
}
