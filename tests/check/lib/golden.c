/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Golden values. */
#include "golden.h"

#include <math.h>

void
golden_each (const char *file, GoldenCheck check, void *data)
{
  g_autofree char *name = g_strconcat (file, ".json", NULL);
  g_autofree char *path = g_build_filename (g_getenv ("DML_TEST_SOURCE_ROOT"),
                                            "tests", "golden", name, NULL);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;

  json_parser_load_from_file (parser, path, &error);
  g_assert_no_error (error);
  JsonArray *cases = json_object_get_array_member (
    json_node_get_object (json_parser_get_root (parser)), "cases");
  const guint n = json_array_get_length (cases);

  g_assert_cmpuint (n, >, 0);
  for (guint i = 0; i < n; i++) {
    JsonObject *o = json_array_get_object_element (cases, i);
    const GoldenCase golden = {
      .id = json_object_get_string_member (o, "id"),
      .data = json_object_get_string_member (o, "data"),
      .semantics = json_object_get_string_member (o, "semantics"),
      .params = json_object_get_object_member (o, "params"),
      .inputs = json_object_get_object_member (o, "inputs"),
      .expected = json_object_get_object_member (o, "expected"),
    };

    check (&golden, data);
  }
}

GoldenTensor *
golden_tensor (JsonObject *object, const char *name)
{
  if (!json_object_has_member (object, name))
    g_error ("golden: no \"%s\"", name);
  JsonObject *o = json_object_get_object_member (object, name);
  JsonArray *shape = json_object_get_array_member (o, "shape");
  JsonArray *data = json_object_get_array_member (o, "data");
  GoldenTensor *t = g_new0 (GoldenTensor, 1);

  t->rows = (size_t) json_array_get_int_element (shape, 0);
  t->cols = json_array_get_length (shape) > 1
              ? (size_t) json_array_get_int_element (shape, 1)
              : 1;
  g_assert_cmpuint (json_array_get_length (data), ==, t->rows * t->cols);
  t->data = g_new (double, t->rows * t->cols);
  for (guint i = 0; i < json_array_get_length (data); i++)
    t->data[i] = json_array_get_double_element (data, i);
  return t;
}

int32_t *
golden_ints (JsonObject *object, const char *name, size_t *n)
{
  g_autoptr (GoldenTensor) t = golden_tensor (object, name);
  int32_t *ints = g_new (int32_t, t->rows * t->cols);

  for (size_t i = 0; i < t->rows * t->cols; i++)
    ints[i] = (int32_t) t->data[i];
  if (n)
    *n = t->rows;
  return ints;
}

double
golden_number (JsonObject *object, const char *name)
{
  if (!json_object_has_member (object, name))
    g_error ("golden: no \"%s\"", name);
  return json_object_get_double_member (object, name);
}

void
golden_tensor_free (GoldenTensor *tensor)
{
  g_free (tensor->data);
  g_free (tensor);
}

void
golden_near (const char *id, const char *what, size_t i, double got,
             double expected, double rtol, double atol)
{
  if (!(fabs (got - expected) <= atol + rtol * fabs (expected)))
    g_error ("%s: %s[%zu] is %.17g, expected %.17g (rtol %g, atol %g)", id,
             what, i, got, expected, rtol, atol);
}

void
golden_add_setting (GString *spec, const char *name, JsonNode *value)
{
  const GType type = json_node_get_value_type (value);
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append_printf (
    spec, "%s=%s", name,
    type == G_TYPE_STRING ? json_node_get_string (value)
    : type == G_TYPE_BOOLEAN
      ? (json_node_get_boolean (value) ? "yes" : "no")
      : g_ascii_dtostr (number, sizeof number, json_node_get_double (value)));
}
