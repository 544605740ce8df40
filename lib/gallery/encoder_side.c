/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What asks an encoder; all else knows embeddings only. */
#include "gallery/calibrate.h"
#include "gallery/gallery.h"
#include "gallery/match.h"

DmlSpace
dml_space_of (const DmlEncoder *encoder)
{
  return (DmlSpace){
    (char *) dml_encoder_get_fingerprint (encoder),
    (char *) dml_encoder_get_name (encoder),
    dml_encoder_get_dim (encoder),
    dml_encoder_get_metric (encoder),
  };
}

/* The encoder's threshold for the rate, where there is an encoder and it has
 * one: *has. FALSE and MISMATCH where it is another's than the gallery's. */
static gboolean
encoders_threshold (DmlEncoder *encoder, const DmlSpace *gallerys,
                    const char *path, double rate, DmlThreshold *threshold,
                    gboolean *has, GError **error)
{
  *has = FALSE;
  if (encoder != NULL) {
    const DmlSpace space = dml_space_of (encoder);

    if (!dml_space_check (gallerys, &space, path, error))
      return FALSE;
    *has = rate > 0.0 && rate < 1.0 &&
           dml_encoder_get_threshold (encoder, rate, threshold);
  }
  return TRUE;
}

DmlGallery *
dml_gallery_open (const char *path, DmlGalleryFlags flags, DmlEncoder *encoder,
                  GError **error)
{
  DmlSpace space;

  g_return_val_if_fail (path != NULL, NULL);
  if (encoder == NULL)
    return dml_gallery_open_space (path, flags, NULL, error);
  space = dml_space_of (encoder);
  return dml_gallery_open_space (path, flags, &space, error);
}

DmlMatcher *
dml_matcher_new (DmlSnapshot *snapshot, DmlEncoder *encoder,
                 const DmlMatcherOptions *options, GError **error)
{
  static const DmlMatcherOptions defaults = DML_MATCHER_OPTIONS_INIT;
  DmlThreshold threshold;
  gboolean has;

  if (options == NULL)
    options = &defaults;
  if (!encoders_threshold (encoder, &snapshot->space, snapshot->path,
                           options->false_accept_rate, &threshold, &has, error))
    return NULL;
  return dml_matcher_new_with (snapshot, has ? &threshold : NULL, options,
                               error);
}

gboolean
dml_gallery_calibrate (DmlGallery *gallery, DmlEncoder *encoder,
                       double false_accept_rate, DmlThreshold *threshold,
                       gboolean *from_gallery, GError **error)
{
  DmlThreshold encoders;
  gboolean has;

  return encoders_threshold (encoder, &gallery->space, gallery->path,
                             false_accept_rate, &encoders, &has, error) &&
         dml_gallery_calibrate_with (gallery, has ? &encoders : NULL,
                                     false_accept_rate, threshold, from_gallery,
                                     error);
}
