/* SPDX-License-Identifier: LGPL-2.1-or-later
 * An embedding as it travels with a buffer: immutable, shared by every copy. */
#pragma once

#include <dml/dml.h>
#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * GstDmlEmbedding:
 *
 * D floats with the encoder that they come from. Immutable, reference-counted;
 * copying a buffer copies a reference. Two frames with the same block show the
 * same picture (a repeated frame), which is how repeats are told from news.
 */
typedef struct _GstDmlEmbedding GstDmlEmbedding;

#define GST_TYPE_DML_EMBEDDING (gst_dml_embedding_get_type ())
DML_API GType gst_dml_embedding_get_type (void);

/**
 * gst_dml_embedding_new: (skip)
 * @encoder: what made it
 * @values: D floats, dml_encoder_get_dim() of @encoder; copied
 *
 * Returns: (transfer full): the block
 */
DML_API GstDmlEmbedding *gst_dml_embedding_new (DmlEncoder *encoder,
                                                const float *values);
DML_API GstDmlEmbedding *gst_dml_embedding_ref (GstDmlEmbedding *embedding);
DML_API void gst_dml_embedding_unref (GstDmlEmbedding *embedding);

/**
 * gst_dml_embedding_get_dim:
 * @embedding: a #GstDmlEmbedding
 *
 * Returns: D, how many floats it holds
 */
DML_API guint gst_dml_embedding_get_dim (const GstDmlEmbedding *embedding);

/**
 * gst_dml_embedding_get_values: (skip)
 * @embedding: a #GstDmlEmbedding
 *
 * Returns: (transfer none): D floats; of unit length when the encoder's metric
 *   is cosine
 */
DML_API const float *
gst_dml_embedding_get_values (const GstDmlEmbedding *embedding);

/**
 * gst_dml_embedding_get_bytes:
 * @embedding: a #GstDmlEmbedding
 *
 * The same for languages that cannot read a pointer.
 *
 * Returns: (transfer full): D floats in native byte order
 */
DML_API GBytes *gst_dml_embedding_get_bytes (const GstDmlEmbedding *embedding);

/**
 * gst_dml_embedding_get_fingerprint:
 * @embedding: a #GstDmlEmbedding
 *
 * Returns: (transfer none): the encoder's, 64 hexadecimal digits
 */
DML_API const char *
gst_dml_embedding_get_fingerprint (const GstDmlEmbedding *embedding);

/**
 * gst_dml_embedding_get_encoder_name:
 * @embedding: a #GstDmlEmbedding
 *
 * Returns: (transfer none): the encoder's name
 */
DML_API const char *
gst_dml_embedding_get_encoder_name (const GstDmlEmbedding *embedding);

/**
 * gst_dml_embedding_get_encoder: (skip)
 * @embedding: a #GstDmlEmbedding
 *
 * Returns: (transfer none): the encoder itself, alive as long as @embedding
 */
DML_API DmlEncoder *
gst_dml_embedding_get_encoder (const GstDmlEmbedding *embedding);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstDmlEmbedding, gst_dml_embedding_unref)

G_END_DECLS
