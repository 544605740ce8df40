/* SPDX-License-Identifier: LGPL-2.1-or-later
 * GstAnalytics, found at run time.
 *
 * Only what gstanalyticsmeta.h of 1.24 shows is relied on: the handle of two
 * members, the relation values and these functions. The library makes no
 * promise about its ABI, so one missing name disables all of it. */
#include "analytics.h"

#include <gmodule.h>

#define LIBRARY "libgstanalytics-1.0.so.0"
#define RELATE_TO (1 << 3)

typedef struct {
  guint id;
  gpointer meta;
} Mtd;

/* name, return type, arguments */
#define FUNCTIONS(X)                                                           \
  X (gst_buffer_get_analytics_relation_meta, gpointer, (GstBuffer *) )         \
  X (gst_buffer_add_analytics_relation_meta, gpointer, (GstBuffer *) )         \
  X (gst_analytics_relation_meta_iterate, gboolean,                            \
     (gpointer, gpointer *, guintptr, Mtd *) )                                 \
  X (gst_analytics_relation_meta_get_direct_related, gboolean,                 \
     (gpointer, guint, gint, guintptr, gpointer *, Mtd *) )                    \
  X (gst_analytics_relation_meta_set_relation, gboolean,                       \
     (gpointer, gint, guint, guint))                                           \
  X (gst_analytics_relation_meta_add_od_mtd, gboolean,                         \
     (gpointer, GQuark, gint, gint, gint, gint, gfloat, Mtd *) )               \
  X (gst_analytics_relation_meta_add_one_cls_mtd, gboolean,                    \
     (gpointer, gfloat, GQuark, Mtd *) )                                       \
  X (gst_analytics_od_mtd_get_mtd_type, guintptr, (void) )                     \
  X (gst_analytics_od_mtd_get_obj_type, GQuark, (const Mtd *) )                \
  X (gst_analytics_od_mtd_get_location, gboolean,                              \
     (const Mtd *, gint *, gint *, gint *, gint *, gfloat *) )                 \
  X (gst_analytics_tracking_mtd_get_mtd_type, guintptr, (void) )               \
  X (gst_analytics_tracking_mtd_get_info, gboolean,                            \
     (const Mtd *, guint64 *, GstClockTime *, GstClockTime *, gboolean *) )

static struct {
#define MEMBER(name, type, args) type (*name) args;
  FUNCTIONS (MEMBER)
#undef MEMBER
} api;

static gpointer
load (gpointer data)
{
  static const char *const names[] = {
#define NAME(name, type, args) #name,
    FUNCTIONS (NAME)
#undef NAME
  };
  gpointer *slots = (gpointer *) &api;
  GModule *module;

  G_STATIC_ASSERT (sizeof api == G_N_ELEMENTS (names) * sizeof (gpointer));
  module = g_module_open (LIBRARY, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
  if (module == NULL) {
    GST_INFO ("no " LIBRARY " (GStreamer 1.24 and later): detections are not "
              "read, results are not mirrored there");
    return GINT_TO_POINTER (FALSE);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    if (!g_module_symbol (module, names[i], &slots[i])) {
      GST_WARNING (LIBRARY " has no %s; GstAnalytics is left alone", names[i]);
      g_module_close (module);
      return GINT_TO_POINTER (FALSE);
    }
  }
  g_module_make_resident (module); /* it registers types */
  return GINT_TO_POINTER (TRUE);
}

gboolean
gst_dml_analytics_available (void)
{
  static GOnce once = G_ONCE_INIT;

  return GPOINTER_TO_INT (g_once (&once, load, NULL));
}

static gint64
track_id_of (gpointer meta, guint id)
{
  gpointer state = NULL;
  Mtd tracking;
  guint64 track;

  if (api.gst_analytics_relation_meta_get_direct_related (
        meta, id, RELATE_TO, api.gst_analytics_tracking_mtd_get_mtd_type (),
        &state, &tracking) &&
      api.gst_analytics_tracking_mtd_get_info (&tracking, &track, NULL, NULL,
                                               NULL) &&
      track <= G_MAXINT64)
    return (gint64) track;
  return -1;
}

void
gst_dml_analytics_foreach (GstBuffer *buffer, GstDmlDetectionFunc found,
                           gpointer data)
{
  gpointer meta, state = NULL;
  Mtd mtd;

  if (!gst_dml_analytics_available () ||
      (meta = api.gst_buffer_get_analytics_relation_meta (buffer)) == NULL)
    return;
  while (api.gst_analytics_relation_meta_iterate (
    meta, &state, api.gst_analytics_od_mtd_get_mtd_type (), &mtd)) {
    GstDmlDetection d = { .id = mtd.id };

    if (!api.gst_analytics_od_mtd_get_location (&mtd, &d.x, &d.y, &d.width,
                                                &d.height, &d.confidence))
      continue;
    d.type = api.gst_analytics_od_mtd_get_obj_type (&mtd);
    d.track_id = track_id_of (meta, mtd.id);
    found (&d, data);
  }
}

gboolean
gst_dml_analytics_add_detection (GstBuffer *buffer, GQuark type, gint x, gint y,
                                 gint width, gint height, gfloat confidence,
                                 guint *id)
{
  gpointer meta;
  Mtd mtd;

  if (!gst_dml_analytics_available ())
    return FALSE;
  meta = api.gst_buffer_get_analytics_relation_meta (buffer);
  if (meta == NULL)
    meta = api.gst_buffer_add_analytics_relation_meta (buffer);
  if (meta == NULL || !api.gst_analytics_relation_meta_add_od_mtd (
                        meta, type, x, y, width, height, confidence, &mtd))
    return FALSE;
  *id = mtd.id;
  return TRUE;
}

gboolean
gst_dml_analytics_classify (GstBuffer *buffer, guint id, GQuark label,
                            gfloat confidence)
{
  gpointer meta;
  Mtd mtd;

  if (!gst_dml_analytics_available () ||
      (meta = api.gst_buffer_get_analytics_relation_meta (buffer)) == NULL)
    return FALSE;
  return api.gst_analytics_relation_meta_add_one_cls_mtd (meta, confidence,
                                                          label, &mtd) &&
         api.gst_analytics_relation_meta_set_relation (meta, RELATE_TO, id,
                                                       mtd.id);
}
