/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The plugin: registration only. */
#include <gst/gst.h>

#include "gstdmlembed.h"
#include "gstdmlgallery.h"
#include "gstdmljson.h"
#include "gstdmlmatch.h"
#include "gstdmloverlay.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  gboolean ok = FALSE;

  ok |= GST_ELEMENT_REGISTER (dmlembed, plugin);
  ok |= GST_ELEMENT_REGISTER (dmlmatch, plugin);
  ok |= GST_ELEMENT_REGISTER (dmlgallery, plugin);
  ok |= GST_ELEMENT_REGISTER (dmloverlay, plugin);
  ok |= GST_ELEMENT_REGISTER (dmljson, plugin);
  return ok;
}

/* The macro leaves the reserved members out. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, dml,
                   "Recognition by deep metric learning", plugin_init,
                   PACKAGE_VERSION, "LGPL", "dml", "the sources of dml")
