/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Views of a photograph that is enrolled, and their mean. */
#pragma once

#include "encoder/encoder.h"

#define DML_ENROL_MAX_VIEWS 256

typedef struct _DmlEnroller DmlEnroller; /* working memory of a session */

DmlEnroller *dml_enroller_new (const DmlPreprocess *input, GError **error);
void dml_enroller_free (DmlEnroller *enroller);

/* The mean embedding of n_views views, not normalised. View 0 is the picture
 * itself; view v is drawn from stream v of one fixed seed, so that the same
 * picture gives the same floats. */
gboolean dml_enroller_run (DmlEnroller *enroller, DmlSession *session,
                           const DmlPicture *picture, size_t n_views,
                           float *out, GError **error);

/* The embedding of one view more, always the same, which is none of those: the
 * picture as a camera may see it, to measure thresholds with. Not normalised.
 */
gboolean dml_enroller_probe (DmlEnroller *enroller, DmlSession *session,
                             const DmlPicture *picture, float *out,
                             GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlEnroller, dml_enroller_free)
