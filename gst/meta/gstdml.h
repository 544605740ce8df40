/* SPDX-License-Identifier: LGPL-2.1-or-later
 * libgstdml: the results of the dml elements as they travel with buffers.
 * Includes every public header. */
#pragma once

#include <gst/dml/gstdmlembedding.h>
#include <gst/dml/gstdmlboxmeta.h>
#include <gst/dml/gstdmlregionmeta.h>
#include <gst/dml/gstdmlfields.h>
