/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dmljson: results on the buffer to JSON lines. */
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_DML_JSON (gst_dml_json_get_type ())
G_DECLARE_FINAL_TYPE (GstDmlJson, gst_dml_json, GST, DML_JSON, GstBaseTransform)
GST_ELEMENT_REGISTER_DECLARE (dmljson);

G_END_DECLS
