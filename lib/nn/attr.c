/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Attributes of nodes. */
#include "nn/attr.h"

#include <string.h>

static void
attr_clear (gpointer data)
{
  DmlAttr *attr = data;

  g_free (attr->name);
  g_free (attr->s);
  g_free (attr->ints);
  g_free (attr->floats);
  dml_tensor_unref (attr->t);
}

GArray *
dml_attrs_new (void)
{
  GArray *attrs = g_array_new (FALSE, TRUE, sizeof (DmlAttr));

  g_array_set_clear_func (attrs, attr_clear);
  return attrs;
}

GArray *
dml_attrs_copy (const GArray *attrs)
{
  GArray *copy = dml_attrs_new ();

  for (guint i = 0; i < attrs->len; i++) {
    DmlAttr attr = g_array_index (attrs, DmlAttr, i);

    attr.name = g_strdup (attr.name);
    attr.s = g_strdup (attr.s);
    attr.ints = g_memdup2 (attr.ints, attr.n * sizeof *attr.ints);
    attr.floats = g_memdup2 (attr.floats, attr.n * sizeof *attr.floats);
    if (attr.t != NULL)
      dml_tensor_ref (attr.t);
    g_array_append_val (copy, attr);
  }
  return copy;
}

const DmlAttr *
dml_attrs_find (const GArray *attrs, const char *name)
{
  for (guint i = 0; i < attrs->len; i++) {
    const DmlAttr *attr = &g_array_index (attrs, DmlAttr, i);

    if (strcmp (attr->name, name) == 0)
      return attr;
  }
  return NULL;
}

static DmlAttr *
attrs_slot (GArray *attrs, const char *name, DmlAttrType type)
{
  DmlAttr *attr = (DmlAttr *) dml_attrs_find (attrs, name);

  if (attr == NULL) {
    g_array_set_size (attrs, attrs->len + 1);
    attr = &g_array_index (attrs, DmlAttr, attrs->len - 1);
  } else {
    attr_clear (attr);
  }
  *attr = (DmlAttr){ .name = g_strdup (name), .type = type };
  return attr;
}

void
dml_attrs_set_int (GArray *attrs, const char *name, int64_t i)
{
  attrs_slot (attrs, name, DML_ATTR_INT)->i = i;
}

void
dml_attrs_set_float (GArray *attrs, const char *name, float f)
{
  attrs_slot (attrs, name, DML_ATTR_FLOAT)->f = f;
}

void
dml_attrs_set_string (GArray *attrs, const char *name, const char *s)
{
  attrs_slot (attrs, name, DML_ATTR_STRING)->s = g_strdup (s);
}

void
dml_attrs_set_ints (GArray *attrs, const char *name, const int64_t *ints,
                    size_t n)
{
  DmlAttr *attr = attrs_slot (attrs, name, DML_ATTR_INTS);

  attr->n = n;
  attr->ints = g_memdup2 (ints, n * sizeof *ints);
}

void
dml_attrs_set_floats (GArray *attrs, const char *name, const float *floats,
                      size_t n)
{
  DmlAttr *attr = attrs_slot (attrs, name, DML_ATTR_FLOATS);

  attr->n = n;
  attr->floats = g_memdup2 (floats, n * sizeof *floats);
}

void
dml_attrs_set_tensor (GArray *attrs, const char *name, DmlTensor *t)
{
  attrs_slot (attrs, name, DML_ATTR_TENSOR)->t = dml_tensor_ref (t);
}
