/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What a file says about itself: the `dml.*` metadata keys (docs/encoder.md),
 * each optional, none taken on trust. */
#include "base/error.h"
#include "encoder/encoder.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#define TRAITS_VERSION 1
#define TRAITS_MAX_JSON (64 << 10) /* bytes of dml.thresholds */
#define TRAITS_MAX_DEPTH 8         /* json-glib recurses */

/* Deng et al. 2009; the figures that torchvision's models are trained with. */
static const float IMAGENET_MEAN[3] = { 0.485f, 0.456f, 0.406f };
static const float IMAGENET_STD[3] = { 0.229f, 0.224f, 0.225f };

static gboolean
traits_fail (GError **error, const char *key, const char *value,
             const char *expected)
{
  g_autofree char *quoted = dml_error_quote (value);

  return dml_fail (error, FORMAT, "metadata %s is \"%s\"; expected %s", key,
                   quoted, expected);
}

/* A number and what follows it; FALSE where there is none that is finite. */
static gboolean
traits_number (const char **p, double *number)
{
  char *end;

  *number = g_ascii_strtod (*p, &end);
  if (end == *p || !isfinite (*number))
    return FALSE;
  for (*p = end; g_ascii_isspace (**p); (*p)++)
    ;
  return TRUE;
}

/* "0.485, 0.456, 0.406" with commas or spaces, in brackets or without; one
 * number stands for all three. */
static gboolean
traits_triple (DmlOnnxMetadata *metadata, const char *key,
               const float *fallback, double least, float *out, GError **error)
{
  const char *value = g_hash_table_lookup (metadata, key), *p = value;
  double x[3] = { 0 };
  int n = 0;

  if (value == NULL) {
    memcpy (out, fallback, 3 * sizeof *out);
    return TRUE;
  }
  p += *p == '[';
  while (n < 3 && traits_number (&p, &x[n]) && x[n] >= least && x[n] <= 1e3) {
    n++;
    p += *p == ',';
  }
  p += *p == ']';
  if (*p != '\0' || (n != 1 && n != 3))
    return traits_fail (error, key, value,
                        least > 0 ? "three numbers above 0"
                                  : "three numbers, of values 0..1");
  for (int i = 0; i < 3; i++)
    out[i] = (float) x[n == 1 ? 0 : i];
  return TRUE;
}

static gboolean
traits_size (DmlOnnxMetadata *metadata, DmlTraits *traits, GError **error)
{
  const char *value = g_hash_table_lookup (metadata, "dml.input");
  char *end = NULL;
  guint64 w, h = 0;

  if (value == NULL)
    return TRUE;
  w = g_ascii_strtoull (value, &end, 10);
  if (end != value && *end == 'x') {
    const char *second = end + 1;

    h = g_ascii_strtoull (second, &end, 10);
    if (end == second)
      h = 0;
  }
  if (*end != '\0' || w < 1 || h < 1 || w > DML_PREPROCESS_MAX_SIDE ||
      h > DML_PREPROCESS_MAX_SIDE)
    return traits_fail (error, "dml.input", value,
                        "WxH in pixels, such as 96x96, at most 4096 a side");
  traits->input.width = (int) w;
  traits->input.height = (int) h;
  return TRUE;
}

/* Index of the value among `names`, 0 where the key is not there. */
static gboolean
traits_choice (DmlOnnxMetadata *metadata, const char *key,
               const char *const *names, const char *expected, int *choice,
               GError **error)
{
  const char *value = g_hash_table_lookup (metadata, key);

  *choice = 0;
  if (value == NULL)
    return TRUE;
  for (int i = 0; names[i] != NULL; i++)
    if (strcmp (value, names[i]) == 0) {
      *choice = i;
      return TRUE;
    }
  return traits_fail (error, key, value, expected);
}

/* ---- dml.thresholds ---- */

/* json-glib's parser calls itself for each bracket. */
static gboolean
json_is_shallow (const char *text)
{
  gboolean in_string = FALSE;
  int depth = 0;

  for (const char *p = text; *p != '\0'; p++) {
    if (in_string && *p == '\\' && p[1] != '\0')
      p++;
    else if (*p == '"')
      in_string = !in_string;
    else if (!in_string && (*p == '[' || *p == '{') &&
             ++depth > TRAITS_MAX_DEPTH)
      return FALSE;
    else if (!in_string && (*p == ']' || *p == '}'))
      depth--;
  }
  return TRUE;
}

static double
json_number (JsonObject *object, const char *name, double fallback)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node)
           ? json_node_get_double (node)
           : fallback;
}

static gboolean
json_threshold (JsonNode *node, DmlThreshold *t)
{
  JsonObject *object;
  double n_genuine, n_impostor;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    return FALSE;
  object = json_node_get_object (node);
  t->false_accept_rate = json_number (object, "far", (double) NAN);
  t->threshold = json_number (object, "threshold", (double) NAN);
  t->lower = json_number (object, "lower", 0);
  t->upper = json_number (object, "upper", 1);
  n_genuine = json_number (object, "n_genuine", 0);
  n_impostor = json_number (object, "n_impostor", 0);
  if (!(t->false_accept_rate > 0 && t->false_accept_rate < 1) ||
      !isfinite (t->threshold) || !isfinite (t->lower) ||
      !isfinite (t->upper) || !(n_genuine >= 0 && n_genuine <= 4e9) ||
      !(n_impostor >= 0 && n_impostor <= 4e9))
    return FALSE;
  t->n_genuine = (guint) n_genuine;
  t->n_impostor = (guint) n_impostor;
  return TRUE;
}

static int
threshold_order (gconstpointer a, gconstpointer b)
{
  const DmlThreshold *x = a, *y = b;

  return (x->false_accept_rate > y->false_accept_rate) -
         (x->false_accept_rate < y->false_accept_rate);
}

static gboolean
traits_thresholds (DmlOnnxMetadata *metadata, GArray *thresholds,
                   GError **error)
{
  static const char expected[] =
    "a JSON list of {far, threshold, n_genuine, n_impostor, lower, upper}";
  const char *value = g_hash_table_lookup (metadata, "dml.thresholds");
  g_autoptr (JsonParser) parser = NULL;
  JsonArray *list;
  JsonNode *root;

  if (value == NULL)
    return TRUE;
  parser = json_parser_new ();
  if (strlen (value) > TRAITS_MAX_JSON || !json_is_shallow (value) ||
      !json_parser_load_from_data (parser, value, -1, NULL))
    return traits_fail (error, "dml.thresholds", value, expected);
  root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_ARRAY (root))
    return traits_fail (error, "dml.thresholds", value, expected);
  list = json_node_get_array (root);
  for (guint i = 0; i < json_array_get_length (list); i++) {
    DmlThreshold t = { 0 };

    if (!json_threshold (json_array_get_element (list, i), &t))
      return traits_fail (error, "dml.thresholds", value, expected);
    g_array_append_val (thresholds, t);
  }
  g_array_sort (thresholds, threshold_order);
  return TRUE;
}

/* ---- the whole ---- */

static gboolean
traits_version (DmlOnnxMetadata *metadata, GError **error)
{
  const char *value = g_hash_table_lookup (metadata, "dml.version");
  g_autofree char *quoted = NULL;
  char *end;
  guint64 version;

  if (value == NULL)
    return TRUE;
  version = g_ascii_strtoull (value, &end, 10);
  if (end == value || *end != '\0' || version < 1)
    return traits_fail (error, "dml.version", value, "a number from 1 on");
  quoted = dml_error_quote (value);
  return version <= TRAITS_VERSION ||
         dml_fail (error, UNSUPPORTED,
                   "metadata dml.version is %s; this version of dml knows %d: "
                   "install a newer one",
                   quoted, TRAITS_VERSION);
}

gboolean
dml_traits_parse (DmlTraits *traits, DmlOnnxMetadata *metadata, GError **error)
{
  static const char *const metrics[] = { "cosine", "euclidean", NULL };
  int fit, metric;

  *traits = (DmlTraits){
    .name = g_strdup (g_hash_table_lookup (metadata, "dml.name")),
    .thresholds = g_array_new (FALSE, FALSE, sizeof (DmlThreshold)),
  };
  if (!traits_version (metadata, error) ||
      !traits_size (metadata, traits, error) ||
      !traits_triple (metadata, "dml.mean", IMAGENET_MEAN, -1e3,
                      traits->input.mean, error) ||
      !traits_triple (metadata, "dml.std", IMAGENET_STD, 1e-6,
                      traits->input.std, error) ||
      !traits_choice (metadata, "dml.fit", dml_fit_names,
                      "context, cover or stretch", &fit, error) ||
      !traits_choice (metadata, "dml.metric", metrics, "cosine or euclidean",
                      &metric, error) ||
      !traits_thresholds (metadata, traits->thresholds, error))
    return FALSE;
  traits->input.fit = (DmlFit) fit;
  traits->metric = metric ? DML_METRIC_EUCLIDEAN : DML_METRIC_COSINE;
  return TRUE;
}

void
dml_traits_clear (DmlTraits *traits)
{
  g_clear_pointer (&traits->name, g_free);
  g_clear_pointer (&traits->thresholds, g_array_unref);
}
