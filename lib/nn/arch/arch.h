/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Architectures that can be built from nothing, by name. */
#pragma once

#include "base/rng.h"
#include "nn/graph.h"

typedef enum {
  DML_STEM_AUTO,  /* by the input's shorter side: below 40 pixels FINE, below
                     112 SMALL, else LARGE */
  DML_STEM_FINE,  /* 3x3, stride 1 */
  DML_STEM_SMALL, /* 3x3, stride 2 */
  DML_STEM_LARGE, /* as published for 224 pixels: 7x7, stride 2, max pool */
} DmlStem;

typedef enum {
  DML_ARCH_POOL_AVERAGE,
  DML_ARCH_POOL_GEM,     /* learned exponent, 3 to begin with */
  DML_ARCH_POOL_FLATTEN, /* none: every place keeps its own weights */
} DmlArchPool;

typedef struct {
  int channels, height, width; /* of the input; 1 or 3, sides 8 .. 1024 */
  double width_factor;         /* of channels, 0.0625 .. 4; rounded to eights */
  int dim;                     /* D of the embedding, 2 .. 4096 */
  DmlStem stem;
  DmlArchPool pool;
  gboolean neck;      /* BNNeck: batch norm without bias behind the embedding
                         layer (Luo et al. 2019, arXiv:1903.07071) */
  gboolean normalise; /* outputs of unit length: metric cosine */
  gboolean last_stride_1; /* last stage keeps its size: twice its cost */
  float dropout;          /* before the embedding layer, [0, 1) */
} DmlArchOptions;

/* 3 x 64 x 64, factor 1, D 128, average pooling, no neck, normalised. */
#define DML_ARCH_OPTIONS_DEFAULT                                               \
  {                                                                            \
    .channels = 3, .height = 64, .width = 64, .width_factor = 1.0, .dim = 128, \
    .normalise = TRUE                                                          \
  }

typedef struct _DmlBuilder DmlBuilder;

typedef struct {
  const char *name;    /* "resnet18" */
  const char *summary; /* a sentence for --help */
  /* From the image to the last feature map; *c is its number of channels. */
  DmlValue *(*trunk) (DmlBuilder *builder, DmlValue *image,
                      const DmlArchOptions *options, int *c);
} DmlArch;

/* All of them, by name. */
const DmlArch *const *dml_arch_table (size_t *n);
const DmlArch *dml_arch_find (const char *name); /* or NULL */

/* A finished graph with input "image" (N x channels x height x width, N free)
 * and outputs
 *   "embedding"  N x dim: trunk, pool, linear, neck, L2 norm where asked for
 *   "features"   N x dim, only with a neck: the same before the neck, L2 norm
 *                likewise; for pair losses while "embedding" is for the softmax
 * Weights carry PyTorch's names ("layer1.0.conv1.weight") and the flags of
 * their role. He initialisation by fan-out (He et al. 2015), the last scale of
 * each residual branch zero (Goyal et al. 2017, arXiv:1706.02677, 5.1), drawn
 * from `rng` in the order of the graph: the same seed gives the same weights.
 * NOT_FOUND names the known architectures, INVALID an option out of range. */
DmlGraph *dml_arch_build (const char *name, const DmlArchOptions *options,
                          DmlRng *rng, GError **error);
