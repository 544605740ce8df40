/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What dmlmatch can be told. */
#include "matchsettings.h"

#include <math.h>

#define CALIBRATED (-1.0)
#define OFFSET(field) G_STRUCT_OFFSET (GstDmlMatchSettings, field)

const GstDmlProperty gst_dml_match_properties[] = {
  GST_DML_ROW_STRING ("gallery", "Gallery", "Gallery file to match against",
                      OFFSET (gallery), GST_PARAM_MUTABLE_READY, NULL),
  GST_DML_ROW_NUMBER (GST_DML_UINT, "k", "K", "Nearest items that vote",
                      OFFSET (k), GST_PARAM_MUTABLE_PLAYING, 5, 1, 100),
  GST_DML_ROW_NAMED (GST_DML_ENUM, "classifier", "Classifier",
                     "Who decides the label", OFFSET (classifier),
                     GST_PARAM_MUTABLE_PLAYING, DML_CLASSIFIER_AUTO,
                     dml_classifier_get_type),
  GST_DML_ROW_NUMBER (GST_DML_DOUBLE, "threshold", "Threshold",
                      "Similarity (larger is closer) that a known thing must "
                      "exceed; -1 = calibrated for false-accept-rate",
                      OFFSET (threshold), GST_PARAM_MUTABLE_PLAYING, CALIBRATED,
                      -1, 1),
  GST_DML_ROW_NUMBER (
    GST_DML_DOUBLE, "false-accept-rate", "False-accept rate",
    "Wished share of unknown things that are taken for known; "
    "picks the calibrated threshold",
    OFFSET (false_accept_rate), GST_PARAM_MUTABLE_PLAYING,
    DML_FALSE_ACCEPT_RATE, DML_FALSE_ACCEPT_RATE_LEAST,
    DML_FALSE_ACCEPT_RATE_MOST),
  GST_DML_ROW_NUMBER (GST_DML_DOUBLE, "margin", "Margin",
                      "By how much the best label's similarity must lead the "
                      "runner-up's, else the thing is ambiguous; 0 = no margin "
                      "is asked for",
                      OFFSET (margin), GST_PARAM_MUTABLE_PLAYING, 0, 0, 2),
  GST_DML_ROW_NUMBER (GST_DML_INT, "smoothing", "Smoothing",
                      "Frames whose majority is shown for a thing that can be "
                      "told across frames (frame, centre, tracked); 0 = none, "
                      "-1 = 5 in live pipelines, else none",
                      OFFSET (smoothing), GST_PARAM_MUTABLE_PLAYING, -1, -1,
                      120),
  GST_DML_ROW_NUMBER (GST_DML_UINT, "min-label-change", "Minimum label change",
                      "Frames that another answer must hold before it is "
                      "shown, with smoothing",
                      OFFSET (min_change), GST_PARAM_MUTABLE_PLAYING, 1, 1,
                      120),
  GST_DML_ROW_BOOLEAN ("on-change-only", "On change only",
                       "Post dml-match and emit matched when the answer about "
                       "a thing changes; otherwise for each region of each "
                       "frame",
                       OFFSET (on_change_only), GST_PARAM_MUTABLE_PLAYING,
                       TRUE),
  GST_DML_ROW_NAMED (GST_DML_FLAGS, "attach", "Attach",
                     "Forms of metadata to mirror the answer in",
                     OFFSET (attach), GST_PARAM_MUTABLE_PLAYING,
                     GST_DML_ATTACH_DEFAULT, gst_dml_attach_flags_get_type),
};
G_STATIC_ASSERT (G_N_ELEMENTS (gst_dml_match_properties) ==
                 GST_DML_MATCH_N_PROPERTIES);

GParamSpec *
gst_dml_match_labels_spec (void)
{
  return gst_param_spec_array (
    "labels", "Labels",
    "Only these labels count, as labels=\"<apple, pear>\"; none = all",
    g_param_spec_string ("label", "Label", "A label of the gallery", NULL,
                         G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS),
    G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
}

void
gst_dml_match_settings_get_labels (const GstDmlMatchSettings *self,
                                   GValue *value)
{
  for (char **l = self->labels; l != NULL && *l != NULL; l++) {
    GValue word = G_VALUE_INIT;

    g_value_init (&word, G_TYPE_STRING);
    g_value_set_string (&word, *l);
    gst_value_array_append_and_take_value (value, &word);
  }
}

void
gst_dml_match_settings_set_labels (GstDmlMatchSettings *self,
                                   const GValue *value)
{
  const guint n = gst_value_array_get_size (value);

  g_clear_pointer (&self->labels, g_strfreev);
  if (n == 0)
    return;
  self->labels = g_new0 (char *, n + 1);
  for (guint i = 0; i < n; i++)
    self->labels[i] = g_value_dup_string (gst_value_array_get_value (value, i));
}

GstDmlMatchOptions
gst_dml_match_settings_to_options (const GstDmlMatchSettings *self)
{
  return (GstDmlMatchOptions){
    .k = self->k,
    .classifier = self->classifier,
    .threshold = self->threshold > CALIBRATED ? self->threshold : (double) NAN,
    .false_accept_rate = self->false_accept_rate,
    .margin = self->margin,
    .labels = self->labels,
  };
}
