/* SPDX-License-Identifier: LGPL-2.1-or-later
 * libdml: recognition by deep metric learning. Includes every public header. */
#pragma once

#include <dml/dml-macros.h>
#include <dml/dml-error.h>
#include <dml/dml-version.h>
#include <dml/dml-folder.h>
#include <dml/dml-image.h>
#include <dml/dml-encoder.h>
#include <dml/dml-match.h>
#include <dml/dml-snapshot.h>
#include <dml/dml-matcher.h>
#include <dml/dml-gallery.h>
#include <dml/dml-photograph.h>
#include <dml/dml-galleries.h>
#include <dml/dml-train.h>
#include <dml/dml-evaluate.h>
