/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What the elements have in common. */
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

/* One sink and one source pad, always there. */
void gst_dml_element_add_pads (GstElementClass *klass, GstCaps *caps);

/* Buffers go through in place; QoS is the element's own affair, since the base
 * class would drop whole frames; gaps are seen. @passthrough: buffers, perhaps
 * shared, are looked at only. */
void gst_dml_element_set_up (GstBaseTransform *trans, gboolean passthrough);

/* Every frame goes on, however late: the inherited property `qos`, which would
 * have the base class drop whole ones, has no effect. For elements that give
 * QoS events no meaning of their own. */
void gst_dml_element_keep_late_frames (GstBaseTransformClass *klass);

G_END_DECLS
