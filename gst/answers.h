/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Looking embeddings up, each once: an answer holds for as long as the same
 * block meets the same revision, on repeated frames and on frames between two
 * runs of the encoder. */
#pragma once

#include <gst/dml/gstdml.h>

#include "watch.h"

G_BEGIN_DECLS

typedef struct _GstDmlAnswers GstDmlAnswers;

GstDmlAnswers *gst_dml_answers_new (void);
void gst_dml_answers_free (GstDmlAnswers *self);
void gst_dml_answers_clear (GstDmlAnswers *self);

/* Appends to @matches (DmlMatch, transfer full) an answer for each of @metas
 * (GstDmlRegionMeta with an embedding, of one buffer). Returns how many were
 * known from the buffer before. */
guint gst_dml_answers_find (GstDmlAnswers *self, GstDmlReady *ready,
                            const GPtrArray *metas, GPtrArray *matches);

G_END_DECLS
