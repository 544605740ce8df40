/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What users write down: names of properties, nicks, signals. They are never
 * renamed or re-typed; a new one is a new line here and in docs/elements/. */
#include "gst_testing.h"

#include <string.h>

/* name type default flags: p = mutable in PLAYING, r = in READY, o = read only,
 * c = controllable */
static const char *const interface_of[][20] = {
  { "dmlembed", "encoder gchararray default r",
    "regions GstDmlRegionFlags auto p", "roi-type gchararray NULL p",
    "region-list gchararray NULL p", "min-size guint 16 p",
    "max-regions guint 32 p", "interval guint 1 p", "threads guint 0 r",
    "qos gboolean TRUE p", "attach GstDmlAttachFlags roi+analytics p",
    "stats GstStructure NULL o" },
  { "dmlmatch", "gallery gchararray NULL r", "k guint 5 p",
    "classifier DmlClassifier auto p", "threshold gdouble -1 p",
    "false-accept-rate gdouble 0.05 p", "margin gdouble 0 p",
    "labels GstValueArray NULL p", "smoothing gint -1 p",
    "min-label-change guint 1 p", "on-change-only gboolean TRUE p",
    "attach GstDmlAttachFlags roi+analytics p", "stats GstStructure NULL o" },
  { "dmlgallery", "gallery gchararray NULL r", "encoder gchararray NULL r",
    "label gchararray NULL p", "enroll gboolean FALSE pc",
    "max-per-label guint 50 p", "min-quality gdouble 0.2 p",
    "interval guint 15 p", "thumbnails gboolean TRUE p",
    "create gboolean TRUE r", "stats GstStructure NULL o" },
  { "dmloverlay", "show GstDmlShowFlags box+label+similarity+unknown p",
    "font gchararray Sans Bold p", "line-width guint 0 p",
    "colour-known guint 4278230643 p", "colour-ambiguous guint 4293304064 p",
    "colour-unknown guint 4292467161 p" },
  { "dmljson", "location gchararray NULL r", "unknown gboolean TRUE p",
    "top-k guint 5 p", "embedding gboolean FALSE p" },
};

static char *
default_of (GParamSpec *spec)
{
  const GValue *v = g_param_spec_get_default_value (spec);

  if (G_IS_PARAM_SPEC_STRING (spec))
    return g_strdup (g_value_get_string (v) ? g_value_get_string (v) : "NULL");
  if (G_IS_PARAM_SPEC_BOXED (spec) || GST_IS_PARAM_SPEC_ARRAY_LIST (spec))
    return g_strdup ("NULL");
  if (G_IS_PARAM_SPEC_FLAGS (spec)) {
    GFlagsClass *klass = G_PARAM_SPEC_FLAGS (spec)->flags_class;
    g_autoptr (GString) s = g_string_new (NULL);

    for (guint i = 0; i < klass->n_values; i++)
      if (g_value_get_flags (v) & klass->values[i].value)
        g_string_append_printf (s, "%s%s", s->len ? "+" : "",
                                klass->values[i].value_nick);
    return g_string_free (g_steal_pointer (&s), FALSE);
  }
  if (G_IS_PARAM_SPEC_ENUM (spec))
    return g_strdup (g_enum_get_value (G_PARAM_SPEC_ENUM (spec)->enum_class,
                                       g_value_get_enum (v))
                       ->value_nick);
  if (G_IS_PARAM_SPEC_DOUBLE (spec)) {
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    return g_strdup (
      g_ascii_formatd (text, sizeof text, "%g", g_value_get_double (v)));
  }
  return g_strdup_value_contents (v);
}

static char *
describe (GParamSpec *spec)
{
  g_autofree char *value = default_of (spec);

  return g_strdup_printf ("%s %s %s %s%s%s%s", spec->name,
                          g_type_name (spec->value_type), value,
                          spec->flags & GST_PARAM_MUTABLE_PLAYING ? "p" : "",
                          spec->flags & GST_PARAM_MUTABLE_READY ? "r" : "",
                          spec->flags & G_PARAM_WRITABLE ? "" : "o",
                          spec->flags & GST_PARAM_CONTROLLABLE ? "c" : "");
}

static char *
read_doc (const char *name)
{
  g_autofree char *path =
    g_strdup_printf ("%s/docs/%s", g_getenv ("DML_TEST_SOURCE_ROOT"), name);
  g_autoptr (GError) error = NULL;
  char *text;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  return text;
}

static void
property_list_is_stable (void)
{
  for (guint e = 0; e < G_N_ELEMENTS (interface_of); e++) {
    const char *const *lines = interface_of[e];
    GstElement *element = gst_element_factory_make (lines[0], NULL);
    g_autofree GParamSpec **specs = NULL;
    guint n, n_own = 0, n_lines = 0;

    g_assert_nonnull (element);
    specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);
    while (lines[n_lines + 1] != NULL)
      n_lines++;
    for (guint i = 0; i < n; i++) {
      g_autofree char *is = NULL;

      if (specs[i]->owner_type != G_OBJECT_TYPE (element))
        continue;
      n_own++;
      is = describe (specs[i]);
      if (!g_strv_contains (lines + 1, is))
        g_error ("%s: \"%s\" is not what was promised", lines[0], is);
    }
    g_assert_cmpuint (n_own, ==, n_lines);
    gst_object_unref (element);
  }
}

/* gst-inspect-1.0 shows a value's name for what it means. */
static void
assert_words (const char *name, const char *nick)
{
  if (strchr (name, ' ') == NULL || strstr (name, "DML_") != NULL)
    g_error ("\"%s\" does not say what %s is", name, nick);
}

static void
assert_described (GType type)
{
  g_autoptr (GTypeClass) klass = g_type_class_ref (type);

  if (G_TYPE_IS_FLAGS (type))
    for (guint i = 0; i < ((GFlagsClass *) klass)->n_values; i++)
      assert_words (((GFlagsClass *) klass)->values[i].value_name,
                    ((GFlagsClass *) klass)->values[i].value_nick);
  else
    for (guint i = 0; i < ((GEnumClass *) klass)->n_values; i++)
      assert_words (((GEnumClass *) klass)->values[i].value_name,
                    ((GEnumClass *) klass)->values[i].value_nick);
}

static void
inspection_is_complete (void)
{
  for (guint e = 0; e < G_N_ELEMENTS (interface_of); e++) {
    const char *name = interface_of[e][0];
    GstElementFactory *f = gst_element_factory_find (name);
    GstElement *element = gst_element_factory_create (f, NULL);
    g_autofree char *doc = g_strdup_printf ("elements/%s.md", name);
    g_autofree char *text = read_doc (doc);
    g_autofree GParamSpec **specs = NULL;
    guint n;

    g_assert_cmpuint (gst_plugin_feature_get_rank (GST_PLUGIN_FEATURE (f)), ==,
                      GST_RANK_NONE);
    g_assert_cmpstr (
      gst_element_factory_get_metadata (f, GST_ELEMENT_METADATA_KLASS), ==,
      "Filter/Analyzer/Video");
    g_assert_nonnull (strstr (
      gst_element_factory_get_metadata (f, GST_ELEMENT_METADATA_DESCRIPTION),
      "Example: gst-launch-1.0 "));
    g_assert_nonnull (strstr (text, "\ngst-launch-1.0 "));

    specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);
    for (guint i = 0; i < n; i++) {
      g_autofree char *quoted = g_strdup_printf ("| `%s` |", specs[i]->name);
      const GParamFlags when =
        GST_PARAM_MUTABLE_PLAYING | GST_PARAM_MUTABLE_READY;

      if (specs[i]->owner_type != G_OBJECT_TYPE (element))
        continue;
      if (strstr (text, quoted) == NULL)
        g_error ("docs/%s does not tell of %s", doc, specs[i]->name);
      g_assert_cmpuint (strlen (g_param_spec_get_blurb (specs[i])), >, 10);
      if (G_IS_PARAM_SPEC_ENUM (specs[i]) || G_IS_PARAM_SPEC_FLAGS (specs[i]))
        assert_described (specs[i]->value_type);
      g_assert_true (g_param_spec_get_nick (specs[i]) != specs[i]->name);
      if (specs[i]->flags & G_PARAM_WRITABLE)
        g_assert_true ((specs[i]->flags & when) == GST_PARAM_MUTABLE_PLAYING ||
                       (specs[i]->flags & when) == GST_PARAM_MUTABLE_READY);
    }
    gst_object_unref (element);
    gst_object_unref (f);
  }
}

static GType
property_type (const char *element, const char *property)
{
  GstElement *e = gst_element_factory_make (element, NULL);
  const GType type =
    g_object_class_find_property (G_OBJECT_GET_CLASS (e), property)->value_type;

  gst_object_unref (e);
  return type;
}

static void
assert_nicks (GType type, const char *want)
{
  g_autoptr (GString) is = g_string_new (NULL);
  g_autoptr (GTypeClass) klass = g_type_class_ref (type);

  if (G_TYPE_IS_FLAGS (type))
    for (guint i = 0; i < ((GFlagsClass *) klass)->n_values; i++)
      g_string_append_printf (is, "%u=%s ",
                              ((GFlagsClass *) klass)->values[i].value,
                              ((GFlagsClass *) klass)->values[i].value_nick);
  else
    for (guint i = 0; i < ((GEnumClass *) klass)->n_values; i++)
      g_string_append_printf (is, "%d=%s ",
                              ((GEnumClass *) klass)->values[i].value,
                              ((GEnumClass *) klass)->values[i].value_nick);
  g_assert_cmpstr (is->str, ==, want);
}

static void
enum_nicks_are_stable (void)
{
  assert_nicks (property_type ("dmlembed", "regions"),
                "1=auto 2=frame 4=centre 8=roi 16=list ");
  assert_nicks (property_type ("dmlembed", "attach"), "1=roi 2=analytics ");
  assert_nicks (property_type ("dmlmatch", "classifier"),
                "0=auto 1=knn 2=prototype 3=svm 4=bayes ");
  assert_nicks (property_type ("dmloverlay", "show"),
                "1=box 2=label 4=similarity 8=unknown ");
  assert_nicks (GST_TYPE_DML_REGION_KIND,
                "0=frame 1=centre 2=roi 3=analytics 4=list ");
}

static void
assert_signal (const char *element, const char *name, GType returns, guint n,
               gboolean action)
{
  GstElement *e = gst_element_factory_make (element, NULL);
  const guint id = g_signal_lookup (name, G_OBJECT_TYPE (e));
  GSignalQuery q;

  g_assert_cmpuint (id, !=, 0);
  g_signal_query (id, &q);
  g_assert_cmpuint (q.return_type & ~G_SIGNAL_TYPE_STATIC_SCOPE, ==, returns);
  g_assert_cmpuint (q.n_params, ==, n);
  g_assert_cmpint ((q.signal_flags & G_SIGNAL_ACTION) != 0, ==, action);
  gst_object_unref (e);
}

static void
signals_are_stable (void)
{
  assert_signal ("dmlmatch", "matched", G_TYPE_NONE, 1, FALSE);
  assert_signal ("dmlmatch", "gallery-changed", G_TYPE_NONE, 2, FALSE);
  assert_signal ("dmlgallery", "enroll", G_TYPE_INT64, 1, TRUE);
  assert_signal ("dmlgallery", "remove", G_TYPE_UINT, 1, TRUE);
  assert_signal ("dmlgallery", "rename", G_TYPE_BOOLEAN, 2, TRUE);
}

/* Every name of gstdmlfields.h stands in the one table. */
static void
fields_are_documented (void)
{
  g_autofree char *table = read_doc ("metadata.md");
  g_autofree char *path = g_strdup_printf ("%s/gst/meta/gstdmlfields.h",
                                           g_getenv ("DML_TEST_SOURCE_ROOT"));
  g_autofree char *header = NULL;
  g_autoptr (GRegex) regex =
    g_regex_new ("#define GST_DML_FIELD_\\w+ \"(\\w+)\"", 0, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  guint n = 0;

  g_assert_true (g_file_get_contents (path, &header, NULL, NULL));
  g_regex_match (regex, header, 0, &match);
  for (; g_match_info_matches (match); g_match_info_next (match, NULL), n++) {
    g_autofree char *name = g_match_info_fetch (match, 1);
    g_autofree char *quoted = g_strdup_printf ("`%s`", name);

    if (strstr (table, quoted) == NULL)
      g_error ("docs/metadata.md does not tell of %s", name);
  }
  g_assert_cmpuint (n, >, 40);
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
#define TEST(name, function) g_test_add_func ("/interface/" name, function)
  TEST ("property-list-is-stable", property_list_is_stable);
  TEST ("inspection-is-complete", inspection_is_complete);
  TEST ("enum-nicks-are-stable", enum_nicks_are_stable);
  TEST ("signals-are-stable", signals_are_stable);
  TEST ("fields-are-documented", fields_are_documented);
#undef TEST
  return test_run ();
}
