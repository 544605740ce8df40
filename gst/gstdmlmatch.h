/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dmlmatch: embeddings on the buffer to labels, or unknown. */
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_DML_MATCH (gst_dml_match_get_type ())
G_DECLARE_FINAL_TYPE (GstDmlMatch, gst_dml_match, GST, DML_MATCH,
                      GstBaseTransform)
GST_ELEMENT_REGISTER_DECLARE (dmlmatch);

G_END_DECLS
