/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What the tests of the elements share. */
#include "gst_testing.h"

#include <glib/gstdio.h>
#include <string.h>

static char *folder;

static void
check_plugin (void)
{
  GstPlugin *plugin = gst_registry_find_plugin (gst_registry_get (), "dml");
  const char *root = g_getenv ("DML_TEST_BUILD_ROOT");

  g_assert_nonnull (plugin);
  g_assert_nonnull (root);
  if (!g_str_has_prefix (gst_plugin_get_filename (plugin), root))
    g_error ("the plugin under test is %s, not that of %s",
             gst_plugin_get_filename (plugin), root);
  gst_object_unref (plugin);
}

void
test_init (int *argc, char ***argv)
{
  g_test_init (argc, argv, NULL);
  gst_init (argc, argv);
  check_plugin ();
  folder = g_dir_make_tmp ("dml-gst-XXXXXX", NULL);
  g_assert_nonnull (folder);
}

int
test_run (void)
{
  const int status = g_test_run ();
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = test_path (name);

    g_remove (path);
  }
  g_dir_close (dir);
  g_rmdir (folder);
  g_free (folder);
  return status;
}

const char *
test_folder (void)
{
  return folder;
}

char *
test_path (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

GstVideoInfo
test_info (GstVideoFormat format, gint width, gint height)
{
  GstVideoInfo info;

  gst_video_info_init (&info);
  g_assert_true (gst_video_info_set_format (&info, format, width, height));
  info.fps_n = 30;
  info.fps_d = 1;
  return info;
}

char *
test_caps (const GstVideoInfo *info)
{
  g_autoptr (GstCaps) caps = gst_video_info_to_caps ((GstVideoInfo *) info);

  return gst_caps_to_string (caps);
}

/* Scale-free, so that every size shows the same. */
static void
paint (guint picture, double u, double v, guint8 *rgb)
{
  const gboolean odd = ((int) (u * (4 + picture)) + (int) (v * 5)) & 1;

  switch (picture % 8) {
  case 0:
    rgb[0] = (guint8) (255 * u), rgb[1] = 30, rgb[2] = (guint8) (255 * v);
    break;
  case 1:
    rgb[0] = rgb[1] = rgb[2] = odd ? 240 : 15;
    break;
  case 2:
    rgb[0] = 20, rgb[1] = odd ? 200 : 90, rgb[2] = 30;
    break;
  case 3:
    rgb[0] = (u - .5) * (u - .5) + (v - .5) * (v - .5) < .1 ? 250 : 10;
    rgb[1] = 60, rgb[2] = 160;
    break;
  case 4:
    rgb[0] = ((int) (u * 9)) & 1 ? 255 : 0, rgb[1] = rgb[0], rgb[2] = 0;
    break;
  case 5:
    rgb[0] = 0, rgb[1] = ((int) (v * 9)) & 1 ? 220 : 40, rgb[2] = 220;
    break;
  case 6:
    rgb[0] = u > v ? 230 : 20, rgb[1] = 20, rgb[2] = u > v ? 20 : 230;
    break;
  default:
    rgb[0] = 128, rgb[1] = (guint8) (255 * (1 - u)), rgb[2] = odd ? 255 : 0;
  }
}

static GstBuffer *
paint_rgb (const GstVideoInfo *rgb, guint picture)
{
  GstBuffer *buffer =
    gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (rgb), NULL);
  GstVideoFrame frame;
  const gint w = GST_VIDEO_INFO_WIDTH (rgb), h = GST_VIDEO_INFO_HEIGHT (rgb);

  g_assert_true (
    gst_video_frame_map (&frame, (GstVideoInfo *) rgb, buffer, GST_MAP_WRITE));
  for (gint y = 0; y < h; y++) {
    guint8 *row = (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&frame, 0) +
                  (gsize) y * GST_VIDEO_FRAME_PLANE_STRIDE (&frame, 0);

    for (gint x = 0; x < w; x++)
      paint (picture, (x + .5) / w, (y + .5) / h, row + 3 * x);
  }
  gst_video_frame_unmap (&frame);
  return buffer;
}

GstBuffer *
test_frame (const GstVideoInfo *info, guint picture)
{
  GstVideoInfo rgb =
    test_info (GST_VIDEO_FORMAT_RGB, GST_VIDEO_INFO_WIDTH (info),
               GST_VIDEO_INFO_HEIGHT (info));
  GstBuffer *from, *to;
  GstVideoConverter *converter;
  GstVideoFrame a, b;

  rgb.fps_n = info->fps_n;
  rgb.fps_d = info->fps_d;
  rgb.interlace_mode = info->interlace_mode;
  from = paint_rgb (&rgb, picture);
  if (GST_VIDEO_INFO_FORMAT (info) == GST_VIDEO_FORMAT_RGB)
    return from;
  to = gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (info), NULL);
  converter = gst_video_converter_new (&rgb, (GstVideoInfo *) info, NULL);
  g_assert_nonnull (converter);
  g_assert_true (gst_video_frame_map (&a, &rgb, from, GST_MAP_READ));
  g_assert_true (
    gst_video_frame_map (&b, (GstVideoInfo *) info, to, GST_MAP_WRITE));
  gst_video_converter_frame (converter, &a, &b);
  gst_video_frame_unmap (&a);
  gst_video_frame_unmap (&b);
  gst_video_converter_free (converter);
  gst_buffer_unref (from);
  return to;
}

float *
test_embed (guint picture)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_RGB, 128, 128);
  g_autoptr (DmlEncoder) encoder = dml_encoder_get_default ();
  g_autoptr (DmlSession) session = NULL;
  g_autoptr (GError) error = NULL;
  GstBuffer *buffer = test_frame (&info, picture);
  float *values = g_new (float, dml_encoder_get_dim (encoder));
  GstMapInfo map;
  DmlImage image;
  const DmlImage *views[] = { &image };

  gst_buffer_map (buffer, &map, GST_MAP_READ);
  image = (DmlImage){ .format = DML_PIXELS_RGB,
                      .width = 128,
                      .height = 128,
                      .plane = { map.data },
                      .stride = { GST_VIDEO_INFO_PLANE_STRIDE (&info, 0) },
                      .matrix = DML_MATRIX_RGB };
  session = dml_encoder_session_new (encoder, 1, &error);
  g_assert_no_error (error);
  g_assert_true (dml_session_embed (session, views, NULL, 1, values, &error));
  g_assert_no_error (error);
  gst_buffer_unmap (buffer, &map);
  gst_buffer_unref (buffer);
  return values;
}

double
test_cosine (const GstDmlEmbedding *a, const float *b)
{
  const float *v = gst_dml_embedding_get_values (a);
  double dot = 0;

  for (guint i = 0; i < gst_dml_embedding_get_dim (a); i++)
    dot += (double) v[i] * (double) b[i];
  return dot;
}

char *
test_gallery (const char *name, guint n)
{
  char *path = test_path (name);
  g_autoptr (DmlEncoder) encoder = dml_encoder_get_default ();
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlGallery) gallery =
    dml_gallery_open (path, DML_GALLERY_CREATE, encoder, &error);

  g_assert_no_error (error);
  for (guint i = 0; i < n; i++) {
    g_autofree float *values = test_embed (i);
    g_autofree char *label = g_strdup_printf ("picture-%u", i);

    dml_gallery_enroll (gallery, label, values, NULL, 1, NULL, &error);
    g_assert_no_error (error);
  }
  return path;
}

TestRun *
test_run_element (GstElement *pipeline)
{
  TestRun *run = g_new0 (TestRun, 1);
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  const gint64 until =
    g_get_monotonic_time () + TEST_PATIENCE_S * G_TIME_SPAN_SECOND;
  gint64 left;

  run->messages =
    g_ptr_array_new_with_free_func ((GDestroyNotify) gst_message_unref);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while ((left = until - g_get_monotonic_time ()) > 0) {
    GstMessage *m = gst_bus_timed_pop (bus, (GstClockTime) left * GST_USECOND);

    if (m == NULL)
      break;
    g_ptr_array_add (run->messages, m);
    if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_ERROR)
      run->error = m;
    else if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_EOS)
      run->eos = TRUE;
    if (run->error != NULL || run->eos)
      break;
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return run;
}

TestRun *
test_run_pipeline (const char *description)
{
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (description, &error);
  TestRun *run;

  g_assert_no_error (error);
  run = test_run_element (pipeline);
  gst_object_unref (pipeline);
  return run;
}

void
test_run_free (TestRun *run)
{
  g_ptr_array_unref (run->messages);
  g_free (run);
}

guint
test_run_count (const TestRun *run, GstMessageType type, const char *name)
{
  guint n = 0;

  for (guint i = 0; i < run->messages->len; i++) {
    GstMessage *m = run->messages->pdata[i];

    n += GST_MESSAGE_TYPE (m) == type &&
         (name == NULL || gst_message_has_name (m, name));
  }
  return n;
}

guint
test_run_count_warnings (const TestRun *run, const char *word)
{
  guint n = 0;

  for (guint i = 0; i < run->messages->len; i++) {
    GstMessage *m = run->messages->pdata[i];
    g_autoptr (GError) error = NULL;

    if (GST_MESSAGE_TYPE (m) != GST_MESSAGE_WARNING)
      continue;
    gst_message_parse_warning (m, &error, NULL);
    n += strstr (error->message, word) != NULL;
  }
  return n;
}

const GstStructure *
test_run_structure (const TestRun *run, const char *name, guint n)
{
  for (guint i = 0; i < run->messages->len; i++) {
    GstMessage *m = run->messages->pdata[i];

    if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_ELEMENT &&
        gst_message_has_name (m, name) && n-- == 0)
      return gst_message_get_structure (m);
  }
  return NULL;
}

void
test_assert_error (const TestRun *run, GQuark domain, gint code, ...)
{
  g_autoptr (GError) error = NULL;
  const char *word;
  va_list words;

  g_assert_nonnull (run->error);
  gst_message_parse_error (run->error, &error, NULL);
  g_assert_error (error, domain, code);
  va_start (words, code);
  while ((word = va_arg (words, const char *)) != NULL)
    if (strstr (error->message, word) == NULL)
      g_error ("\"%s\" does not name %s", error->message, word);
  va_end (words);
}

GstHarness *
test_harness (const char *line, const GstVideoInfo *info)
{
  GstHarness *h = gst_harness_new_parse (line);

  if (info != NULL) {
    g_autofree char *caps = test_caps (info);

    gst_harness_set_src_caps_str (h, caps);
  }
  return h;
}

GstElement *
test_element (GstHarness *h)
{
  GstElement *bin = h->element;

  /* gst_harness_new_parse puts everything in a bin, newest first. */
  return GST_IS_BIN (bin) ? g_list_last (GST_BIN_CHILDREN (bin))->data : bin;
}

GstElement *
test_element_named (GstHarness *h, const char *factory)
{
  for (GList *l = GST_BIN_CHILDREN (h->element); l != NULL; l = l->next)
    if (g_str_equal (
          gst_plugin_feature_get_name (gst_element_get_factory (l->data)),
          factory))
      return l->data;
  g_error ("no %s in the harness", factory);
}

GstHarness *
test_match_harness (const GstVideoInfo *info, const char *gallery,
                    const char *properties)
{
  g_autofree char *line = g_strdup_printf (
    "dmlembed regions=frame ! dmlmatch gallery=\"%s\" %s", gallery, properties);

  return test_harness (line, info);
}

const GstDmlRegionMeta *
test_matched (GstBuffer *buffer)
{
  const GstDmlRegionMeta *meta = gst_dml_buffer_get_region (buffer, 0);

  g_assert_nonnull (meta);
  g_assert_nonnull (meta->match);
  return meta;
}

void
test_set_state (GstElement *element, GstState state)
{
  g_assert_cmpint (gst_element_set_state (element, state), !=,
                   GST_STATE_CHANGE_FAILURE);
}

void
test_start_and_stop (GstElement *pipeline)
{
  test_set_state (pipeline, GST_STATE_PLAYING);
  g_assert_cmpint (
    gst_element_get_state (pipeline, NULL, NULL, TEST_PATIENCE_S * GST_SECOND),
    ==, GST_STATE_CHANGE_SUCCESS);
  g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_NULL), ==,
                   GST_STATE_CHANGE_SUCCESS);
}

GstBus *
test_watch_bus (GstHarness *h)
{
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (h->element, bus);
  return bus;
}

void
test_leave_bus (GstHarness *h, GstBus *bus)
{
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
}

guint
test_count_messages (GstBus *bus, GstMessageType type, const char *name)
{
  GstMessage *m;
  guint n = 0;

  while ((m = gst_bus_pop_filtered (bus, type)) != NULL) {
    n += name == NULL || gst_message_has_name (m, name);
    gst_message_unref (m);
  }
  return n;
}

guint
test_count_told (GstBus *bus, GstMessageType type, const char *word)
{
  GstMessage *m;
  guint n = 0;

  while ((m = gst_bus_pop_filtered (bus, type)) != NULL) {
    g_autoptr (GError) error = NULL;

    if (type == GST_MESSAGE_INFO)
      gst_message_parse_info (m, &error, NULL);
    else
      gst_message_parse_warning (m, &error, NULL);
    n += strstr (error->message, word) != NULL;
    gst_message_unref (m);
  }
  return n;
}

GstBuffer *
test_frame_at (const GstVideoInfo *info, guint picture, guint n)
{
  GstBuffer *b = test_frame (info, picture);

  GST_BUFFER_PTS (b) = n * GST_SECOND / 30;
  GST_BUFFER_DURATION (b) = GST_SECOND / 30;
  return b;
}

void
test_paint_patch (GstBuffer *buffer, const GstVideoInfo *info, guint picture,
                  gint x, gint y, gint side)
{
  const GstVideoInfo patch = test_info (GST_VIDEO_FORMAT_RGB, side, side);
  GstBuffer *small = test_frame (&patch, picture);
  GstVideoFrame a, b;

  g_assert_true (
    gst_video_frame_map (&a, (GstVideoInfo *) info, buffer, GST_MAP_READWRITE));
  g_assert_true (
    gst_video_frame_map (&b, (GstVideoInfo *) &patch, small, GST_MAP_READ));
  for (gint row = 0; row < side; row++)
    memcpy ((guint8 *) a.data[0] + (y + row) * a.info.stride[0] + 3 * x,
            (guint8 *) b.data[0] + row * b.info.stride[0], 3 * (gsize) side);
  gst_video_frame_unmap (&a);
  gst_video_frame_unmap (&b);
  gst_buffer_unref (small);
}

GstVideoRegionOfInterestMeta *
test_add_roi (GstBuffer *b, const char *type, gint id, guint x, guint y,
              guint w, guint h)
{
  GstVideoRegionOfInterestMeta *roi =
    gst_buffer_add_video_region_of_interest_meta (b, type, x, y, w, h);

  roi->id = id;
  return roi;
}

void
test_enroll (const char *path, const char *label, guint picture)
{
  g_autofree float *values = test_embed (picture);
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlGallery) gallery =
    dml_gallery_open (path, DML_GALLERY_WRITE, NULL, &error);

  g_assert_no_error (error);
  dml_gallery_enroll (gallery, label, values, NULL, 1, NULL, &error);
  g_assert_no_error (error);
}

guint
test_items (const char *path, const char *label)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlGallery) gallery =
    dml_gallery_open (path, DML_GALLERY_READ, NULL, &error);
  g_autoptr (GPtrArray) items = NULL;

  g_assert_no_error (error);
  items = dml_gallery_get_items (gallery, label, NULL);
  return items != NULL ? items->len : 0;
}

guint64
test_stat (GstElement *element, const char *field)
{
  g_autoptr (GstStructure) stats = NULL;
  guint64 value;

  g_object_get (element, "stats", &stats, NULL);
  g_assert_cmpstr (gst_structure_get_name (stats), ==,
                   "application/x-dml-stats");
  if (!gst_structure_get_uint64 (stats, field, &value))
    g_error ("stats have no field %s", field);
  return value;
}

guint
test_count_files (void)
{
  GDir *dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (dir != NULL && g_dir_read_name (dir) != NULL)
    n++;
  g_clear_pointer (&dir, g_dir_close);
  return n;
}

gboolean
test_wait (TestCondition condition, gpointer data)
{
  const gint64 until =
    g_get_monotonic_time () + TEST_PATIENCE_S * G_TIME_SPAN_SECOND;

  while (!condition (data)) {
    if (g_get_monotonic_time () > until)
      return FALSE;
    g_usleep (2000);
  }
  return TRUE;
}
