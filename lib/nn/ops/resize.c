/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Resize and Upsample: other sizes by nearest neighbour or linear interpolation
 * (ONNX Resize, Upsample). Scales or sizes must be known.
 *
 *   Every dimension maps an output index to a place in the input by the
 *   coordinate transformation; linear blends the two neighbours of each resized
 *   dimension (clamped to the edge), nearest picks one.
 *
 * Not here: cubic, tf_crop_and_resize, antialias, keep_aspect_ratio_policy. */
#include "nn/op.h"
#include "nn/ops/strided.h"

#include <math.h>
#include <string.h>

typedef enum {
  RESIZE_HALF_PIXEL,
  RESIZE_PYTORCH_HALF_PIXEL,
  RESIZE_ALIGN_CORNERS,
  RESIZE_ASYMMETRIC,
  RESIZE_TF_HALF_PIXEL_FOR_NN,
  RESIZE_HALF_PIXEL_SYMMETRIC,
} ResizeTransform;

typedef enum {
  RESIZE_ROUND_PREFER_FLOOR,
  RESIZE_ROUND_PREFER_CEIL,
  RESIZE_FLOOR,
  RESIZE_CEIL,
} ResizeNearest;

typedef struct {
  gboolean linear;
  ResizeTransform transform;
  ResizeNearest nearest;
  double scale[DML_MAX_RANK]; /* output over input; by infer_shape */
} ResizeConfig;

static const char *const RESIZE_TRANSFORMS[] = {
  "half_pixel", "pytorch_half_pixel",   "align_corners",
  "asymmetric", "tf_half_pixel_for_nn", "half_pixel_symmetric",
};
static const char *const RESIZE_NEAREST[] = { "round_prefer_floor",
                                              "round_prefer_ceil", "floor",
                                              "ceil" };

static gboolean
resize_choice (const DmlNode *node, const char *name, const char *fallback,
               const char *const *choices, size_t n, unsigned *choice,
               GError **error)
{
  const char *value;

  if (!dml_node_get_string (node, name, fallback, &value, error))
    return FALSE;
  for (size_t i = 0; i < n; i++)
    if (strcmp (value, choices[i]) == 0) {
      *choice = (unsigned) i;
      return TRUE;
    }
  return dml_node_fail (node, error, UNSUPPORTED, "%s is %.32s", name, value);
}

static gboolean
resize_configure (DmlNode *node, GError **error)
{
  ResizeConfig *config = node->config;
  /* Before opset 11 there is one rule, and nearest is cut. */
  const gboolean old = node->graph->opset < 11;
  unsigned transform, nearest;
  const char *mode, *policy;
  int64_t antialias;

  if (!dml_node_get_string (node, "mode", "nearest", &mode, error) ||
      !resize_choice (node, "coordinate_transformation_mode",
                      old ? "asymmetric" : "half_pixel", RESIZE_TRANSFORMS,
                      G_N_ELEMENTS (RESIZE_TRANSFORMS), &transform, error) ||
      !resize_choice (node, "nearest_mode",
                      old ? "floor" : "round_prefer_floor", RESIZE_NEAREST,
                      G_N_ELEMENTS (RESIZE_NEAREST), &nearest, error) ||
      !dml_node_get_string (node, "keep_aspect_ratio_policy", "stretch",
                            &policy, error) ||
      !dml_node_get_int (node, "antialias", 0, &antialias, error))
    return FALSE;
  config->transform = (ResizeTransform) transform;
  config->nearest = (ResizeNearest) nearest;
  config->linear = strcmp (mode, "linear") == 0;
  if (!config->linear && strcmp (mode, "nearest") != 0)
    return dml_node_fail (node, error, UNSUPPORTED,
                          "mode %.32s; nearest and linear are known", mode);
  if (antialias != 0 || strcmp (policy, "stretch") != 0)
    return dml_node_fail (node, error, UNSUPPORTED,
                          "antialias and keep_aspect_ratio_policy are not "
                          "known");
  return TRUE;
}

/* Scales of all dimensions: attribute (Upsample 7), input 1 (Upsample 9, Resize
 * 10) or input 2. *n = 0 where sizes are given instead. */
static gboolean
resize_scales (const DmlNode *node, float *scales, size_t *n, GError **error)
{
  const unsigned i =
    strcmp (node->op_name, "Upsample") == 0 || node->graph->opset < 11 ? 1 : 2;
  const DmlTensor *t;

  *n = 0;
  if (!dml_node_has_in (node, i))
    return TRUE;
  t = node->in[i]->known;
  if (t == NULL || t->dtype != DML_F32 || t->n > DML_MAX_RANK)
    return dml_node_fail (node, error, UNSUPPORTED,
                          "scales must be known float32, one a dimension");
  memcpy (scales, t->data, t->n * sizeof *scales);
  *n = t->n;
  return TRUE;
}

static gboolean
resize_axes (const DmlNode *node, int *axes, size_t *n_axes, GError **error)
{
  const int rank = dml_node_in_shape (node, 0)->rank;
  int64_t raw[DML_MAX_RANK];

  if (!dml_node_get_ints (node, "axes", DML_MAX_RANK, raw, n_axes, error))
    return FALSE;
  for (size_t i = 0; i < *n_axes; i++)
    if (!dml_node_axis (node, raw[i], rank, &axes[i], error))
      return FALSE;
  if (*n_axes == 0)
    for (; *n_axes < (size_t) rank; (*n_axes)++)
      axes[*n_axes] = (int) *n_axes;
  return TRUE;
}

static gboolean
resize_infer_shape (DmlNode *node, GError **error)
{
  ResizeConfig *config = node->config;
  const DmlShape *x = dml_node_in_shape (node, 0);
  DmlShape y = *x;
  float scales[DML_MAX_RANK];
  int64_t sizes[DML_MAX_RANK];
  int axes[DML_MAX_RANK];
  size_t n_axes, n_scales, n_sizes;

  if (!dml_node_want_f32 (node, 0, -1, error) ||
      !resize_axes (node, axes, &n_axes, error) ||
      !resize_scales (node, scales, &n_scales, error) ||
      !dml_node_known_ints (node, 3, DML_MAX_RANK, sizes, &n_sizes, error))
    return FALSE;
  if (n_scales + n_sizes != n_axes)
    return dml_node_fail (node, error, FORMAT,
                          "%zu scales and %zu sizes for %zu dimensions",
                          n_scales, n_sizes, n_axes);
  for (int i = 0; i < x->rank; i++)
    config->scale[i] = 1;
  for (size_t i = 0; i < n_axes; i++) {
    const double from = (double) x->dim[axes[i]];
    const double to =
      n_sizes ? (double) sizes[i] : floor (from * (double) scales[i]);

    if (!(to >= 1 && to <= (double) DML_VALUE_MAX_BYTES))
      return dml_node_fail (node, error, FORMAT, "dimension %d would be %g",
                            axes[i], to);
    y.dim[axes[i]] = (int64_t) to;
    config->scale[axes[i]] = n_sizes ? to / from : (double) scales[i];
  }
  return dml_node_set_out (node, 0, DML_F32, &y, error);
}

/* The place in the input that output index i of a dimension stands for. */
static double
resize_place (const ResizeConfig *config, int64_t i, double scale, int64_t in,
              int64_t out)
{
  const double at = (double) i;

  switch (config->transform) {
  case RESIZE_ALIGN_CORNERS:
    return out == 1 ? 0 : at * (double) (in - 1) / (double) (out - 1);
  case RESIZE_ASYMMETRIC:
    return at / scale;
  case RESIZE_TF_HALF_PIXEL_FOR_NN:
    return (at + 0.5) / scale;
  case RESIZE_PYTORCH_HALF_PIXEL:
    return out > 1 ? (at + 0.5) / scale - 0.5 : 0;
  case RESIZE_HALF_PIXEL_SYMMETRIC: {
    const double adjust = (double) out / (scale * (double) in);

    return (double) in / 2 * (1 - adjust) + (at + 0.5) / scale - 0.5;
  }
  default:
    return (at + 0.5) / scale - 0.5;
  }
}

static int64_t
resize_nearest (ResizeNearest rule, double at)
{
  switch (rule) {
  case RESIZE_FLOOR:
    return (int64_t) floor (at);
  case RESIZE_CEIL:
    return (int64_t) ceil (at);
  case RESIZE_ROUND_PREFER_CEIL:
    return (int64_t) floor (at + 0.5);
  default:
    return (int64_t) ceil (at - 0.5);
  }
}

/* The two neighbours of one dimension and the second one's weight. */
typedef struct {
  int64_t a, b; /* offsets in elements */
  float w;
} ResizeTap;

static ResizeTap
resize_tap (const ResizeConfig *config, int64_t i, double scale, int64_t in,
            int64_t out, int64_t stride)
{
  double at;
  ResizeTap tap = { 0 };

  if (in == out && scale == 1) {
    tap.a = tap.b = i * stride;
    return tap;
  }
  at = resize_place (config, i, scale, in, out);
  if (!config->linear) {
    tap.a = CLAMP (resize_nearest (config->nearest, at), 0, in - 1) * stride;
    tap.b = tap.a;
    return tap;
  }
  at = CLAMP (at, 0.0, (double) (in - 1));
  tap.w = (float) (at - floor (at));
  tap.a = (int64_t) at * stride;
  tap.b = MIN ((int64_t) at + 1, in - 1) * stride;
  return tap;
}

/* Blends along dimension d and those behind it, from element `at` on. */
static float
resize_blend (const float *x, const ResizeTap *taps, int rank, int d,
              int64_t at)
{
  float a;

  for (; d < rank && taps[d].w == 0; d++)
    at += taps[d].a;
  if (d == rank)
    return x[at];
  a = resize_blend (x, taps, rank, d + 1, at + taps[d].a);
  return a +
         taps[d].w * (resize_blend (x, taps, rank, d + 1, at + taps[d].b) - a);
}

static void
resize_forward (const DmlNode *node, DmlExec *exec)
{
  const ResizeConfig *config = node->config;
  const DmlShape *xs = dml_node_in_shape (node, 0);
  const DmlShape *ys = dml_node_out_shape (node, 0);
  const float *x = dml_exec_in (exec, node, 0);
  float *y = dml_exec_out (exec, node, 0);
  const size_t n = dml_shape_span (ys, 0, ys->rank);
  int64_t stride[DML_MAX_RANK], at[DML_MAX_RANK] = { 0 };
  ResizeTap taps[DML_MAX_RANK];

  dml_strided_of (xs, stride);
  for (int d = 0; d < ys->rank; d++)
    taps[d] = resize_tap (config, 0, config->scale[d], xs->dim[d], ys->dim[d],
                          stride[d]);
  for (size_t i = 0; i < n; i++) {
    y[i] = resize_blend (x, taps, ys->rank, 0, 0);
    for (int d = ys->rank; d-- > 0;) {
      const gboolean wraps = ++at[d] == ys->dim[d];

      if (wraps)
        at[d] = 0;
      taps[d] = resize_tap (config, at[d], config->scale[d], xs->dim[d],
                            ys->dim[d], stride[d]);
      if (!wraps)
        break;
    }
  }
}

#define RESIZE_OP(symbol, name)                                                \
  const DmlOp dml_op_##symbol = {                                              \
    .onnx_name = name,                                                         \
    .min_in = 1,                                                               \
    .max_in = 4,                                                               \
    .min_out = 1,                                                              \
    .max_out = 1,                                                              \
    .config_size = sizeof (ResizeConfig),                                      \
    .configure = resize_configure,                                             \
    .infer_shape = resize_infer_shape,                                         \
    .forward = resize_forward,                                                 \
  }

RESIZE_OP (resize, "Resize");
RESIZE_OP (upsample, "Upsample");
