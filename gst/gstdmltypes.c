/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Enumerations of the elements' properties. */
#include "gstdmltypes.h"

/* The type of a property's flags, registered at the first call. @values stay
 * where they are. */
static GType
flags_type (gsize *type, const char *name, const GFlagsValue *values)
{
  if (g_once_init_enter (type)) {
    const GType t = g_flags_register_static (name, values);

    gst_type_mark_as_plugin_api (t, 0);
    g_once_init_leave (type, t);
  }
  return *type;
}

GType
gst_dml_region_flags_get_type (void)
{
  static const GFlagsValue values[] = {
    { GST_DML_REGIONS_AUTO, "roi where there are any, otherwise centre",
      "auto" },
    { GST_DML_REGIONS_FRAME, "the whole picture", "frame" },
    { GST_DML_REGIONS_CENTRE, "the centre square", "centre" },
    { GST_DML_REGIONS_ROI, "regions of interest and object detections", "roi" },
    { GST_DML_REGIONS_LIST, "the boxes of region-list", "list" },
    { 0, NULL, NULL },
  };
  static gsize type;

  return flags_type (&type, "GstDmlRegionFlags", values);
}

GType
gst_dml_attach_flags_get_type (void)
{
  static const GFlagsValue values[] = {
    { GST_DML_ATTACH_ROI, "GstVideoRegionOfInterestMeta with parameters",
      "roi" },
    { GST_DML_ATTACH_ANALYTICS, "GstAnalytics (GStreamer 1.24 and later)",
      "analytics" },
    { 0, NULL, NULL },
  };
  static gsize type;

  return flags_type (&type, "GstDmlAttachFlags", values);
}

GType
gst_dml_show_flags_get_type (void)
{
  static const GFlagsValue values[] = {
    { GST_DML_SHOW_BOX, "the region's outline", "box" },
    { GST_DML_SHOW_LABEL, "label or decision", "label" },
    { GST_DML_SHOW_SIMILARITY, "similarity of the best label", "similarity" },
    { GST_DML_SHOW_UNKNOWN, "also what is unknown", "unknown" },
    { 0, NULL, NULL },
  };
  static gsize type;

  return flags_type (&type, "GstDmlShowFlags", values);
}
