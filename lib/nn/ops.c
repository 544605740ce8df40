/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The one table of operators. */
#include "nn/op.h"

#include <string.h>

#define DML_OP(x) extern const DmlOp dml_op_##x;
#include "nn/ops.def"
#undef DML_OP

static const DmlOp *const table[] = {
#define DML_OP(x) &dml_op_##x,
#include "nn/ops.def"
#undef DML_OP
  NULL,
};

const DmlOp *const *
dml_op_table (void)
{
  return table;
}

const DmlOp *
dml_op_find (const char *domain, const char *name)
{
  if (domain == NULL || strcmp (domain, "ai.onnx") == 0)
    domain = "";
  for (const DmlOp *const *op = table; *op != NULL; op++)
    if (strcmp ((*op)->onnx_name, name) == 0 &&
        strcmp ((*op)->domain ? (*op)->domain : "", domain) == 0)
      return *op;
  return NULL;
}
