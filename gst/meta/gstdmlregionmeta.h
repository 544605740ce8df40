/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What was recognised in one region of a frame: the truth that every other form
 * (ROI parameters, GstAnalytics, messages, JSON) mirrors. */
#pragma once

#include <gst/dml/gstdmlboxmeta.h>
#include <gst/dml/gstdmlembedding.h>

G_BEGIN_DECLS

/**
 * GstDmlRegionKind:
 * @GST_DML_REGION_FRAME: the whole picture
 * @GST_DML_REGION_CENTRE: the centre square of the picture
 * @GST_DML_REGION_ROI: a #GstVideoRegionOfInterestMeta of somebody else
 * @GST_DML_REGION_ANALYTICS: an object detection of GstAnalytics
 * @GST_DML_REGION_LIST: a box that was listed in a property; roi_id is its
 * place
 *
 * Where a region comes from.
 */
typedef enum {
  GST_DML_REGION_FRAME,
  GST_DML_REGION_CENTRE,
  GST_DML_REGION_ROI,
  GST_DML_REGION_ANALYTICS,
  GST_DML_REGION_LIST,
} GstDmlRegionKind;

#define GST_TYPE_DML_REGION_KIND (gst_dml_region_kind_get_type ())
DML_API GType gst_dml_region_kind_get_type (void);

/**
 * gst_dml_region_kind_to_string:
 * @kind: a #GstDmlRegionKind
 *
 * Returns: (transfer none): "frame", "centre", "roi", "analytics" or "list"
 */
DML_API const char *gst_dml_region_kind_to_string (GstDmlRegionKind kind);

/**
 * GstDmlRegionMeta:
 * @meta: parent
 * @id: number of this result, unique in the process; copies keep it
 * @kind: where the region comes from
 * @roi_type: type of the ROI or the detection, 0 for frame and centre
 * @roi_id: id of the ROI or the detection as its producer gave it, -1 for none;
 *   many producers leave 0, so it is no identity by itself
 * @track_id: of a tracker upstream, -1 for none
 * @origin: the box at the time of embedding, with the size of that frame
 * @pts: timestamp of the frame that was embedded
 * @frames_ago: 0 when that was this frame, else how many frames before
 * @embedding: what the encoder made of it
 * @match: (nullable): what the gallery says, smoothed over time where that is
 *   asked for; %NULL until matched
 * @raw_match: (nullable): what it says of this embedding alone
 *
 * One result. Several stand on a buffer, in the order of the regions. It has no
 * tags, so that it survives whatever elements do to pixels; where the region
 * lies now is asked with gst_dml_region_meta_get_box().
 *
 * Fields are for reading. A buffer's metas are shared: change one only on a
 * buffer that is writable.
 */
typedef struct {
  GstMeta meta;
  guint64 id;
  GstDmlRegionKind kind;
  GQuark roi_type;
  gint roi_id;
  gint64 track_id;
  GstDmlBox origin;
  GstClockTime pts;
  guint frames_ago;
  GstDmlEmbedding *embedding;
  DmlMatch *match;
  DmlMatch *raw_match;
} GstDmlRegionMeta;

DML_API GType gst_dml_region_meta_api_get_type (void);
DML_API const GstMetaInfo *gst_dml_region_meta_get_info (void);

#define GST_DML_REGION_META_API_TYPE (gst_dml_region_meta_api_get_type ())
#define GST_DML_REGION_META_INFO (gst_dml_region_meta_get_info ())

/**
 * gst_dml_buffer_add_region: (skip)
 * @buffer: a writable #GstBuffer
 * @kind: where the region comes from
 * @box: where it lies in this buffer
 * @embedding: what the encoder made of it
 *
 * Adds a result and its place. The other fields are at their defaults and may
 * be set before the buffer is passed on.
 *
 * Returns: (transfer none): the new meta
 */
DML_API GstDmlRegionMeta *
gst_dml_buffer_add_region (GstBuffer *buffer, GstDmlRegionKind kind,
                           const GstDmlBox *box, GstDmlEmbedding *embedding);

/**
 * gst_dml_buffer_get_n_regions:
 * @buffer: a #GstBuffer
 *
 * Returns: how many results it carries
 */
DML_API guint gst_dml_buffer_get_n_regions (GstBuffer *buffer);

/**
 * gst_dml_buffer_get_region:
 * @buffer: a #GstBuffer
 * @i: below gst_dml_buffer_get_n_regions()
 *
 * Returns: (transfer none) (nullable): the result, valid as long as @buffer
 */
DML_API GstDmlRegionMeta *gst_dml_buffer_get_region (GstBuffer *buffer,
                                                     guint i);

/**
 * gst_dml_buffer_next_region: (skip)
 * @buffer: a #GstBuffer
 * @state: (inout): %NULL at the start
 *
 * As gst_buffer_iterate_meta(), for results only.
 *
 * Returns: (transfer none) (nullable): the next result
 */
DML_API GstDmlRegionMeta *gst_dml_buffer_next_region (GstBuffer *buffer,
                                                      gpointer *state);

/**
 * gst_dml_region_meta_get_box:
 * @meta: a #GstDmlRegionMeta of @buffer
 * @buffer: the buffer
 * @box: (out caller-allocates): where the region lies in it
 *
 * Whoever draws compares @box's frame size with the caps as well.
 *
 * Returns: %FALSE where that is not known: pixels were moved since
 */
DML_API gboolean gst_dml_region_meta_get_box (const GstDmlRegionMeta *meta,
                                              GstBuffer *buffer,
                                              GstDmlBox *box);

/**
 * gst_dml_region_meta_set_match: (skip)
 * @meta: a #GstDmlRegionMeta of a writable buffer
 * @match: (nullable): the answer to show
 * @raw_match: (nullable): the answer to this embedding alone
 */
DML_API void gst_dml_region_meta_set_match (GstDmlRegionMeta *meta,
                                            DmlMatch *match,
                                            DmlMatch *raw_match);

/* The fields for languages that cannot read them from the struct. */
DML_API GstDmlRegionKind
gst_dml_region_meta_get_kind (const GstDmlRegionMeta *meta);

/**
 * gst_dml_region_meta_get_roi_type:
 * @meta: a #GstDmlRegionMeta
 *
 * Returns: (transfer none) (nullable): type of the ROI or the detection
 */
DML_API const char *
gst_dml_region_meta_get_roi_type (const GstDmlRegionMeta *meta);
DML_API gint gst_dml_region_meta_get_roi_id (const GstDmlRegionMeta *meta);
DML_API gint64 gst_dml_region_meta_get_track_id (const GstDmlRegionMeta *meta);
DML_API GstClockTime gst_dml_region_meta_get_pts (const GstDmlRegionMeta *meta);
DML_API guint gst_dml_region_meta_get_frames_ago (const GstDmlRegionMeta *meta);

/**
 * gst_dml_region_meta_get_embedding:
 * @meta: a #GstDmlRegionMeta
 *
 * Returns: (transfer none): the embedding
 */
DML_API GstDmlEmbedding *
gst_dml_region_meta_get_embedding (const GstDmlRegionMeta *meta);

/**
 * gst_dml_region_meta_get_match:
 * @meta: a #GstDmlRegionMeta
 *
 * Returns: (transfer none) (nullable): the answer, %NULL where nobody matched
 */
DML_API DmlMatch *gst_dml_region_meta_get_match (const GstDmlRegionMeta *meta);

/**
 * gst_dml_region_meta_get_decision:
 * @meta: a #GstDmlRegionMeta
 *
 * Returns: (transfer none) (nullable): "known", "ambiguous" or "unknown";
 *   %NULL where nobody matched
 */
DML_API const char *
gst_dml_region_meta_get_decision (const GstDmlRegionMeta *meta);

/**
 * gst_dml_region_meta_get_label:
 * @meta: a #GstDmlRegionMeta
 *
 * Returns: (transfer none) (nullable): the label when the decision is "known"
 */
DML_API const char *
gst_dml_region_meta_get_label (const GstDmlRegionMeta *meta);

/**
 * gst_dml_region_meta_get_similarity:
 * @meta: a #GstDmlRegionMeta
 *
 * Returns: of the best label, larger is closer; 0 where nobody matched
 */
DML_API gdouble
gst_dml_region_meta_get_similarity (const GstDmlRegionMeta *meta);

/**
 * gst_dml_region_meta_to_structure:
 * @meta: a #GstDmlRegionMeta of @buffer
 * @buffer: the buffer
 * @name: name for the structure
 * @n_hits: at most this many nearest items, 0 for none
 *
 * Everything but the embedding, under the names of docs/metadata.md. ROI
 * parameters, messages and JSON lines are made from this.
 *
 * Returns: (transfer full): a new structure
 */
DML_API GstStructure *
gst_dml_region_meta_to_structure (const GstDmlRegionMeta *meta,
                                  GstBuffer *buffer, const char *name,
                                  guint n_hits);

G_END_DECLS
