/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Inside of an encoder: what the file says, and the network. */
#pragma once

#include "image/preprocess.h"
#include "nn/onnx/onnx.h"

#include <dml/dml-encoder.h>

#define DML_ENCODER_MAX_DIM 65536 /* floats in an embedding */
#define DML_ENCODER_MAX_VALUE                                                  \
  ((size_t) 256 << 20) /* bytes of an activation                               \
                        */

/* What `dml.*` metadata say, checked, with the defaults of docs/encoder.md. */
typedef struct {
  char *name; /* dml.name or NULL */
  /* dml.input, .mean, .std, .fit; a size of 0 is left to the graph, and the
   * channels always are */
  DmlPreprocess input;
  DmlMetric metric;
  GArray *thresholds; /* of DmlThreshold, rising false-accept rate */
} DmlTraits;

/* FALSE with FORMAT or UNSUPPORTED naming the key. `traits` is to be cleared
 * either way. */
gboolean dml_traits_parse (DmlTraits *traits, DmlOnnxMetadata *metadata,
                           GError **error);
void dml_traits_clear (DmlTraits *traits);

/* Whether that names the built-in encoder where encoders are opened. */
gboolean dml_encoder_names_default (const char *path);
/* The graph of an encoder as it stands in its file, to be trained: not
 * optimised, nothing of it chosen. `path` and errors as with
 * dml_encoder_open(). */
DmlGraph *dml_encoder_read_graph (const char *path, DmlOnnxMetadata **metadata,
                                  GError **error);

/* The network behind one or several encoders: two files that differ only in
 * what they say about themselves share it. Immutable. */
typedef struct {
  gint refs;
  DmlGraph *graph; /* one input N x C x H x W, one output of D a row */
  int width, height, channels;
  size_t dim;         /* D */
  size_t fixed_batch; /* 0: any */
} DmlNet;

/* Chooses input and output, settles the size, checks both. Takes `graph` over,
 * also on failure. */
DmlNet *dml_net_new (DmlGraph *graph, const DmlTraits *traits, GError **error);
DmlNet *dml_net_ref (DmlNet *net);
void dml_net_unref (DmlNet *net);

/* Lets the passes make it fast. After the fingerprint. */
gboolean dml_net_optimise (DmlNet *net, GError **error);

/* SHA-256 over the canonical form of graph and preprocessing, 64 digits. */
char *dml_net_fingerprint (const DmlNet *net, const DmlTraits *traits);

struct _DmlEncoder {
  gint refs; /* changed under the lock of the table only */
  char *name;
  char *fingerprint;
  char *identity; /* of the file: its key in the table, or NULL */
  DmlOnnxMetadata *metadata;
  DmlTraits traits;
  DmlNet *net;
};

/* From memory, not shared with anybody; what dml_encoder_open() and the tests
 * build on. */
DmlEncoder *dml_encoder_new_from_data (const uint8_t *data, size_t n_bytes,
                                       const char *path, GError **error);

size_t dml_session_get_dim (const DmlSession *session); /* D */

/* Writes row i of a call, C x H x W floats as the network wants them. */
typedef gboolean (*DmlSessionFill) (DmlSession *session, void *data, size_t i,
                                    float *out, GError **error);

/* n rows through the network, n x D floats to `out`: what every way of
 * embedding comes down to. */
gboolean dml_session_run (DmlSession *session, DmlSessionFill fill, void *data,
                          size_t n, float *out, GError **error);

/* To unit length. A row without a direction, or that is not finite because
 * some weight is not, becomes zero; one that the graph has normalised stays as
 * it is, to the bit. */
void dml_session_normalise (float *row, size_t dim);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlNet, dml_net_unref)
