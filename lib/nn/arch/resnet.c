/* SPDX-License-Identifier: LGPL-2.1-or-later
 * ResNet-10, -18 and -34 (He et al. 2016, arXiv:1512.03385, table 1; 10 has one
 * block a stage). Parameters are named as in torchvision. */
#include "nn/arch/builder.h"

/* relu (x' + bn (conv (relu (bn (conv (x)))))), x' = x or its projection */
static DmlValue *
basic_block (DmlBuilder *b, DmlValue *x, int c, int m, int stride, int stage,
             int block)
{
  DmlValue *y = x;

  y =
    dml_build_conv (b, y, c, m, 3, stride, 1, "layer%d.%d.conv1", stage, block);
  y = dml_build_batchnorm (b, y, m, 1, "layer%d.%d.bn1", stage, block);
  y = dml_build_simple (b, "Relu", y, "layer%d.%d.relu1", stage, block);
  y = dml_build_conv (b, y, m, m, 3, 1, 1, "layer%d.%d.conv2", stage, block);
  y = dml_build_batchnorm (b, y, m, 0, "layer%d.%d.bn2", stage, block);
  if (stride != 1 || c != m) {
    x = dml_build_conv (b, x, c, m, 1, stride, 1, "layer%d.%d.downsample.0",
                        stage, block);
    x =
      dml_build_batchnorm (b, x, m, 1, "layer%d.%d.downsample.1", stage, block);
  }
  y = dml_build_add (b, y, x, "layer%d.%d.add", stage, block);
  return dml_build_simple (b, "Relu", y, "layer%d.%d.relu2", stage, block);
}

static DmlValue *
resnet (DmlBuilder *b, DmlValue *x, const DmlArchOptions *o, const int *blocks,
        int *c)
{
  const DmlStem stem = dml_build_stem (o);

  *c = dml_build_channels (o->width_factor, 64);
  x = dml_build_conv (b, x, o->channels, *c, stem == DML_STEM_LARGE ? 7 : 3,
                      stem == DML_STEM_FINE ? 1 : 2, 1, "conv1");
  x = dml_build_batchnorm (b, x, *c, 1, "bn1");
  x = dml_build_simple (b, "Relu", x, "relu");
  if (stem == DML_STEM_LARGE)
    x = dml_build_maxpool (b, x, 3, 2, 1, "maxpool");
  for (int stage = 1; stage <= 4; stage++) {
    const int m = dml_build_channels (o->width_factor, 64 << (stage - 1));
    const int stride = stage == 1 || (stage == 4 && o->last_stride_1) ? 1 : 2;

    for (int i = 0; i < blocks[stage - 1]; i++, *c = m)
      x = basic_block (b, x, *c, m, i == 0 ? stride : 1, stage, i);
  }
  return x;
}

static DmlValue *
resnet10_trunk (DmlBuilder *b, DmlValue *x, const DmlArchOptions *o, int *c)
{
  return resnet (b, x, o, (const int[]){ 1, 1, 1, 1 }, c);
}

static DmlValue *
resnet18_trunk (DmlBuilder *b, DmlValue *x, const DmlArchOptions *o, int *c)
{
  return resnet (b, x, o, (const int[]){ 2, 2, 2, 2 }, c);
}

static DmlValue *
resnet34_trunk (DmlBuilder *b, DmlValue *x, const DmlArchOptions *o, int *c)
{
  return resnet (b, x, o, (const int[]){ 3, 4, 6, 3 }, c);
}

const DmlArch dml_arch_resnet10 = {
  .name = "resnet10",
  .summary = "ResNet with one block a stage: half of ResNet-18's cost",
  .trunk = resnet10_trunk,
};

const DmlArch dml_arch_resnet18 = {
  .name = "resnet18",
  .summary = "ResNet-18: a good start at any width",
  .trunk = resnet18_trunk,
};

const DmlArch dml_arch_resnet34 = {
  .name = "resnet34",
  .summary = "ResNet-34: deeper, for more data and time",
  .trunk = resnet34_trunk,
};
