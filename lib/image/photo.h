/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What light, lens, sensor and file do to a view: on planes of floats 0..1,
 * R, G and B one after the other. */
#pragma once

#include <glib.h>
#include <stdint.h>

/* Factors; 1 changes nothing. */
typedef struct {
  float brightness, contrast, saturation, cast[3];
} DmlLight;

/* Contrast about the view's mean luma, saturation about each pixel's luma, then
 * brightness and cast; kept within 0..1. n: pixels. */
void dml_photo_light (float *planes, size_t n, const DmlLight *light);

/* Gaussian of standard deviation sigma in pixels (0 < sigma <= 4), edge pixels
 * repeated. scratch: as many floats as dml_photo_blur_scratch() says. */
void dml_photo_blur (float *planes, int width, int height, float sigma,
                     float *scratch);
size_t dml_photo_blur_scratch (int width, int height);

/* Adds noise of standard deviation sigma, the same for the same key; kept
 * within 0..1. Nearly normal: the sum of four uniform bytes, so no value is
 * more than 3.5 sigma out. */
void dml_photo_noise (float *planes, size_t n, float sigma, uint32_t key);

/* A rectangle, of one colour or (noisy) of colours drawn by key. */
void dml_photo_erase (float *planes, int width, int height, int x, int y, int w,
                      int h, const float colour[3], gboolean noisy,
                      uint32_t key);

/* Compression there and back at a quality of 1 to 100, chroma halved. */
typedef struct _DmlPhotoJpeg DmlPhotoJpeg;

DmlPhotoJpeg *dml_photo_jpeg_new (int width, int height, GError **error);
void dml_photo_jpeg_free (DmlPhotoJpeg *jpeg);
gboolean dml_photo_jpeg_run (DmlPhotoJpeg *jpeg, float *planes, int quality,
                             GError **error);
