/* SPDX-License-Identifier: LGPL-2.1-or-later
 * An application that reads results from buffers, built against the installed
 * libraries. */
#include <gst/dml/gstdml.h>
#include <stdio.h>

int
main (void)
{
  GstBuffer *buffer;
  gpointer state = NULL;

  gst_init (NULL, NULL);
  buffer = gst_buffer_new ();
  if (gst_buffer_iterate_meta_filtered (buffer, &state,
                                        GST_DML_REGION_META_API_TYPE))
    return 1;
  printf ("a new buffer has no region, and dml is %s\n", dml_version ());
  gst_buffer_unref (buffer);
  return 0;
}
