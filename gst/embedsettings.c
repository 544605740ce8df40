/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What dmlembed can be told. */
#include "embedsettings.h"

#include "regions.h"

#define OFFSET(field) G_STRUCT_OFFSET (GstDmlEmbedSettings, field)

const GstDmlProperty gst_dml_embed_properties[] = {
  GST_DML_ROW_STRING ("encoder", "Encoder",
                      "ONNX file; \"default\" is the built-in encoder",
                      OFFSET (encoder), GST_PARAM_MUTABLE_READY, "default"),
  GST_DML_ROW_NAMED (GST_DML_FLAGS, "regions", "Regions",
                     "What to look at on each frame; several may be joined "
                     "with +",
                     OFFSET (regions), GST_PARAM_MUTABLE_PLAYING,
                     GST_DML_REGIONS_AUTO, gst_dml_region_flags_get_type),
  GST_DML_ROW_STRING ("roi-type", "ROI type",
                      "Types of regions of interest to look at, separated by "
                      "commas; none set = all",
                      OFFSET (roi_type), GST_PARAM_MUTABLE_PLAYING, NULL),
  GST_DML_ROW_STRING ("region-list", "Region list",
                      "Boxes to look at with regions=list: "
                      "\"x,y,width,height;...\" in pixels of the picture",
                      OFFSET (region_list), GST_PARAM_MUTABLE_PLAYING, NULL),
  GST_DML_ROW_NUMBER (GST_DML_UINT, "min-size", "Minimum size",
                      "Leave out regions whose shorter side has fewer pixels",
                      OFFSET (min_size), GST_PARAM_MUTABLE_PLAYING, 16, 1,
                      32767),
  GST_DML_ROW_NUMBER (GST_DML_UINT, "max-regions", "Maximum regions",
                      "Regions a frame at most; the largest are kept",
                      OFFSET (max_regions), GST_PARAM_MUTABLE_PLAYING, 32, 1,
                      1024),
  /* On frames between, a region that is found again (frame and centre; by its
   * track or id; by its place) carries the last embedding with its age. */
  GST_DML_ROW_NUMBER (GST_DML_UINT, "interval", "Interval",
                      "Run the encoder every so many frames; 1 = every frame",
                      OFFSET (interval), GST_PARAM_MUTABLE_PLAYING, 1, 1,
                      100000),
  GST_DML_ROW_NUMBER (GST_DML_UINT, "threads", "Threads",
                      "Threads of the process's pool to use; 0 = all",
                      OFFSET (threads), GST_PARAM_MUTABLE_READY, 0, 0, 256),
  GST_DML_ROW_BOOLEAN ("qos", "QoS",
                       "Leave out inference, never frames, while the sink "
                       "reports frames as late",
                       OFFSET (qos), GST_PARAM_MUTABLE_PLAYING, TRUE),
  GST_DML_ROW_NAMED (GST_DML_FLAGS, "attach", "Attach",
                     "Forms of metadata to attach beside GstDmlRegionMeta",
                     OFFSET (attach), GST_PARAM_MUTABLE_PLAYING,
                     GST_DML_ATTACH_DEFAULT, gst_dml_attach_flags_get_type),
};
G_STATIC_ASSERT (G_N_ELEMENTS (gst_dml_embed_properties) ==
                 GST_DML_EMBED_N_PROPERTIES);

char *
gst_dml_embed_lists_read (GstDmlEmbedLists *self,
                          const GstDmlEmbedSettings *settings)
{
  char *wrong;

  gst_dml_embed_lists_clear (self);
  self->types = gst_dml_regions_parse_types (settings->roi_type);
  self->boxes = gst_dml_regions_parse_list (settings->region_list, &wrong);
  return wrong;
}

GstDmlEmbedLists
gst_dml_embed_lists_ref (const GstDmlEmbedLists *self)
{
  if (self->types != NULL)
    g_array_ref (self->types);
  if (self->boxes != NULL)
    g_array_ref (self->boxes);
  return *self;
}

void
gst_dml_embed_lists_clear (GstDmlEmbedLists *self)
{
  g_clear_pointer (&self->types, g_array_unref);
  g_clear_pointer (&self->boxes, g_array_unref);
}
