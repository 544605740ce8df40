/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What dmlmatch can be told. */
#pragma once

#include "gstdmltypes.h"
#include "properties.h"
#include "watch.h"

G_BEGIN_DECLS

/* Its values, under the element's object lock. A copy is good for all but the
 * gallery and the labels. */
typedef struct {
  guint k, classifier; /* DmlClassifier */
  gdouble threshold, false_accept_rate, margin;
  gint smoothing;
  guint min_change;
  gboolean on_change_only;
  guint attach; /* GstDmlAttachFlags */
  char *gallery;
  char **labels; /* only these count; NULL for all; in no table */
} GstDmlMatchSettings;

/* The table, and how many rows it has. */
#define GST_DML_MATCH_N_PROPERTIES 10
extern const GstDmlProperty gst_dml_match_properties[];

/* The property `labels`, an array of strings (transfer floating), and its
 * value. */
GParamSpec *gst_dml_match_labels_spec (void);
void gst_dml_match_settings_get_labels (const GstDmlMatchSettings *self,
                                        GValue *value);
void gst_dml_match_settings_set_labels (GstDmlMatchSettings *self,
                                        const GValue *value);

/* As the matcher takes them; labels are the settings' own. */
GstDmlMatchOptions
gst_dml_match_settings_to_options (const GstDmlMatchSettings *self);

G_END_DECLS
