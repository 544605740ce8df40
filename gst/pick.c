/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What of a frame to enrol: which region, and its pixels. */
#include "pick.h"

const GstDmlRegionMeta *
gst_dml_pick_region (GstBuffer *buffer, const char **reason)
{
  const GstDmlRegionMeta *meta, *best = NULL;
  gint64 largest = 0, second = 0;
  gpointer state = NULL;

  *reason = "no-region";
  if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_CORRUPTED) ||
      GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DECODE_ONLY)) {
    *reason = "damaged-frame";
    return NULL;
  }
  while ((meta = gst_dml_buffer_next_region (buffer, &state)) != NULL) {
    const gint64 area = (gint64) meta->origin.width * meta->origin.height;

    if (meta->embedding == NULL)
      continue;
    if (meta->frames_ago > 0) {
      *reason = "old-embedding";
      continue;
    }
    if (area > largest) {
      second = largest;
      largest = area;
      best = meta;
    } else {
      second = MAX (second, area);
    }
  }
  if (best != NULL && 2 * second >= largest) {
    *reason = "several-regions";
    return NULL;
  }
  return best;
}

void
gst_dml_cutter_set_caps (GstDmlCutter *self, const GstCaps *caps)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  const GstCapsFeatures *features = gst_caps_get_features (caps, 0);

  self->readable = gst_structure_has_name (s, "video/x-raw") &&
                   !gst_caps_features_is_any (features) &&
                   (gst_caps_features_contains (features, "memory:DMABuf") ||
                    gst_caps_features_contains (
                      features, GST_CAPS_FEATURE_MEMORY_SYSTEM_MEMORY)) &&
                   gst_video_info_from_caps (&self->info, caps);
}

void
gst_dml_cutter_clear (GstDmlCutter *self)
{
  self->readable = FALSE;
  gst_dml_frame_clear (&self->frame);
}

DmlPicture *
gst_dml_cutter_cut (GstDmlCutter *self, GstBuffer *buffer,
                    const GstDmlRegionMeta *meta, gint side)
{
  DmlPicture *picture;
  DmlRegion region;
  GstDmlBox box;

  if (!self->readable || !gst_dml_region_meta_get_box (meta, buffer, &box) ||
      box.frame_width != GST_VIDEO_INFO_WIDTH (&self->info) ||
      box.frame_height != GST_VIDEO_INFO_HEIGHT (&self->info) ||
      !gst_dml_frame_layout_fits (&self->info, buffer) ||
      !gst_dml_frame_map (&self->frame, &self->info, buffer))
    return NULL;
  region = (DmlRegion){ (float) (box.x - self->frame.x),
                        (float) (box.y - self->frame.y), (float) box.width,
                        (float) box.height };
  picture =
    dml_picture_new_from_image (&self->frame.image, &region, side, NULL);
  gst_dml_frame_unmap (&self->frame);
  return picture;
}
