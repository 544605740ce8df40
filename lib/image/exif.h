/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The one EXIF field that changes pixels: orientation. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Orientation 1..8 from a TIFF block (EXIF 2.32; TIFF 6.0 tag 274), with or
 * without "Exif\0\0" before it. 1 (upright) where there is none or the block is
 * damaged: nobody refuses a photograph for its EXIF. Reads within the block. */
int dml_exif_orientation (const uint8_t *block, size_t size);
