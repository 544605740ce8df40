/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Embeddings of regions onto the buffer that they are of. */
#pragma once

#include "gstdmltypes.h"
#include "regions.h"
#include "reuse.h"

G_BEGIN_DECLS

/* Attaches an embedding a region (GstDmlRegion; GstDmlEmbedding), in the forms
 * asked for. @keep (nullable) takes them for frames to come. */
void gst_dml_attach (GstBuffer *buffer, GstDmlAttachFlags forms,
                     const GArray *regions, const GPtrArray *embeddings,
                     GstDmlReuse *keep);

/* The last embeddings once more, for regions that go on from a frame
 * @frames_ago. How many there were. */
guint gst_dml_attach_again (GstBuffer *buffer, GstDmlAttachFlags forms,
                            const GArray *regions, GstDmlReuse *last,
                            guint frames_ago);

G_END_DECLS
