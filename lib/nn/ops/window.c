/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Sliding windows: attributes, sizes, borders. */
#include "nn/ops/window.h"

#include <string.h>

#define MAX_EXTENT 16384 /* of each attribute, so that sums fit in an int */

static gboolean
window_pair (const DmlNode *node, const char *name, int fallback, int lowest,
             int *pair, GError **error)
{
  int64_t ints[2];
  size_t n;

  if (!dml_node_get_ints (node, name, 2, ints, &n, error))
    return FALSE;
  if (n == 1)
    return dml_node_fail (node, error, UNSUPPORTED,
                          "%s has one dimension, only two are supported", name);
  for (size_t i = 0; i < 2; i++) {
    if (n == 2 && (ints[i] < lowest || ints[i] > MAX_EXTENT))
      return dml_node_fail (node, error, FORMAT,
                            "%s is %" G_GINT64_FORMAT ", expected %d to %d",
                            name, ints[i], lowest, MAX_EXTENT);
    pair[i] = n == 2 ? (int) ints[i] : fallback;
  }
  return TRUE;
}

static gboolean
window_pads (const DmlNode *node, DmlWindow *window, GError **error)
{
  int64_t pads[4];
  size_t n;

  if (!dml_node_get_ints (node, "pads", 4, pads, &n, error))
    return FALSE;
  if (n != 0 && n != 4)
    return dml_node_fail (node, error, UNSUPPORTED,
                          "pads has %zu numbers, expected 4", n);
  for (size_t i = 0; i < n; i++)
    if (pads[i] < 0 || pads[i] > MAX_EXTENT)
      return dml_node_fail (node, error, UNSUPPORTED,
                            "a pad is %" G_GINT64_FORMAT ", expected 0 to %d",
                            pads[i], MAX_EXTENT);
  for (size_t i = 0; n == 4 && i < 2; i++) {
    window->pad_begin[i] = (int) pads[i];
    window->pad_end[i] = (int) pads[i + 2];
  }
  return TRUE;
}

gboolean
dml_window_configure (const DmlNode *node, DmlWindow *window, GError **error)
{
  static const char *const names[] = { "NOTSET", "SAME_UPPER", "SAME_LOWER",
                                       "VALID" };
  const char *auto_pad;
  int64_t ceil_mode;
  unsigned a = 0;

  if (!window_pair (node, "kernel_shape", 0, 1, window->kernel, error) ||
      !window_pair (node, "strides", 1, 1, window->stride, error) ||
      !window_pair (node, "dilations", 1, 1, window->dilation, error) ||
      !window_pads (node, window, error) ||
      !dml_node_get_string (node, "auto_pad", "NOTSET", &auto_pad, error) ||
      !dml_node_get_int (node, "ceil_mode", 0, &ceil_mode, error))
    return FALSE;
  while (a < G_N_ELEMENTS (names) && strcmp (auto_pad, names[a]) != 0)
    a++;
  if (a == G_N_ELEMENTS (names))
    return dml_node_fail (node, error, FORMAT, "auto_pad is \"%.32s\"",
                          auto_pad);
  window->auto_pad = a;
  window->ceil_mode = ceil_mode != 0;
  return TRUE;
}

gboolean
dml_window_place (const DmlNode *node, const DmlWindow *window, int64_t h,
                  int64_t w, DmlWindow *placed, int64_t *out_h, int64_t *out_w,
                  GError **error)
{
  const int64_t in[2] = { h, w };
  int64_t out[2];

  *placed = *window;
  for (int i = 0; i < 2; i++) {
    const int64_t span =
      (int64_t) (window->kernel[i] - 1) * window->dilation[i] + 1;
    const int64_t s = window->stride[i];
    int64_t room;

    if (window->auto_pad == DML_PAD_VALID) {
      placed->pad_begin[i] = placed->pad_end[i] = 0;
    } else if (window->auto_pad != DML_PAD_NOTSET) {
      const int64_t total =
        MAX (0, ((in[i] + s - 1) / s - 1) * s + span - in[i]);
      const gboolean lower = window->auto_pad == DML_PAD_SAME_LOWER;

      placed->pad_begin[i] = (int) ((total + lower) / 2);
      placed->pad_end[i] = (int) (total - placed->pad_begin[i]);
    }
    room = in[i] + placed->pad_begin[i] + placed->pad_end[i] - span;
    if (room < 0)
      return dml_node_fail (node, error, FORMAT,
                            "a window of %" G_GINT64_FORMAT
                            " does not fit an input of %" G_GINT64_FORMAT,
                            span, in[i]);
    out[i] = room / s + 1;
    /* A further window counts only where it starts on the picture or in the
     * padding before it, as in PyTorch and in ONNX since opset 19. */
    if (window->ceil_mode && room % s != 0 &&
        out[i] * s < in[i] + placed->pad_begin[i])
      out[i]++;
  }
  *out_h = out[0];
  *out_w = out[1];
  return TRUE;
}

DmlBordered
dml_window_border (const DmlWindow *placed, size_t h, size_t w, size_t oh,
                   size_t ow)
{
  const int *k = placed->kernel, *s = placed->stride, *d = placed->dilation;
  DmlBordered b = { .top = placed->pad_begin[0], .left = placed->pad_begin[1] };

  b.h = MAX (h + b.top, (oh - 1) * s[0] + (size_t) (k[0] - 1) * d[0] + 1);
  b.w = MAX (w + b.left, (ow - 1) * s[1] + (size_t) (k[1] - 1) * d[1] + 1);
  return b;
}

void
dml_window_fill (float *plane, const DmlBordered *b, const float *x, size_t h,
                 size_t w, float fill)
{
  for (size_t i = 0; i < b->h; i++, plane += b->w) {
    const gboolean inside = i >= b->top && i < b->top + h;

    if (!inside) {
      for (size_t j = 0; j < b->w; j++)
        plane[j] = fill;
      continue;
    }
    for (size_t j = 0; j < b->left; j++)
      plane[j] = fill;
    memcpy (plane + b->left, x + (i - b->top) * w, w * sizeof (float));
    for (size_t j = b->left + w; j < b->w; j++)
      plane[j] = fill;
  }
}
