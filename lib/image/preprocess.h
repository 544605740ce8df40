/* SPDX-License-Identifier: LGPL-2.1-or-later
 * THE preprocessing: what stands between any picture and any encoder, in
 * training, enrolment and live pipelines alike. */
#pragma once

#include <dml/dml-image.h>

#define DML_PREPROCESS_MAX_SIDE 4096

/* What an encoder wants. */
typedef struct {
  int width, height;     /* 1 .. DML_PREPROCESS_MAX_SIDE */
  int channels;          /* 3: R, G, B; 1: grey */
  float mean[3], std[3]; /* of values 0..1, a channel each; std > 0 */
  DmlFit fit;
} DmlPreprocess;

/* Working memory for one caller at a time. */
typedef struct _DmlPreprocessor DmlPreprocessor;

/* INVALID where config is out of its ranges, NO_MEMORY. */
DmlPreprocessor *dml_preprocessor_new (const DmlPreprocess *config,
                                       GError **error);
void dml_preprocessor_free (DmlPreprocessor *preprocessor);

const DmlPreprocess *
dml_preprocessor_get_config (const DmlPreprocessor *preprocessor);

/* Crops, resizes, converts and normalises a region (NULL: the whole image) to
 *
 *   out  C x H x W floats, (value - mean) / std
 *
 * The region becomes a box by the fit mode and is filtered as docs/images.md
 * says: Pillow's BILINEAR, edge pixels repeated where the box sticks out. Only
 * the rows and columns that the filter reaches are read. Straight alpha is laid
 * upon mid grey (128). The result is the same to the bit at every instruction
 * set. Allocates only when format, image size or output size are larger than in
 * all calls before. INVALID: a view that cannot be read, a region that is
 * empty, not finite or beyond 2^24 pixels. */
gboolean dml_preprocessor_run (DmlPreprocessor *preprocessor,
                               const DmlImage *image, const DmlRegion *region,
                               float *out, GError **error);

/* The words for DmlFit, by its values, NULL at the end; and back: INVALID where
 * it is none of them. */
extern const char *const dml_fit_names[];
gboolean dml_fit_parse (const char *word, DmlFit *fit, GError **error);

/* The box that a region becomes for an input of width x height. */
void dml_preprocess_box (DmlFit fit, int width, int height,
                         const DmlRegion *region, DmlRegion *box);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlPreprocessor, dml_preprocessor_free)
