/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Encoders: a photograph or a region of a frame in, an embedding out. */
#pragma once

#include <dml/dml-image.h>

G_BEGIN_DECLS

/**
 * DmlMetric:
 * @DML_METRIC_COSINE: similarity is the cosine, in [-1, 1]
 * @DML_METRIC_EUCLIDEAN: similarity is 1 / (1 + distance), in (0, 1]
 *
 * What "close" means. Larger similarity is closer in both.
 */
typedef enum {
  DML_METRIC_COSINE,
  DML_METRIC_EUCLIDEAN,
} DmlMetric;

/**
 * DmlThreshold:
 * @false_accept_rate: the wished share of unknown things that pass
 * @threshold: similarity above which that holds
 * @n_genuine: independent genuine units it was measured on
 * @n_impostor: independent impostor units it was measured on
 * @lower: lower end of the rate's 95 % interval
 * @upper: upper end
 *
 * A calibrated threshold, as stored in an encoder or a gallery.
 */
typedef struct {
  double false_accept_rate;
  double threshold;
  guint n_genuine, n_impostor;
  double lower, upper;
} DmlThreshold;

/**
 * DmlEncoder:
 *
 * A CNN with its preprocessing. Immutable and shared: opening the same file
 * twice in a process gives the same weights once.
 */
typedef struct _DmlEncoder DmlEncoder;

#define DML_TYPE_ENCODER (dml_encoder_get_type ())
DML_API GType dml_encoder_get_type (void);

/**
 * dml_encoder_open:
 * @path: (type filename): an ONNX file; "default" or "" names the built-in one
 * @error: (nullable): return location for a #GError
 *
 * Opens an encoder. Needs one float32 image input N x 3 x H x W (or
 * N x 1 x H x W) and takes the first output of rank 2 (or N x D x 1 x 1).
 * docs/onnx.md names the operators; metadata keys are in docs/encoder.md.
 *
 * Returns: (transfer full) (nullable): the encoder, or %NULL with
 *   #DML_ERROR_NOT_FOUND, #DML_ERROR_FORMAT, #DML_ERROR_UNSUPPORTED (operator
 *   and node are named), #DML_ERROR_LIMIT or #DML_ERROR_NO_MEMORY
 */
DML_API DmlEncoder *dml_encoder_open (const char *path, GError **error);

/**
 * dml_encoder_get_default:
 *
 * The encoder that is linked into the library.
 *
 * Returns: (transfer full): never %NULL
 */
DML_API DmlEncoder *dml_encoder_get_default (void);

DML_API DmlEncoder *dml_encoder_ref (DmlEncoder *encoder);
DML_API void dml_encoder_unref (DmlEncoder *encoder);

/**
 * dml_encoder_get_name:
 * @encoder: a #DmlEncoder
 *
 * Returns: (transfer none): `dml.name`, or the file's name without folder
 */
DML_API const char *dml_encoder_get_name (const DmlEncoder *encoder);

/**
 * dml_encoder_get_fingerprint:
 * @encoder: a #DmlEncoder
 *
 * SHA-256 over operators, attributes, weights and preprocessing: two files that
 * give the same embeddings have the same one.
 *
 * Returns: (transfer none): 64 hexadecimal digits
 */
DML_API const char *dml_encoder_get_fingerprint (const DmlEncoder *encoder);

/**
 * dml_encoder_is_placeholder:
 * @encoder: a #DmlEncoder
 *
 * Whether this is an untrained stand-in whose embeddings mean little; every
 * program and element says so once.
 */
DML_API gboolean dml_encoder_is_placeholder (const DmlEncoder *encoder);

/**
 * dml_encoder_get_dim:
 * @encoder: a #DmlEncoder
 *
 * Returns: D, floats in an embedding
 */
DML_API guint dml_encoder_get_dim (const DmlEncoder *encoder);

/**
 * dml_encoder_get_input_size:
 * @encoder: a #DmlEncoder
 * @width: (out) (optional): pixels across
 * @height: (out) (optional): rows
 */
DML_API void dml_encoder_get_input_size (const DmlEncoder *encoder, int *width,
                                         int *height);

DML_API DmlMetric dml_encoder_get_metric (const DmlEncoder *encoder);
DML_API DmlFit dml_encoder_get_fit (const DmlEncoder *encoder);

/**
 * dml_encoder_get_metadata:
 * @encoder: a #DmlEncoder
 * @key: such as "dml.licence"
 *
 * Returns: (transfer none) (nullable): the file's value, or %NULL
 */
DML_API const char *dml_encoder_get_metadata (const DmlEncoder *encoder,
                                              const char *key);

/**
 * dml_encoder_get_threshold:
 * @encoder: a #DmlEncoder
 * @false_accept_rate: wished rate, in (0, 1)
 * @threshold: (out caller-allocates): where to put the answer
 *
 * The threshold for the wished rate: between two rates that the file tells,
 * straight in the rate's logarithm (docs/thresholds.md). Beyond the loosest or
 * the strictest it is theirs, and @threshold's false_accept_rate says so.
 *
 * Returns: %FALSE where the file holds none
 */
DML_API gboolean dml_encoder_get_threshold (const DmlEncoder *encoder,
                                            double false_accept_rate,
                                            DmlThreshold *threshold);

/**
 * DmlSession:
 *
 * Working memory for one caller at a time. Many may share an encoder.
 */
typedef struct _DmlSession DmlSession;

/**
 * dml_encoder_session_new: (skip)
 * @encoder: a #DmlEncoder
 * @n_threads: threads of the process's pool to use; 0 = all
 * @error: (nullable): return location for a #GError
 *
 * Returns: (transfer full) (nullable): a session
 */
DML_API DmlSession *dml_encoder_session_new (DmlEncoder *encoder,
                                             unsigned n_threads,
                                             GError **error);

DML_API void dml_session_free (DmlSession *session);

/**
 * dml_session_embed: (skip)
 * @session: a #DmlSession
 * @images: @n views; the same one may stand several times
 * @regions: (nullable): @n boxes, or %NULL for the whole of each image
 * @n: how many, at least 1
 * @out: room for @n x D floats, row-major; rows have unit length when the
 *   metric is cosine, and are zero for a row that has no direction
 * @error: (nullable): return location for a #GError
 *
 * Crops, resizes, converts, normalises and encodes. Allocates nothing after the
 * first call with the same @n. A row depends on its own image and region only,
 * not on its neighbours or on the number of threads. Caller's (one thread at a
 * time).
 *
 * Returns: %FALSE with #DML_ERROR_INVALID (a region of no size, a width below
 *   1), or #DML_ERROR_NO_MEMORY
 */
DML_API gboolean dml_session_embed (DmlSession *session,
                                    const DmlImage *const *images,
                                    const DmlRegion *regions, size_t n,
                                    float *out, GError **error);

/**
 * dml_session_preprocess: (skip)
 * @session: a #DmlSession
 * @image: a view
 * @region: (nullable): a box, or %NULL for the whole image
 * @out: room for C x H x W floats, the encoder's input
 * @error: (nullable): return location for a #GError
 *
 * What the network would see: the first half of dml_session_embed().
 */
DML_API gboolean dml_session_preprocess (DmlSession *session,
                                         const DmlImage *image,
                                         const DmlRegion *region, float *out,
                                         GError **error);

/**
 * dml_session_embed_enrolment: (skip)
 * @session: a #DmlSession
 * @picture: a photograph of the thing to enrol
 * @n_views: 1..256; 1 = the photograph as it is
 * @out: room for D floats
 * @error: (nullable): return location for a #GError
 *
 * One embedding that stands for a photograph in a gallery: the mean of @n_views
 * views of it, back to unit length when the metric is cosine. The first view is
 * the photograph itself; the others are turned a little, in other light and on
 * other backgrounds (docs/encoder.md). Always the same for the same picture. A
 * mean of twelve recognises markedly better from one photograph than the
 * photograph alone. All zero where the encoder sees nothing in the picture:
 * such an embedding is like no other, and no gallery takes it.
 *
 * Returns: %FALSE with #DML_ERROR_FORMAT where the encoder's numbers are not
 *   finite, or as dml_session_embed()
 */
DML_API gboolean dml_session_embed_enrolment (DmlSession *session,
                                              const DmlPicture *picture,
                                              guint n_views, float *out,
                                              GError **error);

/**
 * dml_session_embed_probe: (skip)
 * @session: a #DmlSession
 * @picture: a photograph that is being enrolled
 * @out: room for D floats
 * @error: (nullable): return location for a #GError
 *
 * The embedding of one more view of the photograph, such as a camera may see,
 * which is none of those that dml_session_embed_enrolment() takes the mean of.
 * Stored beside that one (#DmlItemInfo), it lets a gallery measure on itself
 * how near unknown things come. Always the same for the same picture.
 *
 * Returns: as dml_session_embed_enrolment()
 */
DML_API gboolean dml_session_embed_probe (DmlSession *session,
                                          const DmlPicture *picture, float *out,
                                          GError **error);

/**
 * dml_encoder_embed_picture:
 * @encoder: a #DmlEncoder
 * @picture: a #DmlPicture; of one with alpha the box round the thing is taken,
 *   on mid grey
 * @error: (nullable): return location for a #GError
 *
 * Convenience for one picture, introspectable.
 *
 * Returns: (transfer full) (nullable): D floats, native order
 */
DML_API GBytes *dml_encoder_embed_picture (DmlEncoder *encoder,
                                           const DmlPicture *picture,
                                           GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlEncoder, dml_encoder_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlSession, dml_session_free)

G_END_DECLS
