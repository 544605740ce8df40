/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Random views of a picture for training: what a camera might have seen of the
 * same thing. docs/images.md says what each range means and how it was chosen.
 *
 * A view is drawn from a DmlRng alone: the same seed and stream give the same
 * floats, whatever the thread, the DML_CPU level, or the views before. The
 * same numbers are drawn whether a range is on or off, so switching one off
 * leaves all others as they were. */
#pragma once

#include "image/preprocess.h"
#include "base/rng.h"

/* Ranges, each 0 = off. dml_augment_fields[] names, bounds and describes them;
 * a factor "within 1 + a" is log-uniform in 1 / (1 + a) .. 1 + a. */
typedef struct {
  float crop;
  float widen;
  float aspect;
  float flip;
  float flip_vertical;
  float rotate;
  float perspective;
  float brightness;
  float contrast;
  float saturation;
  float cast;
  float blur;
  float noise;
  float jpeg;
  float erase;
  float background;
  float shrink;
  float plain;
} DmlAugment;

typedef struct {
  const char *name; /* in policies: "rotate=17" */
  size_t offset;    /* of the float in DmlAugment */
  float max;        /* values are 0 .. max */
  const char *blurb;
} DmlAugmentField;

extern const DmlAugmentField dml_augment_fields[];
extern const size_t dml_augment_n_fields;

/* "none", "light", "default" or "strong", then changes by name:
 * "default,flip=0,background=0.6". INVALID names the word that is wrong, what
 * would be right, and the nearest name to a mistyped one. */
gboolean dml_augment_parse (const char *text, DmlAugment *policy,
                            GError **error);

/* Every range by name, as dml_augment_parse() reads it. */
char *dml_augment_to_string (const DmlAugment *policy);

/* Working memory for one caller at a time. */
typedef struct _DmlAugmenter DmlAugmenter;

DmlAugmenter *dml_augmenter_new (const DmlAugment *policy,
                                 const DmlPreprocess *config, GError **error);
void dml_augmenter_free (DmlAugmenter *augmenter);

/* Draws a view of a picture (GRAY8, RGB or RGBA).
 *
 *   out  C x H x W floats, normalised as dml_preprocessor_run() does
 *
 * behind is the picture that background replacement shows; NULL: none is
 * replaced. Where alpha is not replaced it is laid upon mid grey. With all
 * ranges 0 the result is dml_preprocessor_run()'s to the bit. Allocates only
 * while pictures get larger. UNSUPPORTED (another layout), INVALID, NO_MEMORY.
 */
gboolean dml_augmenter_run (DmlAugmenter *augmenter, const DmlImage *picture,
                            const DmlImage *behind, DmlRng *rng, float *out,
                            GError **error);

/* Turns floats as a network sees them back into pixels: rows of RGB, stride
 * bytes apart. Grey becomes three equal channels. */
void dml_preprocess_to_rgb (const DmlPreprocess *config, const float *in,
                            uint8_t *rgb, int stride);

/* A picture a row: as it is without augmentation, then n_views views of it, 2
 * pixels apart on grey. View v of row r is drawn from stream (r, v) of the
 * seed; what lies behind it is another of the pictures. */
DmlPicture *dml_augment_sheet (const DmlAugment *policy,
                               const DmlPreprocess *config,
                               const DmlImage *const *pictures,
                               size_t n_pictures, size_t n_views, uint64_t seed,
                               GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlAugmenter, dml_augmenter_free)
