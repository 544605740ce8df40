/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The results of a frame as one line of JSON (docs/metadata.md). */
#pragma once

#include <gst/dml/gstdml.h>

G_BEGIN_DECLS

typedef struct {
  gboolean unknown;   /* also regions that are not known */
  gboolean embedding; /* also the embeddings themselves */
  guint top_k;        /* nearest items of each region */
} GstDmlJsonOptions;

/* (transfer full) A line without its end, or NULL where the frame has nothing
 * to tell. */
char *gst_dml_json_line (GstBuffer *buffer, const GstSegment *segment,
                         const GstDmlJsonOptions *options);

G_END_DECLS
