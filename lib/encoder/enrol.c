/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Views of a photograph that is enrolled, and their mean. See enrol.h. */
#include "encoder/enrol.h"
#include "encoder/backdrop.h"
#include "image/augment.h"

#define ENROL_SEED 0x656e726f6cu /* "enrol" */
#define ENROL_BLOCK 8            /* views embedded at once */

/* What a camera does to a thing that was photographed once: turned a little, in
 * other light, slightly out of focus, on something else. No mirror image, and
 * nothing in front of it: those a shop does not have. Nearer and farther (crop)
 * did not help: docs/encoder.md has the figures. */
static const DmlAugment ENROL_VIEWS = {
  .rotate = 15,
  .brightness = 0.4f,
  .contrast = 0.25f,
  .saturation = 0.2f,
  .cast = 0.1f,
  .blur = 0.7f,
  .noise = 0.02f,
  .background = 1,
};

struct _DmlEnroller {
  DmlPreprocessor *plain;
  DmlAugmenter *views;
  DmlPicture *backdrop; /* drawn anew for each view that has one */
};

void
dml_enroller_free (DmlEnroller *enroller)
{
  if (enroller == NULL)
    return;
  g_clear_pointer (&enroller->plain, dml_preprocessor_free);
  g_clear_pointer (&enroller->views, dml_augmenter_free);
  g_clear_pointer (&enroller->backdrop, dml_picture_unref);
  g_free (enroller);
}

DmlEnroller *
dml_enroller_new (const DmlPreprocess *input, GError **error)
{
  g_autoptr (DmlEnroller) enroller = g_new0 (DmlEnroller, 1);

  enroller->plain = dml_preprocessor_new (input, error);
  if (enroller->plain == NULL)
    return NULL;
  enroller->views = dml_augmenter_new (&ENROL_VIEWS, input, error);
  if (enroller->views == NULL)
    return NULL;
  enroller->backdrop = dml_picture_new_rgb (96, 96, 3, error);
  if (enroller->backdrop == NULL)
    return NULL;
  return g_steal_pointer (&enroller);
}

/* ---- views ---- */

typedef struct {
  DmlEnroller *enroller;
  const DmlPicture *picture;
  size_t first; /* view that row 0 of the block is */
} EnrolCall;

static gboolean
enrol_fill (DmlSession *session, void *data, size_t i, float *out,
            GError **error)
{
  const EnrolCall *call = data;
  DmlEnroller *enroller = call->enroller;
  const DmlImage *image = dml_picture_get_image (call->picture);
  const size_t view = call->first + i;
  const gboolean probe = view == DML_ENROL_MAX_VIEWS;
  const DmlImage *behind = NULL;
  DmlRng rng;

  if (view == 0) {
    DmlRegion extent;

    dml_picture_get_extent (call->picture, &extent);
    return dml_preprocessor_run (enroller->plain, image, &extent, out, error);
  }
  dml_rng_init (&rng, ENROL_SEED, view);
  /* Without alpha the outline of the thing is guessed: half of the views. A
   * probe is what may come, and is not guessed at. */
  if (dml_picture_has_alpha (call->picture) || (view % 2 == 0 && !probe)) {
    dml_backdrop_draw (enroller->backdrop, &rng);
    behind = dml_picture_get_image (enroller->backdrop);
  }
  return dml_augmenter_run (enroller->views, image, behind, &rng, out, error);
}

gboolean
dml_enroller_run (DmlEnroller *enroller, DmlSession *session,
                  const DmlPicture *picture, size_t n_views, float *out,
                  GError **error)
{
  const size_t dim = dml_session_get_dim (session);
  g_autofree float *rows = g_new (float, MIN (n_views, ENROL_BLOCK) * dim);
  g_autofree double *sum = g_new0 (double, dim);
  EnrolCall call = { enroller, picture, 0 };

  for (; call.first < n_views; call.first += ENROL_BLOCK) {
    const size_t n = MIN (n_views - call.first, ENROL_BLOCK);

    if (!dml_session_run (session, enrol_fill, &call, n, rows, error))
      return FALSE;
    for (size_t i = 0; i < n * dim; i++)
      sum[i % dim] += (double) rows[i];
  }
  for (size_t i = 0; i < dim; i++)
    out[i] = (float) (sum[i] / (double) n_views);
  return TRUE;
}

gboolean
dml_enroller_probe (DmlEnroller *enroller, DmlSession *session,
                    const DmlPicture *picture, float *out, GError **error)
{
  EnrolCall call = { enroller, picture, DML_ENROL_MAX_VIEWS };

  return dml_session_run (session, enrol_fill, &call, 1, out, error);
}
