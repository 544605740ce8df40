/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Figures as JSON. */
#include "train/figures.h"

#include <math.h>

/* NaN is no JSON; null says the same. */
void
dml_figures_add_number (JsonBuilder *b, const char *name, double value)
{
  json_builder_set_member_name (b, name);
  if (isfinite (value))
    json_builder_add_double_value (b, value);
  else
    json_builder_add_null_value (b);
}

void
dml_figures_add_count (JsonBuilder *b, const char *name, guint64 value)
{
  json_builder_set_member_name (b, name);
  json_builder_add_int_value (b, (gint64) value);
}

void
dml_figures_add_text (JsonBuilder *b, const char *name, const char *text)
{
  json_builder_set_member_name (b, name);
  json_builder_add_string_value (b, text);
}

void
dml_figures_begin_array (JsonBuilder *b, const char *name)
{
  json_builder_set_member_name (b, name);
  json_builder_begin_array (b);
}

void
dml_figures_begin_object (JsonBuilder *b, const char *name)
{
  json_builder_set_member_name (b, name);
  json_builder_begin_object (b);
}

void
dml_figures_add_interval (JsonBuilder *b, const char *name,
                          const DmlInterval *interval)
{
  if (interval->low == 0 && interval->high == 0)
    return;
  dml_figures_begin_array (b, name);
  json_builder_add_double_value (b, interval->low);
  json_builder_add_double_value (b, interval->high);
  json_builder_end_array (b);
}

void
dml_figures_add_measures (JsonBuilder *b, const DmlMeasures *m)
{
  static const char *const recalls[] = { "recall_1", "recall_2", "recall_4",
                                         "recall_8" };

  dml_figures_add_count (b, "classes", m->n_classes);
  dml_figures_add_count (b, "pictures", m->n_pictures);
  for (int i = 0; i < DML_N_RECALLS; i++)
    dml_figures_add_number (b, recalls[i],
                            dml_measures_closed (m, m->retrieval.recall[i]));
  dml_figures_add_interval (b, "recall_1_interval", &m->recall_1);
  dml_figures_add_number (b, "r_precision",
                          dml_measures_closed (m, m->retrieval.r_precision));
  dml_figures_add_number (b, "map_r",
                          dml_measures_closed (m, m->retrieval.map_at_r));
  dml_figures_add_interval (b, "map_r_interval", &m->map_r);
  dml_figures_add_number (b, "mrr", dml_measures_closed (m, m->retrieval.mrr));
  if (!m->open)
    return;
  dml_figures_add_count (b, "enrolled", m->n_enrolled);
  dml_figures_add_number (b, "auroc", m->auroc);
  dml_figures_add_interval (b, "auroc_interval", &m->auroc_range);
  dml_figures_add_number (b, "oscr", m->oscr);
  dml_figures_add_interval (b, "oscr_interval", &m->oscr_range);
  dml_figures_add_number (b, "dir_fpir_1", m->dir_1);
  dml_figures_add_interval (b, "dir_fpir_1_interval", &m->dir_1_range);
  dml_figures_add_number (b, "dir_fpir_5", m->dir_5);
  dml_figures_add_interval (b, "dir_fpir_5_interval", &m->dir_5_range);
  dml_figures_add_number (b, "eer", m->eer);
  dml_figures_add_number (b, "fpr_tpr_95", m->fpr_95);
}

char *
dml_figures_to_text (JsonBuilder *b)
{
  g_autoptr (JsonNode) root = json_builder_get_root (b);

  g_object_unref (b);
  return json_to_string (root, FALSE);
}
