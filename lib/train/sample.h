/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One picture of a data set: from a file's bytes to the pixels that are kept.
 */
#pragma once

#include "train/dataset.h"

/* Fills size, pixels and sums of a zeroed sample: the picture, or what
 * `fit` shows of its box and the picture has, shrunk to `side_wanted` on the
 * shorter side if it is larger. *side is that side as found. `name` is for
 * messages. */
gboolean dml_sample_decode (DmlSample *sample, GBytes *bytes, const char *name,
                            const DmlRegion *box, DmlFit fit,
                            double side_wanted, int *side, GError **error);

/* Past the memory bound: a tenth of the size as JPEG of quality 95. Of a sample
 * without alpha. */
gboolean dml_sample_pack (DmlSample *sample, GError **error);

void dml_sample_clear (gpointer sample);
