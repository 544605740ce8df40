/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Properties of elements as a table. */
#include "properties.h"

static GParamSpec *
make_spec (const GstDmlProperty *p)
{
  const GParamFlags flags =
    G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | p->when;

  switch (p->kind) {
  case GST_DML_STRING:
    return g_param_spec_string (p->name, p->nick, p->blurb, p->text, flags);
  case GST_DML_BOOLEAN:
    return g_param_spec_boolean (p->name, p->nick, p->blurb, p->value != 0,
                                 flags);
  case GST_DML_UINT:
    return g_param_spec_uint (p->name, p->nick, p->blurb, (guint) p->min,
                              (guint) p->max, (guint) p->value, flags);
  case GST_DML_INT:
    return g_param_spec_int (p->name, p->nick, p->blurb, (gint) p->min,
                             (gint) p->max, (gint) p->value, flags);
  case GST_DML_DOUBLE:
    return g_param_spec_double (p->name, p->nick, p->blurb, p->min, p->max,
                                p->value, flags);
  case GST_DML_ENUM:
    return g_param_spec_enum (p->name, p->nick, p->blurb, p->type (),
                              (gint) p->value, flags);
  case GST_DML_FLAGS:
    return g_param_spec_flags (p->name, p->nick, p->blurb, p->type (),
                               (guint) p->value, flags);
  }
  g_assert_not_reached ();
}

void
gst_dml_properties_install (GObjectClass *klass, const GstDmlProperty *table,
                            guint n)
{
  for (guint i = 0; i < n; i++)
    g_object_class_install_property (klass, i + 1, make_spec (&table[i]));
}

void
gst_dml_properties_install_stats (GObjectClass *klass, guint id)
{
  g_object_class_install_property (
    klass, id,
    g_param_spec_boxed ("stats", "Statistics",
                        "Counters and times since READY "
                        "(application/x-dml-stats)",
                        GST_TYPE_STRUCTURE,
                        G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static gpointer
field (gconstpointer settings, const GstDmlProperty *p)
{
  return (guint8 *) settings + p->offset;
}

void
gst_dml_settings_init (gpointer settings, const GstDmlProperty *table, guint n)
{
  for (guint i = 0; i < n; i++) {
    const GstDmlProperty *p = &table[i];
    gpointer to = field (settings, p);

    switch (p->kind) {
    case GST_DML_STRING:
      *(char **) to = g_strdup (p->text);
      break;
    case GST_DML_BOOLEAN:
      *(gboolean *) to = p->value != 0;
      break;
    case GST_DML_INT:
      *(gint *) to = (gint) p->value;
      break;
    case GST_DML_DOUBLE:
      *(gdouble *) to = p->value;
      break;
    case GST_DML_UINT:
    case GST_DML_ENUM:
    case GST_DML_FLAGS:
      *(guint *) to = (guint) p->value;
      break;
    }
  }
}

void
gst_dml_settings_clear (gpointer settings, const GstDmlProperty *table, guint n)
{
  for (guint i = 0; i < n; i++)
    if (table[i].kind == GST_DML_STRING)
      g_clear_pointer ((char **) field (settings, &table[i]), g_free);
}

void
gst_dml_settings_get (gconstpointer settings, const GstDmlProperty *p,
                      GValue *value)
{
  gconstpointer from = field (settings, p);

  switch (p->kind) {
  case GST_DML_STRING:
    g_value_set_string (value, *(char *const *) from);
    break;
  case GST_DML_BOOLEAN:
    g_value_set_boolean (value, *(const gboolean *) from);
    break;
  case GST_DML_UINT:
    g_value_set_uint (value, *(const guint *) from);
    break;
  case GST_DML_INT:
    g_value_set_int (value, *(const gint *) from);
    break;
  case GST_DML_DOUBLE:
    g_value_set_double (value, *(const gdouble *) from);
    break;
  case GST_DML_ENUM:
    g_value_set_enum (value, (gint) * (const guint *) from);
    break;
  case GST_DML_FLAGS:
    g_value_set_flags (value, *(const guint *) from);
    break;
  }
}

void
gst_dml_settings_set (gpointer settings, const GstDmlProperty *p,
                      const GValue *value)
{
  gpointer to = field (settings, p);

  switch (p->kind) {
  case GST_DML_STRING:
    g_free (*(char **) to);
    *(char **) to = g_value_dup_string (value);
    break;
  case GST_DML_BOOLEAN:
    *(gboolean *) to = g_value_get_boolean (value);
    break;
  case GST_DML_UINT:
    *(guint *) to = g_value_get_uint (value);
    break;
  case GST_DML_INT:
    *(gint *) to = g_value_get_int (value);
    break;
  case GST_DML_DOUBLE:
    *(gdouble *) to = g_value_get_double (value);
    break;
  case GST_DML_ENUM:
    *(guint *) to = (guint) g_value_get_enum (value);
    break;
  case GST_DML_FLAGS:
    *(guint *) to = g_value_get_flags (value);
    break;
  }
}
