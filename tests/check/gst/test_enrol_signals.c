/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dmlgallery: enrolling, renaming and removing by signal, from any thread and
 * in any state. */
#include "enrol_harness.h"

/* Each fails unless the signal answers that. */
static void
expect_enroll (GstElement *gallery, const char *label, gint64 expected)
{
  gint64 item = 0; /* neither an item's nor a refusal */

  g_signal_emit_by_name (gallery, "enroll", label, &item);
  g_assert_cmpint (item, ==, expected);
}

static void
expect_rename (GstElement *gallery, const char *from, const char *to,
               gboolean expected)
{
  gboolean renamed = !expected;

  g_signal_emit_by_name (gallery, "rename", from, to, &renamed);
  g_assert_cmpint (renamed, ==, expected);
}

static void
expect_remove (GstElement *gallery, const char *label, guint expected)
{
  guint n = expected + 1;

  g_signal_emit_by_name (gallery, "remove", label, &n);
  g_assert_cmpuint (n, ==, expected);
}

typedef struct {
  GstElement *element;
  const char *label;
  gint64 item;
  gint done; /* atomic */
} Call;

static gpointer
call_enroll (gpointer data)
{
  Call *call = data;

  g_signal_emit_by_name (call->element, "enroll", call->label, &call->item);
  g_atomic_int_set (&call->done, TRUE);
  return NULL;
}

static void
from_another_thread (void)
{
  g_auto (Enrol) e = enrol_begin (test_path ("signals.bin"), "min-quality=0");
  Call call = { .element = e.gallery, .label = "by signal" };
  GThread *thread;

  /* Frames flow on while the call waits for one of them. */
  thread = g_thread_new (NULL, call_enroll, &call);
  while (!g_atomic_int_get (&call.done)) {
    enrol_show (&e, e.n_frames % 3);
    g_usleep (2000);
  }
  g_thread_join (thread);
  g_assert_cmpint (call.item, ==, 1);
  g_assert_cmpuint (test_items (e.path, "by signal"), ==, 1);
  expect_rename (e.gallery, "by signal", "new name", TRUE);
  expect_rename (e.gallery, "by signal", "x", FALSE); /* gone */
  expect_remove (e.gallery, "new name", 1);
  expect_remove (e.gallery, "new name", 0);
}

/* No frame comes: the last one is meant. */
static void
while_nothing_flows (void)
{
  g_auto (Enrol) e = enrol_begin (test_path ("paused.bin"), "");

  expect_enroll (e.gallery, "still", -1); /* nothing was seen yet */
  enrol_expect (&e, FALSE, "no-region");
  enrol_show (&e, 1);
  expect_enroll (e.gallery, "still", 1);
  enrol_expect (&e, TRUE, "enrolled");
  expect_enroll (e.gallery, "still", -1); /* the same picture */
  enrol_expect (&e, FALSE, "repeated-frame");
  expect_enroll (e.gallery, "", -1);
  enrol_expect (&e, FALSE, "no-label");
}

static GstPadProbeReturn
call_from_streaming_thread (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  call_enroll (data);
  return GST_PAD_PROBE_REMOVE;
}

static void
from_the_streaming_thread (void)
{
  g_auto (Enrol) e = enrol_begin (test_path ("streaming.bin"), "");
  Call call = { .element = e.gallery, .label = "inside" };
  GstPad *pad = gst_element_get_static_pad (e.gallery, "src");

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, call_from_streaming_thread,
                     &call, NULL);
  enrol_show (&e, 1);
  g_assert_cmpint (call.item, ==, 1);
  gst_object_unref (pad);
}

static void
below_paused (void)
{
  g_autofree char *path = test_gallery ("ready.bin", 2);
  GstElement *gallery = gst_element_factory_make ("dmlgallery", NULL);

  g_object_set (gallery, "gallery", path, NULL);
  gst_element_set_state (gallery, GST_STATE_READY);
  expect_rename (gallery, "picture-0", "zero", TRUE);
  expect_remove (gallery, "picture-1", 1);
  expect_enroll (gallery, "x", -1);
  g_assert_cmpuint (test_items (path, "zero"), ==, 1);
  gst_element_set_state (gallery, GST_STATE_NULL);
  gst_object_unref (gallery);
}

/* Each is refused with words, and nothing is written. */
static void
labels_that_are_none (void)
{
  g_autofree char *long_label = g_strnfill (100000, 'x');
  const struct {
    const char *from, *to, *reason;
  } cases[] = {
    { "picture-0", NULL, "no-label" },
    { NULL, "z", "no-label" },
    { NULL, NULL, "no-label" },
    { "picture-0", "", "no-label" },
    { "", "z", "no-label" },
    { "picture-0", "picture-1", "label-exists" },
    { "picture-0", "\xff\xfe", "bad-label" },
    { "picture-0", long_label, "bad-label" },
    { "nobody", "z", "no-such-label" },
  };
  static const char *const removed[][2] = { { NULL, "no-label" },
                                            { "", "no-label" },
                                            { "\xff", "bad-label" },
                                            { "nobody", "no-such-label" } };
  static const char *const enrolled[] = { NULL, "" };
  g_auto (Enrol) e = enrol_begin (test_gallery ("none.bin", 2), "");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    expect_rename (e.gallery, cases[i].from, cases[i].to, FALSE);
    enrol_expect (&e, FALSE, cases[i].reason);
  }
  for (guint i = 0; i < G_N_ELEMENTS (removed); i++) {
    expect_remove (e.gallery, removed[i][0], 0);
    enrol_expect (&e, FALSE, removed[i][1]);
  }
  for (guint i = 0; i < G_N_ELEMENTS (enrolled); i++) {
    expect_enroll (e.gallery, enrolled[i], -1);
    enrol_expect (&e, FALSE, "no-label");
  }
  g_assert_cmpuint (test_items (e.path, "picture-0"), ==, 1);
  g_assert_cmpuint (test_items (e.path, "picture-1"), ==, 1);
}

typedef struct {
  GstElement *element;
  guint step;
  gboolean renamed;
  gint64 item;
  gint64 took_us;
} Inside;

/* From the thread that writes: it would wait for itself. */
static GstBusSyncReply
call_back (GstBus *bus, GstMessage *message, gpointer data)
{
  Inside *inside = data;
  const gint64 start = g_get_monotonic_time ();

  if (!gst_message_has_name (message, "dml-enrolled"))
    return GST_BUS_PASS;
  if (inside->step++ == 0)
    g_signal_emit_by_name (inside->element, "rename", "first", "second",
                           &inside->renamed);
  else if (inside->step == 2)
    g_signal_emit_by_name (inside->element, "enroll", "third", &inside->item);
  inside->took_us = MAX (inside->took_us, g_get_monotonic_time () - start);
  return GST_BUS_PASS;
}

static void
from_a_sync_handler (void)
{
  g_auto (Enrol) e = enrol_begin (test_path ("inside.bin"),
                                  "label=first enroll=true min-quality=0");
  Inside inside = { .element = e.gallery };

  gst_bus_set_sync_handler (e.bus, call_back, &inside, NULL);
  enrol_show (&e, 0);
  enrol_expect (&e, TRUE, "enrolled"); /* the innermost is told first */
  enrol_expect (&e, TRUE, "renamed");
  enrol_expect (&e, TRUE, "enrolled");
  g_assert_true (inside.renamed);
  g_assert_cmpint (inside.item, ==, 2);
  g_assert_cmpint (inside.took_us, <, 25 * G_TIME_SPAN_SECOND); /* of 30 */
  gst_bus_set_sync_handler (e.bus, NULL, NULL, NULL);
  g_object_set (e.gallery, "enroll", FALSE, NULL);
  enrol_show (&e, 1);
  expect_enroll (e.gallery, "fourth", 3);
  g_assert_cmpuint (test_items (e.path, "second"), ==, 1);
  g_assert_cmpuint (test_items (e.path, "third"), ==, 1);
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
#define TEST(name, function) g_test_add_func ("/enrol-signals/" name, function)
  TEST ("from-another-thread", from_another_thread);
  TEST ("while-nothing-flows", while_nothing_flows);
  TEST ("from-the-streaming-thread", from_the_streaming_thread);
  TEST ("from-a-sync-handler", from_a_sync_handler);
  TEST ("below-paused", below_paused);
  TEST ("labels-that-are-none", labels_that_are_none);
#undef TEST
  return test_run ();
}
