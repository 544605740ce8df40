/* SPDX-License-Identifier: LGPL-2.1-or-later
 * ConvNet-4 (Vinyals et al. 2016, arXiv:1606.04080, 4.1; Snell et al. 2017,
 * arXiv:1703.05175): four times 3x3 convolution, batch norm, ReLU, 2x2 max
 * pool. 64 channels; from 48 pixels on the last two have 128, since more of the
 * drawing is left for them to tell apart. */
#include "nn/arch/builder.h"

static DmlValue *
convnet4_trunk (DmlBuilder *b, DmlValue *x, const DmlArchOptions *o, int *c)
{
  const int wide = MIN (o->height, o->width) >= 48 ? 2 : 1;

  *c = o->channels;
  for (int i = 1; i <= 4; i++) {
    const int m = dml_build_channels (o->width_factor, i > 2 ? 64 * wide : 64);
    const int side = MIN (o->height, o->width) >> (i - 1);

    x = dml_build_conv_relu (b, x, *c, m, 3, 1, "block%d", i);
    if (side >= 2 && !(i == 4 && o->last_stride_1))
      x = dml_build_maxpool (b, x, 2, 2, 0, "block%d.pool", i);
    *c = m;
  }
  return x;
}

const DmlArch dml_arch_convnet4 = {
  .name = "convnet4",
  .summary = "four convolutions, for drawings and small grey pictures",
  .trunk = convnet4_trunk,
};
