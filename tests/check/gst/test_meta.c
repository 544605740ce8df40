/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The metadata by itself: copies, transforms, places, structures. */
#include "gst_testing.h"

#include <string.h>

static GstDmlEmbedding *
make_embedding (guint picture)
{
  g_autoptr (DmlEncoder) encoder = dml_encoder_get_default ();
  g_autofree float *values = test_embed (picture);

  return gst_dml_embedding_new (encoder, values);
}

static DmlMatch *
make_match (guint n_enrolled, guint picture)
{
  g_autofree char *name = g_strdup_printf ("m%u-%u.bin", n_enrolled, picture);
  g_autofree char *path = test_gallery (name, n_enrolled);
  g_autofree float *query = test_embed (picture);
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlGallery) gallery =
    dml_gallery_open (path, DML_GALLERY_READ, NULL, &error);
  g_autoptr (DmlSnapshot) snapshot = dml_gallery_get_snapshot (gallery, &error);
  g_autoptr (DmlMatcher) matcher =
    dml_matcher_new (snapshot, NULL, NULL, &error);
  DmlMatch *match;

  g_assert_no_error (error);
  dml_matcher_match (matcher, query, 1, &match);
  return match;
}

static GstBuffer *
make_buffer (const GstDmlBox *box)
{
  g_autoptr (GstDmlEmbedding) embedding = make_embedding (1);
  g_autoptr (DmlMatch) match = make_match (3, 1);
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 64, NULL);
  GstDmlRegionMeta *meta;

  GST_BUFFER_PTS (buffer) = 5 * GST_SECOND;
  meta = gst_dml_buffer_add_region (buffer, GST_DML_REGION_ROI, box, embedding);
  meta->roi_type = g_quark_from_static_string ("fruit");
  meta->roi_id = 7;
  meta->track_id = 99;
  meta->frames_ago = 3;
  gst_dml_region_meta_set_match (meta, match, match);
  return buffer;
}

static const GstDmlBox vga_box = { 100, 60, 200, 120, 640, 480 };

static void
assert_same (GstBuffer *a, GstBuffer *b, gboolean placed)
{
  const GstDmlRegionMeta *x = gst_dml_buffer_get_region (a, 0);
  const GstDmlRegionMeta *y = gst_dml_buffer_get_region (b, 0);
  GstDmlBox p, q;

  g_assert_nonnull (y);
  g_assert_true (x != y);
  g_assert_cmpuint (x->id, ==, y->id);
  g_assert_cmpint (x->kind, ==, y->kind);
  g_assert_cmpuint (x->roi_type, ==, y->roi_type);
  g_assert_cmpint (x->roi_id, ==, y->roi_id);
  g_assert_cmpint (x->track_id, ==, y->track_id);
  g_assert_cmpmem (&x->origin, sizeof x->origin, &y->origin, sizeof y->origin);
  g_assert_cmpuint (x->pts, ==, y->pts);
  g_assert_cmpuint (x->frames_ago, ==, y->frames_ago);
  g_assert_true (x->embedding == y->embedding); /* a reference, no copy */
  g_assert_true (x->match == y->match);
  g_assert_true (x->raw_match == y->raw_match);
  if (placed) {
    g_assert_true (gst_dml_region_meta_get_box (x, a, &p));
    g_assert_true (gst_dml_region_meta_get_box (y, b, &q));
    g_assert_cmpmem (&p, sizeof p, &q, sizeof q);
  }
}

static void
copy_is_equal (void)
{
  GstBuffer *buffer = make_buffer (&vga_box);
  GstBuffer *copy = gst_buffer_copy (buffer);
  GstBuffer *deep = gst_buffer_copy_deep (buffer);
  GstBuffer *part = gst_buffer_copy_region (buffer, GST_BUFFER_COPY_ALL, 8, 16);

  g_assert_cmpuint (gst_dml_buffer_get_n_regions (copy), ==, 1);
  assert_same (buffer, copy, TRUE);
  assert_same (buffer, deep, TRUE);
  assert_same (buffer, part, TRUE);
  gst_buffer_unref (buffer); /* copies do not need it */
  g_assert_cmpstr (
    gst_dml_region_meta_get_label (gst_dml_buffer_get_region (copy, 0)), ==,
    "picture-1");
  gst_buffer_unref (copy);
  gst_buffer_unref (deep);
  gst_buffer_unref (part);
}

static void
copy_appends_to_what_is_there (void)
{
  GstBuffer *a = make_buffer (&vga_box), *b = make_buffer (&vga_box);

  gst_buffer_copy_into (b, a, GST_BUFFER_COPY_META, 0, -1);
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (b), ==, 2);
  g_assert_cmpuint (gst_dml_buffer_get_region (b, 0)->id, !=,
                    gst_dml_buffer_get_region (b, 1)->id);
  g_assert_null (gst_dml_buffer_get_region (b, 2));
  gst_buffer_unref (a);
  gst_buffer_unref (b);
}

/* What videoscale does to metas tagged size. */
static gboolean
scale (GstBuffer *buffer, GstBuffer *to, const GstVideoInfo *in,
       const GstVideoInfo *out)
{
  GstVideoMetaTransform trans = { (GstVideoInfo *) in, (GstVideoInfo *) out };
  GstMeta *meta = gst_buffer_get_meta (buffer, GST_DML_BOX_META_API_TYPE);

  return meta->info->transform_func (
    to, meta, buffer, gst_video_meta_transform_scale_get_quark (), &trans);
}

static GstDmlBox
scaled (const GstDmlBox *box, const GstVideoInfo *out)
{
  const GstVideoInfo in =
    test_info (GST_VIDEO_FORMAT_I420, box->frame_width, box->frame_height);
  GstBuffer *buffer = make_buffer (box), *to = gst_buffer_copy (buffer);
  GstDmlBox now;

  gst_buffer_remove_meta (to,
                          gst_buffer_get_meta (to, GST_DML_BOX_META_API_TYPE));
  g_assert_true (scale (buffer, to, &in, out));
  g_assert_true (
    gst_dml_region_meta_get_box (gst_dml_buffer_get_region (to, 0), to, &now));
  gst_buffer_unref (buffer);
  gst_buffer_unref (to);
  return now;
}

static void
assert_box (const GstDmlBox *box, gint x, gint y, gint w, gint h, gint fw,
            gint fh)
{
  g_assert_cmpint (box->x, ==, x);
  g_assert_cmpint (box->y, ==, y);
  g_assert_cmpint (box->width, ==, w);
  g_assert_cmpint (box->height, ==, h);
  g_assert_cmpint (box->frame_width, ==, fw);
  g_assert_cmpint (box->frame_height, ==, fh);
}

static void
box_scales_with_the_picture (void)
{
  GstVideoInfo out = test_info (GST_VIDEO_FORMAT_RGB, 320, 240);
  GstDmlBox box = scaled (&vga_box, &out);

  assert_box (&box, 50, 30, 100, 60, 320, 240);

  /* To nearest: truncation gives 52, 25. */
  out = test_info (GST_VIDEO_FORMAT_RGB, 333, 250);
  box = scaled (&vga_box, &out);
  assert_box (&box, 52, 31, 104, 63, 333, 250);

  /* 32 bits would overflow; left of the frame rounds like right of it. */
  const GstDmlBox large = { -4000, 30000, 20000, 2000, 32000, 32000 };

  out = test_info (GST_VIDEO_FORMAT_GRAY8, 16000, 16000);
  box = scaled (&large, &out);
  assert_box (&box, -2000, 15000, 10000, 1000, 16000, 16000);

  /* Never to nothing. */
  const GstDmlBox small = { 10, 10, 1, 1, 640, 480 };

  out = test_info (GST_VIDEO_FORMAT_GRAY8, 4, 3);
  box = scaled (&small, &out);
  g_assert_cmpint (box.width, ==, 1);
  g_assert_cmpint (box.height, ==, 1);
}

static void
box_goes_where_borders_may_be (void)
{
  const GstVideoInfo in = test_info (GST_VIDEO_FORMAT_I420, 640, 480);
  GstVideoInfo out = test_info (GST_VIDEO_FORMAT_I420, 320, 320);
  GstBuffer *buffer = make_buffer (&vga_box), *to = gst_buffer_new ();

  g_assert_false (scale (buffer, to, &in, &out));
  g_assert_null (gst_buffer_get_meta (to, GST_DML_BOX_META_API_TYPE));

  /* The same pixels in a shape that keeps the picture's. */
  out.par_n = 4;
  out.par_d = 3;
  g_assert_true (scale (buffer, to, &in, &out));
  gst_buffer_unref (buffer);
  gst_buffer_unref (to);
}

static void
box_of_another_frame_goes (void)
{
  const GstVideoInfo in = test_info (GST_VIDEO_FORMAT_I420, 800, 600);
  const GstVideoInfo out = test_info (GST_VIDEO_FORMAT_I420, 400, 300);
  GstBuffer *buffer = make_buffer (&vga_box), *to = gst_buffer_new ();

  g_assert_false (scale (buffer, to, &in, &out));
  gst_buffer_unref (buffer);
  gst_buffer_unref (to);
}

static void
unknown_transform_is_refused (void)
{
  GstBuffer *buffer = make_buffer (&vga_box), *to = gst_buffer_new ();
  const GQuark strange = g_quark_from_static_string ("x-strange-transform");
  GstMeta *meta;
  gpointer state = NULL;

  while ((meta = gst_buffer_iterate_meta (buffer, &state)) != NULL)
    g_assert_false (
      meta->info->transform_func (to, meta, buffer, strange, NULL));
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (to), ==, 0);
  g_assert_null (gst_buffer_get_meta (to, GST_DML_BOX_META_API_TYPE));
  gst_buffer_unref (buffer);
  gst_buffer_unref (to);
}

static void
tags_say_what_invalidates (void)
{
  const gchar *const *tags =
    gst_meta_api_type_get_tags (GST_DML_REGION_META_API_TYPE);

  g_assert_true (tags == NULL || tags[0] == NULL);
  tags = gst_meta_api_type_get_tags (GST_DML_BOX_META_API_TYPE);
  g_assert_true (g_strv_contains (tags, GST_META_TAG_VIDEO_SIZE_STR));
  g_assert_true (g_strv_contains (tags, GST_META_TAG_VIDEO_ORIENTATION_STR));
  g_assert_true (g_strv_contains (tags, GST_META_TAG_VIDEO_STR));
  g_assert_false (g_strv_contains (tags, GST_META_TAG_MEMORY_STR));
}

static gpointer
register_thread (gpointer data)
{
  return (gpointer) gst_dml_region_meta_get_info ();
}

static void
registered_once (void)
{
  GThread *threads[8];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new (NULL, register_thread, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_assert_true (g_thread_join (threads[i]) ==
                   (gpointer) GST_DML_REGION_META_INFO);
  g_assert_true (gst_meta_get_info ("GstDmlRegionMeta") ==
                 GST_DML_REGION_META_INFO);
}

static void
structure_has_all_fields (void)
{
  GstBuffer *buffer = make_buffer (&vga_box);
  const GstDmlRegionMeta *meta = gst_dml_buffer_get_region (buffer, 0);
  g_autoptr (GstStructure) s =
    gst_dml_region_meta_to_structure (meta, buffer, "x", 2);
  g_autofree char *text = NULL;
  const GValue *hits;
  gint x, fw, roi;
  guint ago;
  gint64 track, item;
  guint64 pts;
  gdouble sim, threshold, margin, confidence;

  g_assert_cmpstr (gst_structure_get_name (s), ==, "x");
  g_assert_true (gst_structure_get (
    s, GST_DML_FIELD_X, G_TYPE_INT, &x, GST_DML_FIELD_FRAME_WIDTH, G_TYPE_INT,
    &fw, GST_DML_FIELD_ROI_ID, G_TYPE_INT, &roi, GST_DML_FIELD_TRACK_ID,
    G_TYPE_INT64, &track, GST_DML_FIELD_PTS, G_TYPE_UINT64, &pts,
    GST_DML_FIELD_FRAMES_AGO, G_TYPE_UINT, &ago, GST_DML_FIELD_SIMILARITY,
    G_TYPE_DOUBLE, &sim, GST_DML_FIELD_THRESHOLD, G_TYPE_DOUBLE, &threshold,
    GST_DML_FIELD_MARGIN, G_TYPE_DOUBLE, &margin, GST_DML_FIELD_CONFIDENCE,
    G_TYPE_DOUBLE, &confidence, GST_DML_FIELD_ITEM, G_TYPE_INT64, &item, NULL));
  g_assert_cmpint (x, ==, 100);
  g_assert_cmpint (fw, ==, 640);
  g_assert_cmpint (roi, ==, 7);
  g_assert_cmpint (track, ==, 99);
  g_assert_cmpuint (pts, ==, 5 * GST_SECOND);
  g_assert_cmpuint (ago, ==, 3);
  g_assert_cmpfloat (sim, >, 0.99);
  g_assert_cmpint (item, ==, 2);
  g_assert_cmpstr (gst_structure_get_string (s, "region"), ==, "roi");
  g_assert_cmpstr (gst_structure_get_string (s, "roi_type"), ==, "fruit");
  g_assert_cmpstr (gst_structure_get_string (s, "decision"), ==, "known");
  g_assert_cmpstr (gst_structure_get_string (s, "label"), ==, "picture-1");
  g_assert_cmpstr (gst_structure_get_string (s, "nearest"), ==, "picture-1");
  g_assert_cmpstr (gst_structure_get_string (s, "reason"), ==, "accepted");
  g_assert_nonnull (gst_structure_get_string (s, "explanation"));
  g_assert_cmpuint (strlen (gst_structure_get_string (s, "fingerprint")), ==,
                    64);
  hits = gst_structure_get_value (s, GST_DML_FIELD_HITS);
  g_assert_cmpuint (gst_value_array_get_size (hits), ==, 2);
  text = gst_structure_to_string (s); /* serialises, also nested */
  g_assert_nonnull (strstr (text, "picture-1"));
  gst_buffer_unref (buffer);
}

static void
unknown_has_no_label (void)
{
  g_autoptr (GstDmlEmbedding) embedding = make_embedding (5);
  g_autoptr (DmlMatch) match = make_match (0, 5);
  GstBuffer *buffer = gst_buffer_new ();
  GstDmlRegionMeta *meta = gst_dml_buffer_add_region (
    buffer, GST_DML_REGION_FRAME, &vga_box, embedding);
  g_autoptr (GstStructure) s = NULL;

  g_assert_null (gst_dml_region_meta_get_decision (meta));
  g_assert_null (gst_dml_region_meta_get_label (meta));
  gst_dml_region_meta_set_match (meta, match, match);
  g_assert_cmpstr (gst_dml_region_meta_get_decision (meta), ==, "unknown");
  g_assert_null (gst_dml_region_meta_get_label (meta));
  s = gst_dml_region_meta_to_structure (meta, buffer, "x", 5);
  g_assert_false (gst_structure_has_field (s, GST_DML_FIELD_LABEL));
  g_assert_false (gst_structure_has_field (s, GST_DML_FIELD_TRACK_ID));
  g_assert_cmpstr (gst_structure_get_string (s, GST_DML_FIELD_REASON), ==,
                   "empty-gallery");
  gst_buffer_unref (buffer);
}

static void
embedding_block_is_what_went_in (void)
{
  g_autoptr (GstDmlEmbedding) embedding = make_embedding (2);
  g_autofree float *values = test_embed (2);
  const gsize size = gst_dml_embedding_get_dim (embedding) * sizeof (float);
  g_autoptr (GBytes) bytes = gst_dml_embedding_get_bytes (embedding);
  GValue value = G_VALUE_INIT;

  g_assert_cmpmem (gst_dml_embedding_get_values (embedding), size, values,
                   size);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes),
                   values, size);
  g_value_init (&value, GST_TYPE_DML_EMBEDDING);
  g_value_set_boxed (&value, embedding);
  g_assert_true (g_value_get_boxed (&value) == embedding);
  g_value_unset (&value);
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/meta/copy-is-equal", copy_is_equal);
  g_test_add_func ("/meta/copy-appends-to-what-is-there",
                   copy_appends_to_what_is_there);
  g_test_add_func ("/meta/box-scales-with-the-picture",
                   box_scales_with_the_picture);
  g_test_add_func ("/meta/box-goes-where-borders-may-be",
                   box_goes_where_borders_may_be);
  g_test_add_func ("/meta/box-of-another-frame-goes",
                   box_of_another_frame_goes);
  g_test_add_func ("/meta/unknown-transform-is-refused",
                   unknown_transform_is_refused);
  g_test_add_func ("/meta/tags-say-what-invalidates",
                   tags_say_what_invalidates);
  g_test_add_func ("/meta/registered-once", registered_once);
  g_test_add_func ("/meta/structure-has-all-fields", structure_has_all_fields);
  g_test_add_func ("/meta/unknown-has-no-label", unknown_has_no_label);
  g_test_add_func ("/meta/embedding-block-is-what-went-in",
                   embedding_block_is_what_went_in);
  return test_run ();
}
