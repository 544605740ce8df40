/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Drawn backgrounds with the statistics of natural pictures. */
#pragma once

#include "base/rng.h"

#include <dml/dml-image.h>

/* Fills an RGB picture: dead leaves, that is shapes of every size that hide
 * each other, small ones more frequent (density r^-3; Lee, Mumford and Huang
 * 2001, "Occlusion models for natural images"). Networks take them nearly for
 * photographs (Baradad et al. 2021, arXiv:2106.05963); smooth colour noise they
 * do not (docs/encoder.md). */
void dml_backdrop_draw (DmlPicture *picture, DmlRng *rng);
