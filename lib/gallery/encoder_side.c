/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What asks an encoder; all else knows embeddings only. */
#include "gallery/gallery.h"
#include "gallery/calibrate.h"
#include "gallery/match.h"

DmlGallery *
dml_gallery_open (const char *path, DmlGalleryFlags flags, DmlEncoder *encoder,
                  GError **error)
{
  DmlSpace space;

  g_return_val_if_fail (path != NULL, NULL);
  if (encoder == NULL)
    return dml_gallery_open_space (path, flags, NULL, error);
  space = (DmlSpace){
    (char *) dml_encoder_get_fingerprint (encoder),
    (char *) dml_encoder_get_name (encoder),
    dml_encoder_get_dim (encoder),
    dml_encoder_get_metric (encoder),
  };
  return dml_gallery_open_space (path, flags, &space, error);
}

DmlMatcher *
dml_matcher_new (DmlSnapshot *snapshot, DmlEncoder *encoder,
                 const DmlMatcherOptions *options, GError **error)
{
  static const DmlMatcherOptions defaults = DML_MATCHER_OPTIONS_INIT;
  DmlThreshold threshold;

  if (options == NULL)
    options = &defaults;
  if (encoder == NULL || !dml_encoder_get_threshold (
                           encoder, options->false_accept_rate, &threshold))
    return dml_matcher_new_with (snapshot, NULL, options, error);
  return dml_matcher_new_with (snapshot, &threshold, options, error);
}

gboolean
dml_gallery_calibrate (DmlGallery *gallery, DmlEncoder *encoder,
                       double false_accept_rate, DmlThreshold *threshold,
                       gboolean *from_gallery, GError **error)
{
  DmlThreshold encoders;
  const gboolean has =
    encoder != NULL &&
    dml_encoder_get_threshold (encoder, false_accept_rate, &encoders);

  return dml_gallery_calibrate_with (gallery, has ? &encoders : NULL,
                                     false_accept_rate, threshold, from_gallery,
                                     error);
}
