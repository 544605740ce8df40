/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dmlembed: regions of a frame to embeddings on the buffer. */
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_DML_EMBED (gst_dml_embed_get_type ())
G_DECLARE_FINAL_TYPE (GstDmlEmbed, gst_dml_embed, GST, DML_EMBED,
                      GstBaseTransform)
GST_ELEMENT_REGISTER_DECLARE (dmlembed);

G_END_DECLS
