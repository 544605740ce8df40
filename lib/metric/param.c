/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Reading and printing named settings. */
#include "metric/param.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

int
dml_param_find (const DmlParam *table, const char *name)
{
  for (int i = 0; table[i].name != NULL; i++)
    if (strcmp (table[i].name, name) == 0)
      return i;
  return -1;
}

/* "a, b, c" of the table's names. */
static char *
list_names (const DmlParam *table)
{
  GString *list = g_string_new (NULL);

  for (int i = 0; table[i].name != NULL; i++)
    g_string_append_printf (list, "%s%s", i ? ", " : "", table[i].name);
  return g_string_free (list, FALSE);
}

gboolean
dml_param_check (const DmlParam *param, const char *who, double value,
                 GError **error)
{
  if (value >= param->low && value <= param->high &&
      (!(param->whole || param->words) || value == floor (value)))
    return TRUE;
  return dml_fail (
    error, INVALID, "%s: %s=%g: expected a %s from %g to %g", who, param->name,
    value, param->whole ? "whole number" : "number", param->low, param->high);
}

/* Reads one value: a word of the list, or a number in range. */
static gboolean
read_value (const DmlParam *param, const char *who, const char *text,
            double *value, GError **error)
{
  if (param->words) {
    g_auto (GStrv) words = g_strsplit (param->words, "|", -1);

    for (int i = 0; words[i] != NULL; i++)
      if (strcmp (words[i], text) == 0) {
        *value = i;
        return TRUE;
      }
    return dml_fail (error, INVALID, "%s: %s=%s: expected one of %s", who,
                     param->name, text, param->words);
  }
  char *end;

  *value = g_ascii_strtod (text, &end);
  if (end == text || *end != '\0')
    return dml_fail (error, INVALID, "%s: %s=%s: expected a number", who,
                     param->name, text);
  return dml_param_check (param, who, *value, error);
}

/* Reads "key=value" pairs; with @only >= 0 just that setting. */
static gboolean
read_pairs (const DmlParam *table, const char *who, char **pairs, int only,
            double *values, GError **error)
{
  guint32 seen = 0; /* DML_PARAM_MAX bits */

  for (; *pairs != NULL; pairs++) {
    const char *equals = strchr (*pairs, '=');

    if (equals == NULL)
      return dml_fail (error, INVALID, "%s: \"%s\": expected key=value", who,
                       *pairs);
    g_autofree char *key = g_strndup (*pairs, equals - *pairs);
    const int i = dml_param_find (table, key);

    if (i < 0) {
      g_autofree char *names = list_names (table);

      return dml_fail (error, INVALID, "%s: no setting \"%s\"; there are %s",
                       who, key, names);
    }
    if (seen & 1u << i)
      return dml_fail (error, INVALID, "%s: %s is given twice", who, key);
    seen |= 1u << i;
    if ((only < 0 || only == i) &&
        !read_value (&table[i], who, equals + 1, &values[i], error))
      return FALSE;
  }
  return TRUE;
}

gboolean
dml_param_resolve (const DmlParam *table, const char *who, const char *text,
                   double *values, GError **error)
{
  g_auto (GStrv) pairs = g_strsplit (text ? text : "", ",", -1);
  const int semantics = dml_param_find (table, "semantics");
  int which = DML_SEMANTICS_PAPER;

  if (semantics >= 0) { /* first: the other defaults hang on it */
    values[semantics] = DML_SEMANTICS_PAPER;
    if (!read_pairs (table, who, pairs, semantics, values, error))
      return FALSE;
    which = (int) values[semantics];
  }
  for (int i = 0; table[i].name != NULL; i++)
    values[i] = table[i].fallback[which];
  return read_pairs (table, who, pairs, -1, values, error);
}

int
dml_member_find (const char *spec, const char *family, size_t n,
                 const DmlMemberInfo *(*member) (size_t), const char **settings,
                 GError **error)
{
  const char *colon = strchr (spec, ':');
  g_autofree char *name =
    colon ? g_strndup (spec, colon - spec) : g_strdup (spec);
  g_autoptr (GString) names = g_string_new (NULL);

  *settings = colon ? colon + 1 : "";
  for (size_t i = 0; i < n; i++) {
    if (strcmp (member (i)->name, name) == 0) {
      if (colon == NULL || colon[1] != '\0')
        return (int) i;
      dml_fail (error, INVALID,
                "%s %s: nothing stands behind the \":\"; expected key=value",
                family, name);
      return -1;
    }
    g_string_append_printf (names, "%s%s", i ? ", " : "", member (i)->name);
  }
  if (*name == '\0')
    dml_fail (error, INVALID,
              "\"%s\": the name of a %s is missing; there are %s", spec, family,
              names->str);
  else
    dml_fail (error, INVALID, "no %s is called \"%s\"; there are %s", family,
              name, names->str);
  return -1;
}
