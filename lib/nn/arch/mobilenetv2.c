/* SPDX-License-Identifier: LGPL-2.1-or-later
 * MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381, table 2): inverted
 * residuals, depthwise 3x3 between two 1x1, linear bottleneck. Parameters are
 * named as in torchvision. Below 112 pixels the stem and, below 40, the first
 * strided block keep the size, so that 2 x 2 pixels and more are left at the
 * end. The last 1x1 layer shrinks with the width factor here, since with an
 * embedding behind it instead of 1000 classes it is most of a small net. */
#include "nn/arch/builder.h"

static DmlValue *
inverted_residual (DmlBuilder *b, DmlValue *x, int c, int m, int expand,
                   int stride, int index)
{
  const int hidden = c * expand;
  DmlValue *y = x;
  int part = 0;

  if (expand != 1) {
    y =
      dml_build_conv (b, y, c, hidden, 1, 1, 1, "features.%d.conv.0.0", index);
    y = dml_build_batchnorm (b, y, hidden, 1, "features.%d.conv.0.1", index);
    y = dml_build_relu6 (b, y, "features.%d.conv.0.2", index);
    part = 1;
  }
  y = dml_build_conv (b, y, hidden, hidden, 3, stride, hidden,
                      "features.%d.conv.%d.0", index, part);
  y =
    dml_build_batchnorm (b, y, hidden, 1, "features.%d.conv.%d.1", index, part);
  y = dml_build_relu6 (b, y, "features.%d.conv.%d.2", index, part);
  y = dml_build_conv (b, y, hidden, m, 1, 1, 1, "features.%d.conv.%d", index,
                      part + 1);
  /* No zero scale here: the bottleneck is linear, and torchvision has 1. */
  y = dml_build_batchnorm (b, y, m, 1, "features.%d.conv.%d", index, part + 2);
  if (stride == 1 && c == m)
    y = dml_build_add (b, x, y, "features.%d.add", index);
  return y;
}

static DmlValue *
mobilenetv2_trunk (DmlBuilder *b, DmlValue *x, const DmlArchOptions *o, int *c)
{
  static const struct {
    int expand, channels, repeat, stride;
  } stages[] = {
    { 1, 16, 1, 1 }, { 6, 24, 2, 2 },  { 6, 32, 3, 2 },  { 6, 64, 4, 2 },
    { 6, 96, 3, 1 }, { 6, 160, 3, 2 }, { 6, 320, 1, 1 },
  };
  const DmlStem stem = dml_build_stem (o);
  const int last = dml_build_channels (o->width_factor, 1280);
  int index = 0;

  *c = dml_build_channels (o->width_factor, 32);
  x = dml_build_conv (b, x, o->channels, *c, 3, stem == DML_STEM_LARGE ? 2 : 1,
                      1, "features.0.0");
  x = dml_build_batchnorm (b, x, *c, 1, "features.0.1");
  x = dml_build_relu6 (b, x, "features.0.2");
  for (size_t s = 0; s < G_N_ELEMENTS (stages); s++) {
    const int m = dml_build_channels (o->width_factor, stages[s].channels);
    const gboolean keep =
      (s == 1 && stem == DML_STEM_FINE) || (s == 5 && o->last_stride_1);

    for (int i = 0; i < stages[s].repeat; i++, *c = m)
      x = inverted_residual (b, x, *c, m, stages[s].expand,
                             i == 0 && !keep ? stages[s].stride : 1, ++index);
  }
  x = dml_build_conv (b, x, *c, last, 1, 1, 1, "features.%d.0", ++index);
  x = dml_build_batchnorm (b, x, last, 1, "features.%d.1", index);
  *c = last;
  return dml_build_relu6 (b, x, "features.%d.2", index);
}

const DmlArch dml_arch_mobilenetv2 = {
  .name = "mobilenetv2",
  .summary = "MobileNetV2: few multiplications, for devices",
  .trunk = mobilenetv2_trunk,
};
