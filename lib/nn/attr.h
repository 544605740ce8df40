/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Attributes of nodes, kept as the file or the builder gave them, so that the
 * ONNX writer and the fingerprint can read what an operator parsed. */
#pragma once

#include "nn/tensor.h"

typedef enum {
  DML_ATTR_INT,
  DML_ATTR_FLOAT,
  DML_ATTR_STRING,
  DML_ATTR_INTS,
  DML_ATTR_FLOATS,
  DML_ATTR_TENSOR,
} DmlAttrType;

typedef struct {
  char *name;
  DmlAttrType type;
  int64_t i;
  float f;
  char *s;       /* STRING only, otherwise NULL */
  size_t n;      /* length of ints or floats */
  int64_t *ints; /* INTS only */
  float *floats; /* FLOATS only */
  DmlTensor *t;  /* TENSOR only */
} DmlAttr;

/* An array of DmlAttr that owns what its items point to. */
GArray *dml_attrs_new (void);
GArray *dml_attrs_copy (const GArray *attrs); /* tensors are shared */
const DmlAttr *dml_attrs_find (const GArray *attrs, const char *name);

/* Each replaces an attribute of that name. Data is copied, `t` is taken a
 * reference of. */
void dml_attrs_set_int (GArray *attrs, const char *name, int64_t i);
void dml_attrs_set_float (GArray *attrs, const char *name, float f);
void dml_attrs_set_string (GArray *attrs, const char *name, const char *s);
void dml_attrs_set_ints (GArray *attrs, const char *name, const int64_t *ints,
                         size_t n);
void dml_attrs_set_floats (GArray *attrs, const char *name, const float *floats,
                           size_t n);
void dml_attrs_set_tensor (GArray *attrs, const char *name, DmlTensor *t);
