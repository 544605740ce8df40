/* SPDX-License-Identifier: LGPL-2.1-or-later
 * libdml's errors as messages of an element. */
#pragma once

#include <dml/dml.h>
#include <gst/gst.h>

G_BEGIN_DECLS

/* Posts @error as an element error, or as a warning. @what names the property
 * or the step, and stands before the sentence. Takes the object lock: call it
 * with no lock held. */
void gst_dml_post_error (GstElement *element, const char *what,
                         const GError *error);
void gst_dml_post_warning (GstElement *element, const char *what,
                           const GError *error);

G_END_DECLS
