/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Layers for the architectures. Once anything has failed every call returns
 * NULL and passes NULL on, so that only dml_arch_build looks at the error.
 *
 * The name of a layer is a printf format with its arguments, last; parameters
 * are called <name>.weight and so on, the result <name>.out. */
#pragma once

#include "nn/arch/arch.h"

struct _DmlBuilder {
  DmlGraph *graph;
  DmlRng *rng;
  GError *error; /* the first that occurred */
};

/* k x k, padded by k / 2, no bias: a batch norm follows. c, m: channels in and
 * out. */
DmlValue *dml_build_conv (DmlBuilder *b, DmlValue *x, int c, int m, int k,
                          int stride, int group, const char *name, ...)
  G_GNUC_PRINTF (8, 9);

/* `scale` is what the scale begins with: 1, or 0 at the end of a residual. */
DmlValue *dml_build_batchnorm (DmlBuilder *b, DmlValue *x, int c, float scale,
                               const char *name, ...) G_GNUC_PRINTF (5, 6);

/* conv, batchnorm (scale 1) and Relu; parameters <name>.conv.weight and
 * <name>.bn.weight ... */
DmlValue *dml_build_conv_relu (DmlBuilder *b, DmlValue *x, int c, int m, int k,
                               int stride, const char *name, ...)
  G_GNUC_PRINTF (7, 8);

DmlValue *dml_build_linear (DmlBuilder *b, DmlValue *x, int c, int m,
                            const char *name, ...) G_GNUC_PRINTF (5, 6);

/* Of one input and no attribute: Relu, Flatten, GlobalAveragePool ... */
DmlValue *dml_build_simple (DmlBuilder *b, const char *op, DmlValue *x,
                            const char *name, ...) G_GNUC_PRINTF (4, 5);
DmlValue *dml_build_relu6 (DmlBuilder *b, DmlValue *x, const char *name, ...)
  G_GNUC_PRINTF (3, 4);
DmlValue *dml_build_add (DmlBuilder *b, DmlValue *x, DmlValue *y,
                         const char *name, ...) G_GNUC_PRINTF (4, 5);
DmlValue *dml_build_maxpool (DmlBuilder *b, DmlValue *x, int k, int stride,
                             int pad, const char *name, ...)
  G_GNUC_PRINTF (6, 7);
DmlValue *dml_build_gem_pool (DmlBuilder *b, DmlValue *x, const char *name, ...)
  G_GNUC_PRINTF (3, 4);
DmlValue *dml_build_dropout (DmlBuilder *b, DmlValue *x, float ratio,
                             const char *name, ...) G_GNUC_PRINTF (4, 5);

/* The bias of a batch norm stays 0: BNNeck. */
void dml_build_freeze_bias (DmlBuilder *b, const char *batchnorm);

/* factor x channels to the nearest multiple of 8, at least 8. */
int dml_build_channels (double factor, int channels);

/* What AUTO means for these options. */
DmlStem dml_build_stem (const DmlArchOptions *options);

extern const DmlArch dml_arch_convnet4, dml_arch_mobilenetv2, dml_arch_repvgg;
extern const DmlArch dml_arch_resnet10, dml_arch_resnet18, dml_arch_resnet34;
