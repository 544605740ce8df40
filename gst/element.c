/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What the elements have in common. */
#include "element.h"

void
gst_dml_element_add_pads (GstElementClass *klass, GstCaps *caps)
{
  gst_element_class_add_pad_template (
    klass, gst_pad_template_new ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps));
  gst_element_class_add_pad_template (
    klass, gst_pad_template_new ("src", GST_PAD_SRC, GST_PAD_ALWAYS, caps));
}

void
gst_dml_element_set_up (GstBaseTransform *trans, gboolean passthrough)
{
  gst_base_transform_set_in_place (trans, TRUE);
  gst_base_transform_set_passthrough (trans, passthrough);
  gst_base_transform_set_qos_enabled (trans, FALSE);
  gst_base_transform_set_gap_aware (trans, TRUE);
}

/* The base class compares frames with the QoS events that it has seen. */
static gboolean
pass_qos_by (GstBaseTransform *trans, GstEvent *event)
{
  GstBaseTransformClass *base =
    g_type_class_peek_static (GST_TYPE_BASE_TRANSFORM);

  if (GST_EVENT_TYPE (event) == GST_EVENT_QOS)
    return gst_pad_push_event (GST_BASE_TRANSFORM_SINK_PAD (trans), event);
  return base->src_event (trans, event);
}

void
gst_dml_element_keep_late_frames (GstBaseTransformClass *klass)
{
  klass->src_event = pass_qos_by;
}
