/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What to tell somebody who waits for regions that do not come. */
#include "hints.h"

/* Frames after which it is said that none came: ten seconds of most cameras. */
#define PATIENCE 300

struct _GstDmlHints {
  GHashTable *types; /* set of GQuark */
  gboolean told_small, told_list, told_none;
};

GstDmlHints *
gst_dml_hints_new (void)
{
  GstDmlHints *self = g_new0 (GstDmlHints, 1);

  self->types = g_hash_table_new (NULL, NULL);
  return self;
}

void
gst_dml_hints_free (GstDmlHints *self)
{
  g_hash_table_unref (self->types);
  g_free (self);
}

void
gst_dml_hints_clear (GstDmlHints *self)
{
  g_hash_table_remove_all (self->types);
  self->told_small = self->told_list = self->told_none = FALSE;
}

GHashTable *
gst_dml_hints_get_types (GstDmlHints *self)
{
  return self->types;
}

static char *
list_types (const GstDmlHints *self)
{
  GString *list = g_string_new (NULL);
  GHashTableIter iter;
  gpointer type;

  g_hash_table_iter_init (&iter, self->types);
  while (g_hash_table_iter_next (&iter, &type, NULL))
    g_string_append_printf (
      list, "%s%s", list->len > 0 ? ", " : "",
      g_quark_to_string ((GQuark) GPOINTER_TO_UINT (type)));
  return g_string_free (list, FALSE);
}

void
gst_dml_hints_give (GstDmlHints *self, GstElement *element,
                    GstDmlRegionFlags flags, guint min_size,
                    const GstDmlRegionCounters *counters, guint64 frames)
{
  if (counters->too_small > 0 && !self->told_small) {
    self->told_small = TRUE;
    GST_ELEMENT_INFO (
      element, STREAM, FAILED,
      ("min-size: a region smaller than %u pixels was left out", min_size),
      ("counted in stats as rois-too-small; told once"));
  }
  if (counters->list > 0 && !self->told_list) {
    self->told_list = TRUE;
    GST_ELEMENT_INFO (
      element, STREAM, FAILED,
      ("region-list: a box lies outside the picture or has no size, and was "
       "left out"),
      ("counted in stats as rois-invalid; told once"));
  }
  if (self->told_none || frames != PATIENCE ||
      !(flags & (GST_DML_REGIONS_ROI | GST_DML_REGIONS_AUTO)) ||
      counters->seen > counters->filtered)
    return;
  if (counters->seen > 0) {
    g_autofree char *types = list_types (self);

    self->told_none = TRUE;
    GST_ELEMENT_INFO (element, STREAM, FAILED,
                      ("roi-type: nothing of that type in %d frames; seen: %s",
                       PATIENCE, types),
                      ("told once"));
  } else if (flags & GST_DML_REGIONS_ROI) {
    self->told_none = TRUE;
    GST_ELEMENT_INFO (
      element, STREAM, FAILED,
      ("regions: no region of interest in %d frames: is there a detector "
       "before this element?",
       PATIENCE),
      ("regions=centre or frame needs none; told once"));
  }
}

void
gst_dml_hints_wait (GstElement *element, guint *waited, gboolean came)
{
  if (*waited == G_MAXUINT)
    return;
  *waited = came ? G_MAXUINT : *waited + 1;
  if (*waited != PATIENCE)
    return;
  *waited = G_MAXUINT;
  GST_ELEMENT_INFO (element, STREAM, FAILED,
                    ("no embedding in %d frames: is there a dmlembed before "
                     "this element, and a region for it?",
                     PATIENCE),
                    ("without one there is nothing to do; told once"));
}
