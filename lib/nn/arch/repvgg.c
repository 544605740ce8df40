/* SPDX-License-Identifier: LGPL-2.1-or-later
 * RepVGG-A0 (Ding et al. 2021, arXiv:2101.03697, table 2). Trained with three
 * branches a block, 3x3, 1x1 and identity, each with its batch norm; the pass
 * dml_pass_merge_branches makes one 3x3 convolution of them, for use and in the
 * file that training leaves. */
#include "nn/arch/builder.h"

static DmlValue *
repvgg_block (DmlBuilder *b, DmlValue *x, int c, int m, int stride, int stage,
              int block)
{
  DmlValue *y, *z;

  y = dml_build_conv (b, x, c, m, 3, stride, 1, "stage%d.%d.rbr_dense.conv",
                      stage, block);
  y = dml_build_batchnorm (b, y, m, 1, "stage%d.%d.rbr_dense.bn", stage, block);
  z = dml_build_conv (b, x, c, m, 1, stride, 1, "stage%d.%d.rbr_1x1.conv",
                      stage, block);
  z = dml_build_batchnorm (b, z, m, 1, "stage%d.%d.rbr_1x1.bn", stage, block);
  y = dml_build_add (b, y, z, "stage%d.%d.add", stage, block);
  if (stride == 1 && c == m) {
    z =
      dml_build_batchnorm (b, x, m, 1, "stage%d.%d.rbr_identity", stage, block);
    y = dml_build_add (b, y, z, "stage%d.%d.add_identity", stage, block);
  }
  return dml_build_simple (b, "Relu", y, "stage%d.%d.nonlinearity", stage,
                           block);
}

static DmlValue *
repvgg_trunk (DmlBuilder *b, DmlValue *x, const DmlArchOptions *o, int *c)
{
  static const int blocks[] = { 1, 2, 4, 14, 1 };
  static const int channels[] = { 48, 48, 96, 192, 1280 };
  const DmlStem stem = dml_build_stem (o);

  *c = o->channels;
  for (int stage = 0; stage < 5; stage++) {
    const int m = dml_build_channels (o->width_factor, channels[stage]);
    gboolean keep = stage == 4 && o->last_stride_1;

    /* The published net halves five times, from 224 pixels to 7. */
    if (stem != DML_STEM_LARGE)
      keep |= stage == 1;
    if (stem == DML_STEM_FINE)
      keep |= stage == 0;
    for (int i = 0; i < blocks[stage]; i++, *c = m)
      x = repvgg_block (b, x, *c, m, i == 0 && !keep ? 2 : 1, stage, i);
  }
  return x;
}

const DmlArch dml_arch_repvgg = {
  .name = "repvgg",
  .summary = "RepVGG-A0: branches while training, plain convolutions in use",
  .trunk = repvgg_trunk,
};
