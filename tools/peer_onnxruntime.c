/* SPDX-License-Identifier: LGPL-2.1-or-later
 * ONNX Runtime as a peer. Opened at run time and without its headers: its C
 * interface is a table of function pointers whose order is fixed for good. */
#include "bench.h"

#include <dlfcn.h>

enum { /* places in the table */
       ORT_MESSAGE = 2,
       ORT_CREATE_ENV = 3,
       ORT_CREATE_SESSION = 7,
       ORT_RUN = 9,
       ORT_CREATE_OPTIONS = 10,
       ORT_SET_OPTIMISATION = 23,
       ORT_SET_INTRA_THREADS = 24,
       ORT_INPUT_NAME = 36,
       ORT_OUTPUT_NAME = 37,
       ORT_CREATE_TENSOR = 49,
       ORT_CREATE_MEMORY_INFO = 69,
       ORT_ALLOCATOR = 78,
};

#define ORT_API_VERSION 16
#define ORT_FLOAT 1

typedef struct {
  const void *const *(*get_api) (guint32 version);
  const char *(*get_version) (void);
} OrtBase;

struct _PeerOnnxRuntime {
  const void *const *api;
  const char *version;
  void *env, *options, *session, *memory, *allocator, *in, *out;
  char *in_name, *out_name;
  float *x, *y;
};

static gboolean
worked (PeerOnnxRuntime *peer, void *status, const char *what, GError **error)
{
  const char *(*message) (const void *) =
    (const char *(*) (const void *) ) peer->api[ORT_MESSAGE];

  if (status == NULL)
    return TRUE;
  g_set_error (error, DML_ERROR, DML_ERROR_UNSUPPORTED, "ONNX Runtime: %s: %s",
               what, message (status));
  return FALSE;
}

#define CALL(peer, place, types, ...)                                          \
  worked ((peer), ((void *(*) types) (peer)->api[place]) (__VA_ARGS__),        \
          #place, error)

static gboolean
load (PeerOnnxRuntime *peer, const char *library, GError **error)
{
  void *handle = dlopen (library, RTLD_NOW | RTLD_LOCAL);
  const OrtBase *(*get_base) (void) =
    handle ? (const OrtBase *(*) (void) ) dlsym (handle, "OrtGetApiBase")
           : NULL;

  if (get_base == NULL) {
    g_set_error (error, DML_ERROR, DML_ERROR_NOT_FOUND, "%s: %s", library,
                 dlerror ());
    return FALSE;
  }
  peer->version = get_base ()->get_version ();
  peer->api = get_base ()->get_api (ORT_API_VERSION);
  return TRUE;
}

static float *
random_floats (const gint64 *shape, guint n_dims, gsize *n)
{
  guint32 state = 1;
  float *x;

  *n = 1;
  for (guint i = 0; i < n_dims; i++)
    *n *= (gsize) shape[i];
  x = g_new (float, *n);
  for (gsize i = 0; i < *n; i++) {
    state = state * 1664525u + 1013904223u;
    x[i] = (float) (state >> 8) / 8388608.0f - 1.0f;
  }
  return x;
}

PeerOnnxRuntime *
peer_onnxruntime_open (const char *library, const char *model, int n_threads,
                       const gint64 *in_shape, const gint64 *out_shape,
                       GError **error)
{
  PeerOnnxRuntime *peer = g_new0 (PeerOnnxRuntime, 1);
  gsize n_in, n_out;

  if (!load (peer, library, error)) {
    g_free (peer);
    return NULL;
  }
  peer->x = random_floats (in_shape, 4, &n_in);
  peer->y = random_floats (out_shape, 2, &n_out);
  if (CALL (peer, ORT_CREATE_ENV, (int, const char *, void **), 3, "dml-bench",
            &peer->env) &&
      CALL (peer, ORT_CREATE_OPTIONS, (void **), &peer->options) &&
      CALL (peer, ORT_SET_OPTIMISATION, (void *, int), peer->options, 99) &&
      CALL (peer, ORT_SET_INTRA_THREADS, (void *, int), peer->options,
            n_threads) &&
      CALL (peer, ORT_CREATE_SESSION, (void *, const char *, void *, void **),
            peer->env, model, peer->options, &peer->session) &&
      CALL (peer, ORT_ALLOCATOR, (void **), &peer->allocator) &&
      CALL (peer, ORT_INPUT_NAME, (void *, size_t, void *, char **),
            peer->session, 0, peer->allocator, &peer->in_name) &&
      CALL (peer, ORT_OUTPUT_NAME, (void *, size_t, void *, char **),
            peer->session, 0, peer->allocator, &peer->out_name) &&
      CALL (peer, ORT_CREATE_MEMORY_INFO, (int, int, void **), 1, 0,
            &peer->memory) &&
      CALL (peer, ORT_CREATE_TENSOR,
            (void *, void *, size_t, const gint64 *, size_t, int, void **),
            peer->memory, peer->x, n_in * sizeof (float), in_shape, 4,
            ORT_FLOAT, &peer->in) &&
      CALL (peer, ORT_CREATE_TENSOR,
            (void *, void *, size_t, const gint64 *, size_t, int, void **),
            peer->memory, peer->y, n_out * sizeof (float), out_shape, 2,
            ORT_FLOAT, &peer->out))
    return peer;
  peer_onnxruntime_close (peer);
  return NULL;
}

void
peer_onnxruntime_run (gpointer data)
{
  PeerOnnxRuntime *peer = data;
  GError **error = NULL;
  const char *in_name = peer->in_name, *out_name = peer->out_name;

  CALL (peer, ORT_RUN,
        (void *, void *, const char *const *, const void *const *, size_t,
         const char *const *, size_t, void **),
        peer->session, NULL, &in_name, (const void *const *) &peer->in, 1,
        &out_name, 1, &peer->out);
}

const char *
peer_onnxruntime_version (PeerOnnxRuntime *peer)
{
  return peer->version;
}

/* The runtime's own objects stay until the program ends, which is soon. */
void
peer_onnxruntime_close (PeerOnnxRuntime *peer)
{
  g_free (peer->x);
  g_free (peer->y);
  g_free (peer);
}
