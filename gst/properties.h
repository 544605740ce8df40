/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Properties of elements as a table: name, words, range, default, and where the
 * value lies in the element's settings. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef enum {
  GST_DML_STRING,  /* char *, owned */
  GST_DML_BOOLEAN, /* gboolean */
  GST_DML_UINT,    /* guint */
  GST_DML_INT,     /* gint */
  GST_DML_DOUBLE,  /* gdouble */
  GST_DML_ENUM,    /* guint */
  GST_DML_FLAGS,   /* guint */
} GstDmlPropertyKind;

typedef struct {
  const char *name, *nick, *blurb;
  GstDmlPropertyKind kind;
  gsize offset;         /* in the settings */
  GParamFlags when;     /* GST_PARAM_MUTABLE_READY or _PLAYING, _CONTROLLABLE */
  gdouble value;        /* default; of BOOLEAN, ENUM and FLAGS too */
  gdouble min, max;     /* of numbers */
  const char *text;     /* default of STRING */
  GType (*type) (void); /* of ENUM and FLAGS */
} GstDmlProperty;

/* Rows of such a table. */
#define GST_DML_ROW(kind_, name_, nick_, blurb_, offset_, when_, ...)          \
  {                                                                            \
    .name = name_, .nick = nick_, .blurb = blurb_, .kind = kind_,              \
    .offset = offset_, .when = when_, __VA_ARGS__                              \
  }
#define GST_DML_ROW_STRING(name, nick, blurb, offset, when, text_)             \
  GST_DML_ROW (GST_DML_STRING, name, nick, blurb, offset, when, .text = text_)
#define GST_DML_ROW_BOOLEAN(name, nick, blurb, offset, when, value_)           \
  GST_DML_ROW (GST_DML_BOOLEAN, name, nick, blurb, offset, when,               \
               .value = value_)
#define GST_DML_ROW_NUMBER(kind, name, nick, blurb, offset, when, value_,      \
                           min_, max_)                                         \
  GST_DML_ROW (kind, name, nick, blurb, offset, when, .value = value_,         \
               .min = min_, .max = max_)
#define GST_DML_ROW_NAMED(kind, name, nick, blurb, offset, when, value_,       \
                          type_)                                               \
  GST_DML_ROW (kind, name, nick, blurb, offset, when, .value = value_,         \
               .type = type_)

/* Installs the properties as numbers 1 .. n. */
void gst_dml_properties_install (GObjectClass *klass,
                                 const GstDmlProperty *table, guint n);

/* Gives zeroed settings their defaults, and frees their strings. */
void gst_dml_settings_init (gpointer settings, const GstDmlProperty *table,
                            guint n);
void gst_dml_settings_clear (gpointer settings, const GstDmlProperty *table,
                             guint n);

/* One of them; the caller holds whatever lock the settings are under. */
void gst_dml_settings_get (gconstpointer settings,
                           const GstDmlProperty *property, GValue *value);
void gst_dml_settings_set (gpointer settings, const GstDmlProperty *property,
                           const GValue *value);

/* Installs the read-only property `stats` as number @id. */
void gst_dml_properties_install_stats (GObjectClass *klass, guint id);

G_END_DECLS
