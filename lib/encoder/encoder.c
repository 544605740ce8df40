/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Encoders: opening, sharing within the process, and what they say. */
#include "encoder/encoder.h"
#include "base/error.h"
#include "base/suggest.h"

#include <math.h>
#include <glib/gstdio.h>
#include <string.h>

/* The built-in model, linked in by default.c.in. */
extern const uint8_t dml_encoder_default_start[], dml_encoder_default_end[];

#define DEFAULT_IDENTITY "default"

/* Encoders by the identity of their file, networks by fingerprint. Both tables
 * are weak: they hold no reference, and the last one given back removes the
 * entry under the same lock. */
static GMutex table_lock;
static GHashTable *encoders, *nets;

/* Held while a file is read, so that of eight streams one reads it. Taken
 * before table_lock. */
static GMutex open_lock;

G_DEFINE_BOXED_TYPE (DmlEncoder, dml_encoder, dml_encoder_ref,
                     dml_encoder_unref)

/* ---- the tables ---- */

static DmlEncoder *
table_find (const char *identity)
{
  DmlEncoder *encoder;

  g_mutex_lock (&table_lock);
  encoder = encoders ? g_hash_table_lookup (encoders, identity) : NULL;
  if (encoder != NULL)
    encoder->refs++;
  g_mutex_unlock (&table_lock);
  return encoder;
}

/* Enters a new encoder; its network gives way to an equal one that is there. */
static void
table_enter (DmlEncoder *encoder)
{
  DmlNet *net;

  g_mutex_lock (&table_lock);
  if (encoders == NULL) {
    encoders = g_hash_table_new (g_str_hash, g_str_equal);
    nets = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  }
  net = g_hash_table_lookup (nets, encoder->fingerprint);
  if (net != NULL) {
    dml_net_unref (encoder->net);
    encoder->net = dml_net_ref (net);
  } else {
    g_hash_table_insert (nets, g_strdup (encoder->fingerprint), encoder->net);
  }
  if (encoder->identity != NULL)
    g_hash_table_insert (encoders, encoder->identity, encoder);
  g_mutex_unlock (&table_lock);
}

DmlEncoder *
dml_encoder_ref (DmlEncoder *encoder)
{
  g_return_val_if_fail (encoder != NULL, NULL);
  g_mutex_lock (&table_lock);
  encoder->refs++;
  g_mutex_unlock (&table_lock);
  return encoder;
}

/* Takes a dead encoder's entries out, where they are its own. */
static void
table_leave (DmlEncoder *encoder)
{
  if (encoders == NULL)
    return;
  if (encoder->identity != NULL &&
      g_hash_table_lookup (encoders, encoder->identity) == encoder)
    g_hash_table_remove (encoders, encoder->identity);
  if (encoder->net != NULL && g_atomic_int_get (&encoder->net->refs) == 1 &&
      g_hash_table_lookup (nets, encoder->fingerprint) == encoder->net)
    g_hash_table_remove (nets, encoder->fingerprint);
}

void
dml_encoder_unref (DmlEncoder *encoder)
{
  gboolean dead;

  if (encoder == NULL)
    return;
  g_mutex_lock (&table_lock);
  dead = --encoder->refs == 0;
  if (dead) {
    table_leave (encoder);
    dml_net_unref (encoder->net); /* with the lock: table_leave asks refs */
  }
  g_mutex_unlock (&table_lock);
  if (!dead)
    return;
  dml_traits_clear (&encoder->traits);
  g_clear_pointer (&encoder->metadata, g_hash_table_unref);
  g_free (encoder->identity);
  g_free (encoder->fingerprint);
  g_free (encoder->name);
  g_free (encoder);
}

/* ---- opening ---- */

static gboolean
encoder_build (DmlEncoder *encoder, DmlGraph *graph, const char *path,
               GError **error)
{
  DmlTraits *traits = &encoder->traits;

  if (!dml_traits_parse (traits, encoder->metadata, error)) {
    dml_graph_free (graph);
    return FALSE;
  }
  encoder->net = dml_net_new (graph, traits, error);
  if (encoder->net == NULL)
    return FALSE;
  encoder->fingerprint = dml_net_fingerprint (encoder->net, traits);
  traits->input.width = encoder->net->width;
  traits->input.height = encoder->net->height;
  traits->input.channels = encoder->net->channels;
  /* Programs print it: nothing in it may move a terminal's cursor. */
  encoder->name =
    traits->name ? dml_error_quote (traits->name) : g_path_get_basename (path);
  return dml_net_optimise (encoder->net, error);
}

/* Takes `graph` and `metadata` over; NULL graph passes an error on. */
static DmlEncoder *
encoder_new (DmlGraph *graph, DmlOnnxMetadata *metadata, const char *path,
             GError **error)
{
  DmlEncoder *encoder;

  if (graph == NULL)
    return NULL;
  encoder = g_new0 (DmlEncoder, 1);
  encoder->refs = 1;
  encoder->metadata = metadata;
  if (!encoder_build (encoder, graph, path, error)) {
    g_prefix_error (error, "%s: ", path);
    dml_encoder_unref (encoder);
    return NULL;
  }
  return encoder;
}

DmlEncoder *
dml_encoder_new_from_data (const uint8_t *data, size_t n_bytes,
                           const char *path, GError **error)
{
  DmlOnnxMetadata *metadata = NULL;
  DmlGraph *graph = dml_onnx_read (data, n_bytes, path, &metadata, error);

  return encoder_new (graph, metadata, path, error);
}

/* Device, inode, size and time of change: the same file under another name is
 * the same, a replaced one is not. NULL where there is no file. */
static char *
file_identity (const char *path)
{
  GStatBuf info;

  if (g_stat (path, &info) != 0)
    return NULL;
  return g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT
                          ":%" G_GINT64_FORMAT ":%" G_GINT64_FORMAT ".%09ld",
                          (guint64) info.st_dev, (guint64) info.st_ino,
                          (gint64) info.st_size, (gint64) info.st_mtim.tv_sec,
                          info.st_mtim.tv_nsec);
}

static DmlEncoder *
open_file (const char *path, GError **error)
{
  static const char *const words[] = { DEFAULT_IDENTITY };
  DmlOnnxMetadata *metadata = NULL;
  DmlGraph *graph;

  if (dml_suggest (path, words, 1) != NULL &&
      !g_file_test (path, G_FILE_TEST_EXISTS)) {
    g_autofree char *shown = dml_error_quote (path);

    return dml_fail_null (error, NOT_FOUND,
                          "%s: no such file; did you mean %s, the built-in "
                          "encoder?",
                          shown, DEFAULT_IDENTITY);
  }
  graph = dml_onnx_read_file (path, &metadata, error);
  return encoder_new (graph, metadata, path, error);
}

static DmlEncoder *
open_default (GError **error)
{
  return dml_encoder_new_from_data (
    dml_encoder_default_start,
    (size_t) (dml_encoder_default_end - dml_encoder_default_start),
    DEFAULT_IDENTITY, error);
}

gboolean
dml_encoder_names_default (const char *path)
{
  return *path == '\0' || strcmp (path, DEFAULT_IDENTITY) == 0;
}

DmlGraph *
dml_encoder_read_graph (const char *path, DmlOnnxMetadata **metadata,
                        GError **error)
{
  return dml_encoder_names_default (path)
           ? dml_onnx_read (
               dml_encoder_default_start,
               (size_t) (dml_encoder_default_end - dml_encoder_default_start),
               DEFAULT_IDENTITY, metadata, error)
           : dml_onnx_read_file (path, metadata, error);
}

DmlEncoder *
dml_encoder_open (const char *path, GError **error)
{
  g_autofree char *identity = NULL;
  gboolean built_in;
  DmlEncoder *encoder;

  g_return_val_if_fail (path != NULL, NULL);
  built_in = dml_encoder_names_default (path);
  g_mutex_lock (&open_lock);
  /* Taken before reading: a file that is replaced meanwhile is entered under
   * the old identity and read again by the next caller. */
  identity = built_in ? g_strdup (DEFAULT_IDENTITY) : file_identity (path);
  encoder = identity ? table_find (identity) : NULL;
  if (encoder == NULL) {
    encoder = built_in ? open_default (error) : open_file (path, error);
    if (encoder != NULL) {
      encoder->identity = g_steal_pointer (&identity);
      table_enter (encoder);
    }
  }
  g_mutex_unlock (&open_lock);
  return encoder;
}

DmlEncoder *
dml_encoder_get_default (void)
{
  g_autoptr (GError) error = NULL;
  DmlEncoder *encoder = dml_encoder_open (DEFAULT_IDENTITY, &error);

  if (encoder == NULL) /* no memory; or a broken build, which tests catch */
    g_error ("the built-in encoder: %s", error->message);
  return encoder;
}

/* ---- what it says ---- */

const char *
dml_encoder_get_name (const DmlEncoder *encoder)
{
  g_return_val_if_fail (encoder != NULL, NULL);
  return encoder->name;
}

const char *
dml_encoder_get_fingerprint (const DmlEncoder *encoder)
{
  g_return_val_if_fail (encoder != NULL, NULL);
  return encoder->fingerprint;
}

gboolean
dml_encoder_is_placeholder (const DmlEncoder *encoder)
{
  g_return_val_if_fail (encoder != NULL, FALSE);
  return g_str_has_prefix (encoder->name, "placeholder");
}

guint
dml_encoder_get_dim (const DmlEncoder *encoder)
{
  g_return_val_if_fail (encoder != NULL, 0);
  return (guint) encoder->net->dim;
}

void
dml_encoder_get_input_size (const DmlEncoder *encoder, int *width, int *height)
{
  g_return_if_fail (encoder != NULL);
  if (width != NULL)
    *width = encoder->net->width;
  if (height != NULL)
    *height = encoder->net->height;
}

DmlMetric
dml_encoder_get_metric (const DmlEncoder *encoder)
{
  g_return_val_if_fail (encoder != NULL, DML_METRIC_COSINE);
  return encoder->traits.metric;
}

DmlFit
dml_encoder_get_fit (const DmlEncoder *encoder)
{
  g_return_val_if_fail (encoder != NULL, DML_FIT_CONTEXT);
  return encoder->traits.input.fit;
}

const char *
dml_encoder_get_metadata (const DmlEncoder *encoder, const char *key)
{
  g_return_val_if_fail (encoder != NULL && key != NULL, NULL);
  return g_hash_table_lookup (encoder->metadata, key);
}

/* Between two told rates, the threshold straight in ln (rate), as an
 * exponential tail has it; of the interval, its ends as shares of the rate. */
static DmlThreshold
between (const DmlThreshold *a, const DmlThreshold *b, double rate)
{
  const double t = log (rate / a->false_accept_rate) /
                   log (b->false_accept_rate / a->false_accept_rate);
#define MIX(x, y) ((x) + t * ((y) - (x)))
  const double lower =
    MIX (a->lower / a->false_accept_rate, b->lower / b->false_accept_rate);
  const double upper =
    MIX (a->upper / a->false_accept_rate, b->upper / b->false_accept_rate);

  return (DmlThreshold){ rate,
                         MIX (a->threshold, b->threshold),
                         MIN (a->n_genuine, b->n_genuine),
                         MIN (a->n_impostor, b->n_impostor),
                         rate * lower,
                         MIN (rate * upper, 1) };
#undef MIX
}

gboolean
dml_encoder_get_threshold (const DmlEncoder *encoder, double false_accept_rate,
                           DmlThreshold *threshold)
{
  const GArray *list;
  const DmlThreshold *t;
  guint i = 0;

  g_return_val_if_fail (encoder != NULL && threshold != NULL, FALSE);
  list = encoder->traits.thresholds; /* rising rate */
  if (list->len == 0)
    return FALSE;
  t = (const DmlThreshold *) (void *) list->data;
  /* 0.01, however it was written */
  while (i + 1 < list->len &&
         t[i].false_accept_rate < false_accept_rate * (1 - 1e-9))
    i++;
  *threshold = i > 0 && t[i].false_accept_rate > false_accept_rate * (1 + 1e-9)
                 ? between (&t[i - 1], &t[i], false_accept_rate)
                 : t[i];
  return TRUE;
}
