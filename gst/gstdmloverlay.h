/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dmloverlay: results on the buffer to boxes and labels in the picture. */
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_DML_OVERLAY (gst_dml_overlay_get_type ())
G_DECLARE_FINAL_TYPE (GstDmlOverlay, gst_dml_overlay, GST, DML_OVERLAY,
                      GstBaseTransform)
GST_ELEMENT_REGISTER_DECLARE (dmloverlay);

G_END_DECLS
