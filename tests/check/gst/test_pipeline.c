/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Whole pipelines, as a user types them. */
#include "gst_testing.h"

static void
recognises_end_to_end (void)
{
  g_autofree char *gallery = test_gallery ("end.bin", 4);
  g_autofree char *line = g_strdup_printf (
    "videotestsrc num-buffers=30 ! dmlembed ! dmlmatch gallery=%s ! "
    "dmloverlay ! fakesink",
    gallery);
  g_autoptr (TestRun) run = test_run_pipeline (line);

  g_assert_null (run->error);
  g_assert_true (run->eos);
  g_assert_cmpuint (test_run_count (run, GST_MESSAGE_ELEMENT, "dml-match"), >=,
                    1);
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/pipeline/recognises-end-to-end", recognises_end_to_end);
  return test_run ();
}
