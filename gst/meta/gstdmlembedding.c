/* SPDX-License-Identifier: LGPL-2.1-or-later
 * An embedding as it travels with a buffer. */
#include <gst/dml/gstdmlembedding.h>

#include <string.h>

struct _GstDmlEmbedding {
  gatomicrefcount refs;
  guint dim;
  DmlEncoder *encoder; /* keeps name and fingerprint alive */
  float values[];
};

G_DEFINE_BOXED_TYPE (GstDmlEmbedding, gst_dml_embedding, gst_dml_embedding_ref,
                     gst_dml_embedding_unref)

GstDmlEmbedding *
gst_dml_embedding_new (DmlEncoder *encoder, const float *values)
{
  GstDmlEmbedding *self;
  guint dim;

  g_return_val_if_fail (encoder != NULL, NULL);
  g_return_val_if_fail (values != NULL, NULL);

  dim = dml_encoder_get_dim (encoder);
  self = g_malloc (sizeof *self + dim * sizeof (float));
  g_atomic_ref_count_init (&self->refs);
  self->dim = dim;
  self->encoder = dml_encoder_ref (encoder);
  memcpy (self->values, values, dim * sizeof (float));
  return self;
}

GstDmlEmbedding *
gst_dml_embedding_ref (GstDmlEmbedding *embedding)
{
  g_return_val_if_fail (embedding != NULL, NULL);
  g_atomic_ref_count_inc (&embedding->refs);
  return embedding;
}

void
gst_dml_embedding_unref (GstDmlEmbedding *embedding)
{
  g_return_if_fail (embedding != NULL);
  if (g_atomic_ref_count_dec (&embedding->refs)) {
    dml_encoder_unref (embedding->encoder);
    g_free (embedding);
  }
}

guint
gst_dml_embedding_get_dim (const GstDmlEmbedding *embedding)
{
  g_return_val_if_fail (embedding != NULL, 0);
  return embedding->dim;
}

const float *
gst_dml_embedding_get_values (const GstDmlEmbedding *embedding)
{
  g_return_val_if_fail (embedding != NULL, NULL);
  return embedding->values;
}

GBytes *
gst_dml_embedding_get_bytes (const GstDmlEmbedding *embedding)
{
  g_return_val_if_fail (embedding != NULL, NULL);
  return g_bytes_new (embedding->values, embedding->dim * sizeof (float));
}

const char *
gst_dml_embedding_get_fingerprint (const GstDmlEmbedding *embedding)
{
  g_return_val_if_fail (embedding != NULL, NULL);
  return dml_encoder_get_fingerprint (embedding->encoder);
}

const char *
gst_dml_embedding_get_encoder_name (const GstDmlEmbedding *embedding)
{
  g_return_val_if_fail (embedding != NULL, NULL);
  return dml_encoder_get_name (embedding->encoder);
}

DmlEncoder *
gst_dml_embedding_get_encoder (const GstDmlEmbedding *embedding)
{
  g_return_val_if_fail (embedding != NULL, NULL);
  return embedding->encoder;
}
