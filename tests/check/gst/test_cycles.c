/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Each element started and stopped DML_CYCLES times (a thousand, say): open
 * files and resident memory stay what they were. Skipped where that is unset.
 */
#include "gst_testing.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

/* Cycles until caches, pools and the heap have grown to what they need. */
#define WARM 100

/* What the heap may wander by: half a kB a cycle of a thousand. */
#define SLACK_KB 450

#define SOURCE "videotestsrc num-buffers=2 ! video/x-raw,width=96,height=64 ! "

static long
resident_kb (void)
{
  g_autofree char *text = NULL;
  long pages = 0;

  g_assert_true (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  g_assert_cmpint (sscanf (text, "%*s %ld", &pages), ==, 1);
  return pages * (sysconf (_SC_PAGESIZE) / 1024);
}

/* Bytes that were allocated and not freed, where the C library tells. */
static long
heap_kb (void)
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
  const struct mallinfo2 info = mallinfo2 ();

  return (long) ((info.uordblks + info.hblkhd) / 1024);
#else
  return 0;
#endif
}

static guint
wanted_cycles (void)
{
  const char *text = g_getenv ("DML_CYCLES");

  return text != NULL ? (guint) g_ascii_strtoull (text, NULL, 10) : 0;
}

static void
starts_and_stops (gconstpointer data)
{
  const char *const *rest = data; /* name, what stands behind the source */
  const guint n = wanted_cycles ();
  g_autofree char *gallery = test_gallery ("cycles.bin", 3);
  g_autofree char *path = test_path (rest[0]);
  g_auto (GStrv) a = g_strsplit (rest[1], "SHOP", -1);
  g_autofree char *half = g_strjoinv (gallery, a);
  g_auto (GStrv) b = g_strsplit (half, "OWN", -1);
  g_autofree char *tail = g_strjoinv (path, b);
  g_autofree char *line =
    g_strconcat (SOURCE, tail, " ! fakesink async=true", NULL);
  GstElement *pipeline;
  guint files = 0;
  long heap = 0, most = 0, least = G_MAXLONG;

  pipeline = gst_parse_launch (line, NULL);
  g_assert_nonnull (pipeline);
  for (guint i = 0; i < n; i++) {
    test_start_and_stop (pipeline);
    if (i + 1 == WARM) {
      files = test_count_files ();
      heap = heap_kb ();
    }
    /* The heap's pages come and go by megabytes with the threads. */
    if (i >= WARM && i < n / 2)
      most = MAX (most, resident_kb ());
    if (i >= n - n / 4)
      least = MIN (least, resident_kb ());
  }
  g_test_message ("%s: %u cycles; files %u, then %u; heap %ld KiB, then %ld; "
                  "resident at most %ld KiB, of the last quarter at least %ld",
                  rest[0], n, files, test_count_files (), heap, heap_kb (),
                  most, least);
  g_assert_cmpuint (test_count_files (), ==, files);
#ifndef __SANITIZE_ADDRESS__ /* keeps what was freed */
  g_assert_cmpint (heap_kb (), <, heap + SLACK_KB);
  g_assert_cmpint (least, <, most + SLACK_KB);
#endif
  gst_object_unref (pipeline);
}

int
main (int argc, char **argv)
{
  static const char *const elements[][2] = {
    { "dmlembed", "dmlembed" },
    { "dmlmatch", "dmlembed ! dmlmatch gallery=SHOP" },
    { "dmlgallery", "dmlembed ! dmlgallery gallery=OWN label=x enroll=true "
                    "min-quality=0 max-per-label=3" },
    { "dmloverlay", "dmlembed ! dmlmatch gallery=SHOP ! dmloverlay" },
    { "dmljson", "dmlembed ! dmlmatch gallery=SHOP ! dmljson location=OWN" },
  };

  if (wanted_cycles () < 4 * WARM) {
    g_print ("skipped: DML_CYCLES is not set, or below %d\n", 4 * WARM);
    return 77;
  }
  test_init (&argc, &argv);
  for (guint i = 0; i < G_N_ELEMENTS (elements); i++) {
    g_autofree char *path = g_strdup_printf ("/cycles/%s", elements[i][0]);

    g_test_add_data_func (path, elements[i], starts_and_stops);
  }
  return test_run ();
}
