/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What of gstanalyticsmeta.h 1.24 the plugin and its test use. */
#pragma once

#include <gst/gst.h>

#define RELATE_TO (1 << 3)

typedef struct {
  guint id;
  gpointer meta;
} FakeMtd;

typedef struct {
  gint type;
  guint from, to;
} FakeRelation;

gpointer gst_buffer_get_analytics_relation_meta (GstBuffer *buffer);
gpointer gst_buffer_add_analytics_relation_meta (GstBuffer *buffer);
gboolean gst_analytics_relation_meta_iterate (gpointer meta, gpointer *state,
                                              guintptr type, FakeMtd *mtd);
gboolean
gst_analytics_relation_meta_get_direct_related (gpointer meta, guint id,
                                                gint relation, guintptr type,
                                                gpointer *state, FakeMtd *mtd);
gboolean gst_analytics_relation_meta_set_relation (gpointer meta, gint type,
                                                   guint from, guint to);
gboolean gst_analytics_relation_meta_add_od_mtd (gpointer meta, GQuark type,
                                                 gint x, gint y, gint w, gint h,
                                                 gfloat level, FakeMtd *mtd);
gboolean gst_analytics_relation_meta_add_one_cls_mtd (gpointer meta,
                                                      gfloat level,
                                                      GQuark label,
                                                      FakeMtd *mtd);
gboolean gst_analytics_relation_meta_add_tracking_mtd (gpointer meta,
                                                       guint64 track,
                                                       GstClockTime first,
                                                       FakeMtd *mtd);
guintptr gst_analytics_od_mtd_get_mtd_type (void);
guintptr gst_analytics_cls_mtd_get_mtd_type (void);
guintptr gst_analytics_tracking_mtd_get_mtd_type (void);
GQuark gst_analytics_od_mtd_get_obj_type (const FakeMtd *mtd);
GQuark gst_analytics_cls_mtd_get_quark (const FakeMtd *mtd, gsize i);
gfloat gst_analytics_cls_mtd_get_level (const FakeMtd *mtd, gsize i);
gboolean gst_analytics_od_mtd_get_location (const FakeMtd *mtd, gint *x,
                                            gint *y, gint *w, gint *h,
                                            gfloat *level);
gboolean gst_analytics_tracking_mtd_get_info (const FakeMtd *mtd,
                                              guint64 *track,
                                              GstClockTime *first,
                                              GstClockTime *last,
                                              gboolean *lost);
