/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dmlgallery: embeddings on the buffer into a gallery, on command. */
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_DML_GALLERY (gst_dml_gallery_get_type ())
G_DECLARE_FINAL_TYPE (GstDmlGallery, gst_dml_gallery, GST, DML_GALLERY,
                      GstBaseTransform)
GST_ELEMENT_REGISTER_DECLARE (dmlgallery);

G_END_DECLS
