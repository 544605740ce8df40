/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One difference of two galleries, as applications keep it. */
#include <dml/dml-galleries.h>

G_DEFINE_ENUM_TYPE (
  DmlDifferenceKind, dml_difference_kind,
  G_DEFINE_ENUM_VALUE (DML_DIFFERENCE_ENCODER, "encoder"),
  G_DEFINE_ENUM_VALUE (DML_DIFFERENCE_CALIBRATION, "calibration"),
  G_DEFINE_ENUM_VALUE (DML_DIFFERENCE_LABEL_REMOVED, "label-removed"),
  G_DEFINE_ENUM_VALUE (DML_DIFFERENCE_LABEL_ADDED, "label-added"),
  G_DEFINE_ENUM_VALUE (DML_DIFFERENCE_DATA, "data"),
  G_DEFINE_ENUM_VALUE (DML_DIFFERENCE_ITEM_REMOVED, "item-removed"),
  G_DEFINE_ENUM_VALUE (DML_DIFFERENCE_ITEM_ADDED, "item-added"),
  G_DEFINE_ENUM_VALUE (DML_DIFFERENCE_EMBEDDING, "embedding"))
G_DEFINE_BOXED_TYPE (DmlDifference, dml_difference, dml_difference_copy,
                     dml_difference_free)

DmlDifference *
dml_difference_copy (const DmlDifference *difference)
{
  DmlDifference *copy = g_new (DmlDifference, 1);

  *copy = *difference;
  copy->label = g_strdup (difference->label);
  copy->text = g_strdup (difference->text);
  return copy;
}

void
dml_difference_free (DmlDifference *difference)
{
  if (difference == NULL)
    return;
  g_free (difference->label);
  g_free (difference->text);
  g_free (difference);
}
