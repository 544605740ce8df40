/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Element types, shapes and ref-counted data. */
#include "nn/tensor.h"
#include "base/error.h"

#include <string.h>

static const struct {
  const char *name;
  size_t size;
} dtypes[] = {
  [DML_DTYPE_NONE] = { "unknown", 0 },
  [DML_F32] = { "float32", 4 },
  [DML_F16] = { "float16", 2 },
  [DML_F64] = { "float64", 8 },
  [DML_I64] = { "int64", 8 },
  [DML_I32] = { "int32", 4 },
  [DML_I8] = { "int8", 1 },
  [DML_U8] = { "uint8", 1 },
  [DML_BOOL] = { "bool", 1 },
};
G_STATIC_ASSERT (G_N_ELEMENTS (dtypes) == DML_N_DTYPES);

const char *
dml_dtype_name (DmlDtype dtype)
{
  return dtypes[dtype].name;
}

size_t
dml_dtype_size (DmlDtype dtype)
{
  return dtypes[dtype].size;
}

gboolean
dml_shape_count (const DmlShape *shape, DmlDtype dtype, size_t *n)
{
  size_t count = 1;
  gboolean empty = FALSE;

  if (shape->rank < 0 || shape->rank > DML_MAX_RANK)
    return FALSE;
  /* The bound holds for the product without the zeros too, so that spans of an
   * empty shape cannot wrap either. */
  for (int i = 0; i < shape->rank; i++) {
    if (shape->dim[i] < 0)
      return FALSE;
    if (shape->dim[i] == 0)
      empty = TRUE;
    else if (!dml_mem_mul (count, (size_t) shape->dim[i], &count) ||
             count > DML_VALUE_MAX_BYTES)
      return FALSE;
  }
  if (count > DML_VALUE_MAX_BYTES / MAX (1, dml_dtype_size (dtype)))
    return FALSE;
  *n = empty ? 0 : count;
  return TRUE;
}

size_t
dml_shape_span (const DmlShape *shape, int from, int to)
{
  size_t n = 1;

  for (int i = from; i < to; i++)
    n *= (size_t) shape->dim[i];
  return n;
}

gboolean
dml_shape_equal (const DmlShape *a, const DmlShape *b)
{
  return a->rank == b->rank &&
         (a->rank <= 0 ||
          memcmp (a->dim, b->dim, (size_t) a->rank * sizeof a->dim[0]) == 0);
}

char *
dml_shape_to_string (const DmlShape *shape)
{
  GString *s;

  if (shape->rank < 0)
    return g_strdup ("unknown");
  if (shape->rank == 0)
    return g_strdup ("scalar");
  s = g_string_new (NULL);
  for (int i = 0; i < shape->rank; i++) {
    if (i > 0)
      g_string_append_c (s, 'x');
    if (shape->dim[i] < 0)
      g_string_append_c (s, '?');
    else
      g_string_append_printf (s, "%" G_GINT64_FORMAT, shape->dim[i]);
  }
  return g_string_free (s, FALSE);
}

static DmlTensor *
tensor_new (DmlDtype dtype, const DmlShape *shape, gboolean clear,
            GError **error)
{
  DmlTensor *tensor;
  size_t n;
  void *data;

  if (dtype == DML_DTYPE_NONE || !dml_shape_count (shape, dtype, &n)) {
    g_autofree char *s = dml_shape_to_string (shape);

    return dml_fail_null (error, LIMIT,
                          "a tensor of %s %s is not possible (limit %zu bytes)",
                          s, dml_dtype_name (dtype), DML_VALUE_MAX_BYTES);
  }
  data = clear ? dml_mem_alloc0 (n, dml_dtype_size (dtype), error)
               : dml_mem_alloc (n, dml_dtype_size (dtype), error);
  if (data == NULL)
    return NULL;
  tensor = g_new (DmlTensor, 1);
  *tensor = (DmlTensor){
    .refs = 1, .dtype = dtype, .shape = *shape, .n = n, .data = data
  };
  return tensor;
}

DmlTensor *
dml_tensor_new (DmlDtype dtype, const DmlShape *shape, GError **error)
{
  return tensor_new (dtype, shape, FALSE, error);
}

DmlTensor *
dml_tensor_new0 (DmlDtype dtype, const DmlShape *shape, GError **error)
{
  return tensor_new (dtype, shape, TRUE, error);
}

DmlTensor *
dml_tensor_new_from (DmlDtype dtype, const DmlShape *shape, const void *data,
                     GError **error)
{
  DmlTensor *tensor = tensor_new (dtype, shape, FALSE, error);

  if (tensor != NULL && tensor->n > 0)
    memcpy (tensor->data, data, dml_tensor_bytes (tensor));
  return tensor;
}

DmlTensor *
dml_tensor_new_i64 (const int64_t *data, size_t n, GError **error)
{
  return dml_tensor_new_from (DML_I64, &DML_SHAPE ((int64_t) n), data, error);
}

DmlTensor *
dml_tensor_ref (DmlTensor *tensor)
{
  g_atomic_int_inc (&tensor->refs);
  return tensor;
}

void
dml_tensor_unref (DmlTensor *tensor)
{
  if (tensor == NULL || !g_atomic_int_dec_and_test (&tensor->refs))
    return;
  dml_mem_free (tensor->data);
  g_free (tensor);
}
