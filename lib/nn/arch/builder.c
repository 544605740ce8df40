/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Layers: nodes with their parameters, initialised. */
#include "nn/arch/builder.h"

#include <math.h>

/* g_strdup_vprintf of the name's format and arguments. */
#define NAME_OF(name, format)                                                  \
  do {                                                                         \
    va_list args_;                                                             \
    va_start (args_, format);                                                  \
    name = g_strdup_vprintf (format, args_);                                   \
    va_end (args_);                                                            \
  } while (0)

static DmlValue *
build_constant (DmlBuilder *b, const char *layer, const char *what,
                const DmlShape *shape, unsigned flags, float fill,
                double deviation)
{
  g_autofree char *name = g_strdup_printf ("%s.%s", layer, what);
  g_autoptr (DmlTensor) t = NULL;
  float *data;

  if (b->error != NULL)
    return NULL;
  t = dml_tensor_new (DML_F32, shape, &b->error);
  if (t == NULL)
    return NULL;
  data = t->data;
  for (size_t i = 0; i < t->n; i++)
    data[i] =
      deviation > 0 ? (float) (deviation * dml_rng_normal (b->rng)) : fill;
  return dml_graph_add_constant (b->graph, name, t, flags, &b->error);
}

static DmlNode *
build_node (DmlBuilder *b, const char *domain, const char *op, const char *name,
            DmlValue *const *in, unsigned n_in)
{
  g_autofree char *out_name = g_strdup_printf ("%s.out", name);
  DmlValue *out;

  for (unsigned i = 0; i < n_in; i++)
    if (in[i] == NULL)
      return NULL; /* b->error is set */
  if (b->error != NULL)
    return NULL;
  out = dml_graph_value (b->graph, out_name, &b->error);
  if (out == NULL)
    return NULL;
  return dml_graph_add_node (b->graph, domain, op, name, in, n_in, &out, 1,
                             &b->error);
}

static DmlValue *
build_out (DmlNode *node)
{
  return node ? node->out[0] : NULL;
}

/* He et al. 2015, arXiv:1502.01852, equation 14: by fan-out, so that gradients
 * keep their size on the way back. */
static DmlValue *
conv_layer (DmlBuilder *b, DmlValue *x, int c, int m, int k, int stride,
            int group, const char *name)
{
  const double fan_out = (double) k * k * m / group;
  DmlValue *in[2] = { x, build_constant (
                           b, name, "weight", &DML_SHAPE (m, c / group, k, k),
                           DML_VALUE_PARAM, 0, sqrt (2 / fan_out)) };
  DmlNode *node = build_node (b, NULL, "Conv", name, in, 2);

  if (node == NULL)
    return NULL;
  dml_attrs_set_ints (node->attrs, "kernel_shape", (int64_t[]){ k, k }, 2);
  dml_attrs_set_ints (node->attrs, "strides", (int64_t[]){ stride, stride }, 2);
  dml_attrs_set_ints (node->attrs, "pads",
                      (int64_t[]){ k / 2, k / 2, k / 2, k / 2 }, 4);
  dml_attrs_set_int (node->attrs, "group", group);
  return build_out (node);
}

DmlValue *
dml_build_conv (DmlBuilder *b, DmlValue *x, int c, int m, int k, int stride,
                int group, const char *format, ...)
{
  g_autofree char *name = NULL;

  NAME_OF (name, format);
  return conv_layer (b, x, c, m, k, stride, group, name);
}

static DmlValue *
batchnorm_layer (DmlBuilder *b, DmlValue *x, int c, float scale,
                 const char *name)
{
  const unsigned param = DML_VALUE_PARAM | DML_VALUE_NO_DECAY;
  const DmlShape shape = DML_SHAPE (c);
  DmlValue *in[5];

  in[0] = x;
  in[1] = build_constant (b, name, "weight", &shape, param, scale, 0);
  in[2] = build_constant (b, name, "bias", &shape, param, 0, 0);
  in[3] =
    build_constant (b, name, "running_mean", &shape, DML_VALUE_STATISTIC, 0, 0);
  in[4] =
    build_constant (b, name, "running_var", &shape, DML_VALUE_STATISTIC, 1, 0);
  return build_out (build_node (b, NULL, "BatchNormalization", name, in, 5));
}

DmlValue *
dml_build_batchnorm (DmlBuilder *b, DmlValue *x, int c, float scale,
                     const char *format, ...)
{
  g_autofree char *name = NULL;

  NAME_OF (name, format);
  return batchnorm_layer (b, x, c, scale, name);
}

DmlValue *
dml_build_conv_relu (DmlBuilder *b, DmlValue *x, int c, int m, int k,
                     int stride, const char *format, ...)
{
  g_autofree char *name = NULL;
  g_autofree char *conv = NULL;
  g_autofree char *bn = NULL;

  NAME_OF (name, format);
  conv = g_strconcat (name, ".conv", NULL);
  bn = g_strconcat (name, ".bn", NULL);
  x = conv_layer (b, x, c, m, k, stride, 1, conv);
  x = batchnorm_layer (b, x, m, 1, bn);
  return dml_build_simple (b, "Relu", x, "%s.relu", name);
}

DmlValue *
dml_build_linear (DmlBuilder *b, DmlValue *x, int c, int m, const char *format,
                  ...)
{
  g_autofree char *name = NULL;
  DmlValue *in[3];
  DmlNode *node;

  NAME_OF (name, format);
  in[0] = x;
  in[1] = build_constant (b, name, "weight", &DML_SHAPE (m, c), DML_VALUE_PARAM,
                          0, 1 / sqrt (c));
  in[2] = build_constant (b, name, "bias", &DML_SHAPE (m),
                          DML_VALUE_PARAM | DML_VALUE_NO_DECAY, 0, 0);
  node = build_node (b, NULL, "Gemm", name, in, 3);
  if (node != NULL)
    dml_attrs_set_int (node->attrs, "transB", 1);
  return build_out (node);
}

DmlValue *
dml_build_simple (DmlBuilder *b, const char *op, DmlValue *x,
                  const char *format, ...)
{
  g_autofree char *name = NULL;

  NAME_OF (name, format);
  return build_out (build_node (b, NULL, op, name, &x, 1));
}

/* Opset 11 and later: bounds are inputs. All ReLU6 share two constants. */
static DmlValue *
build_bound (DmlBuilder *b, const char *what, float bound)
{
  g_autofree char *name = g_strconcat ("relu6.", what, NULL);
  DmlValue *value = dml_graph_find (b->graph, name);

  return value
           ? value
           : build_constant (b, "relu6", what, &DML_SHAPE_SCALAR, 0, bound, 0);
}

DmlValue *
dml_build_relu6 (DmlBuilder *b, DmlValue *x, const char *format, ...)
{
  g_autofree char *name = NULL;
  DmlValue *in[3];

  NAME_OF (name, format);
  in[0] = x;
  in[1] = build_bound (b, "min", 0);
  in[2] = build_bound (b, "max", 6);
  return build_out (build_node (b, NULL, "Clip", name, in, 3));
}

DmlValue *
dml_build_add (DmlBuilder *b, DmlValue *x, DmlValue *y, const char *format, ...)
{
  g_autofree char *name = NULL;
  DmlValue *in[2] = { x, y };

  NAME_OF (name, format);
  return build_out (build_node (b, NULL, "Add", name, in, 2));
}

DmlValue *
dml_build_maxpool (DmlBuilder *b, DmlValue *x, int k, int stride, int pad,
                   const char *format, ...)
{
  g_autofree char *name = NULL;
  DmlNode *node;

  NAME_OF (name, format);
  node = build_node (b, NULL, "MaxPool", name, &x, 1);
  if (node == NULL)
    return NULL;
  dml_attrs_set_ints (node->attrs, "kernel_shape", (int64_t[]){ k, k }, 2);
  dml_attrs_set_ints (node->attrs, "strides", (int64_t[]){ stride, stride }, 2);
  dml_attrs_set_ints (node->attrs, "pads", (int64_t[]){ pad, pad, pad, pad },
                      4);
  return build_out (node);
}

DmlValue *
dml_build_gem_pool (DmlBuilder *b, DmlValue *x, const char *format, ...)
{
  g_autofree char *name = NULL;
  DmlValue *in[2];

  NAME_OF (name, format);
  in[0] = x;
  in[1] = build_constant (b, name, "p", &DML_SHAPE (1),
                          DML_VALUE_PARAM | DML_VALUE_NO_DECAY, 3, 0);
  return build_out (build_node (b, "dml", "GeMPool", name, in, 2));
}

DmlValue *
dml_build_dropout (DmlBuilder *b, DmlValue *x, float ratio, const char *format,
                   ...)
{
  g_autofree char *name = NULL;
  DmlValue *in[2];

  NAME_OF (name, format);
  in[0] = x;
  in[1] = build_constant (b, name, "ratio", &DML_SHAPE_SCALAR, 0, ratio, 0);
  return build_out (build_node (b, NULL, "Dropout", name, in, 2));
}

void
dml_build_freeze_bias (DmlBuilder *b, const char *batchnorm)
{
  g_autofree char *name = g_strconcat (batchnorm, ".bias", NULL);
  DmlValue *value = dml_graph_find (b->graph, name);

  if (value != NULL)
    value->flags |= DML_VALUE_FROZEN;
}

int
dml_build_channels (double factor, int channels)
{
  return MAX (8, (int) lround (factor * channels / 8) * 8);
}

DmlStem
dml_build_stem (const DmlArchOptions *options)
{
  const int side = MIN (options->height, options->width);

  if (options->stem != DML_STEM_AUTO)
    return options->stem;
  return side < 40    ? DML_STEM_FINE
         : side < 112 ? DML_STEM_SMALL
                      : DML_STEM_LARGE;
}
