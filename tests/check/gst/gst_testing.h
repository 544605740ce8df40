/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What the tests of the elements share. */
#pragma once

#include <gst/check/gstharness.h>
#include <gst/dml/gstdml.h>
#include <gst/video/video.h>

/* g_test_init and gst_init; fails where the plugin is not the build's own. */
void test_init (int *argc, char ***argv);

/* g_test_run, then everything is taken down and what is still alive counted by
 * the leaks tracer, where the environment asks for it. */
int test_run (void);

/* A folder of this test program's own, removed at the end. */
const char *test_folder (void);

/* A path in it; (transfer full). */
char *test_path (const char *name);

/* Pictures that differ as much as anything does: 0 .. 7. Fills I420 or whatever
 * GstVideo can convert RGB to. */
GstBuffer *test_frame (const GstVideoInfo *info, guint picture);
GstVideoInfo test_info (GstVideoFormat format, gint width, gint height);

/* Embedding of a picture as `dmlembed regions=frame` makes it. (transfer full)
 */
float *test_embed (guint picture);

/* Of an embedding and one of the same encoder's. */
double test_cosine (const GstDmlEmbedding *a, const float *b);

/* A gallery of the built-in encoder in which picture i is enrolled as
 * "picture-<i>" for i < n. (transfer full) path */
char *test_gallery (const char *name, guint n);

/* Caps of an info, as a string for gst_harness_set_src_caps_str. */
char *test_caps (const GstVideoInfo *info);

/* A result of a run. */
typedef struct {
  GPtrArray *messages; /* GstMessage, all that was posted */
  gboolean eos;
  GstMessage *error; /* of messages; NULL for none */
} TestRun;

/* Runs a pipeline to its end, or an error, for at most 20 s. */
TestRun *test_run_pipeline (const char *description);
TestRun *test_run_element (GstElement *pipeline);
void test_run_free (TestRun *run);
guint test_run_count (const TestRun *run, GstMessageType type,
                      const char *structure_name);

/* Warnings whose text holds a word. */
guint test_run_count_warnings (const TestRun *run, const char *word);

/* The n-th element message of that name, or NULL. */
const GstStructure *test_run_structure (const TestRun *run, const char *name,
                                        guint n);

/* Fails unless the run ended with this error, whose text names all words (a
 * NULL-terminated list). */
void test_assert_error (const TestRun *run, GQuark domain, gint code,
                        ...) G_GNUC_NULL_TERMINATED;

/* A harness around elements in gst-launch notation, fed with frames of that
 * kind (nullable: no caps yet), and one of its elements. */
GstHarness *test_harness (const char *line, const GstVideoInfo *info);
GstElement *test_element (GstHarness *h); /* the first or only one */
GstElement *test_element_named (GstHarness *h, const char *factory);

/* The same around `dmlembed regions=frame ! dmlmatch` with more properties, and
 * the only region that it has answered. */
GstHarness *test_match_harness (const GstVideoInfo *info, const char *gallery,
                                const char *properties);
const GstDmlRegionMeta *test_matched (GstBuffer *buffer);

/* Fails unless the element goes there, or is on its way. */
void test_set_state (GstElement *element, GstState state);

/* To PLAYING, and at once to NULL again, wherever it happens to be. */
void test_start_and_stop (GstElement *pipeline);

/* A bus of the harness's own, until it is left. What is counted is taken off
 * it: element messages of a name (NULL: any), or those of another type whose
 * text holds a word. */
GstBus *test_watch_bus (GstHarness *h);
void test_leave_bus (GstHarness *h, GstBus *bus);
guint test_count_messages (GstBus *bus, GstMessageType type, const char *name);
guint test_count_told (GstBus *bus, GstMessageType type, const char *word);

/* test_frame as the n-th of a stream of 30 frames/s. */
GstBuffer *test_frame_at (const GstVideoInfo *info, guint picture, guint n);

/* Paints a picture upon part of a frame of the same format, RGB. */
void test_paint_patch (GstBuffer *buffer, const GstVideoInfo *info,
                       guint picture, gint x, gint y, gint side);

GstVideoRegionOfInterestMeta *test_add_roi (GstBuffer *buffer, const char *type,
                                            gint id, guint x, guint y, guint w,
                                            guint h);

/* Adds an item to a gallery through a handle of its own, as another process
 * does. */
void test_enroll (const char *path, const char *label, guint picture);

/* How many items a label has, 0 where there is no such label. */
guint test_items (const char *path, const char *label);

guint64 test_stat (GstElement *element, const char *field);

/* Files that the process has open. */
guint test_count_files (void);

/* What a test waits for at most: a busy machine is slow, not wrong. */
#define TEST_PATIENCE_S 120

/* Waits, for no longer than that, until condition (data) is TRUE. */
typedef gboolean (*TestCondition) (gpointer data);
gboolean test_wait (TestCondition condition, gpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestRun, test_run_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstHarness, gst_harness_teardown)
