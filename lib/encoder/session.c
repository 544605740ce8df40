/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Sessions: from views of pixels to embeddings.
 *
 * A batch of any size is run in blocks of 8, 4, 2 and 1, each with an executor
 * of its own that is made when it is first needed. A row does not depend on its
 * neighbours, so the blocks change no result; and 31 regions a frame need four
 * arenas instead of one for every count that was ever seen. */
#include "base/error.h"
#include "base/threads.h"
#include "encoder/encoder.h"
#include "encoder/enrol.h"
#include "nn/exec.h"

#include <math.h>
#include <string.h>

#define N_BLOCKS 4 /* 1, 2, 4, 8 */

struct _DmlSession {
  DmlEncoder *encoder;
  unsigned n_threads;
  DmlPreprocessor *preprocessor;
  DmlInfer *infer[N_BLOCKS]; /* of 1 << i rows; [0] of the fixed batch */
  size_t row_size;           /* floats of an input row, C x H x W */
  DmlEnroller *enroller;     /* NULL before the first enrolment */
  size_t n_broken;           /* rows that were not finite, and are zero now */
};

DmlSession *
dml_encoder_session_new (DmlEncoder *encoder, unsigned n_threads,
                         GError **error)
{
  g_autoptr (DmlSession) session = NULL;
  const DmlNet *net;

  g_return_val_if_fail (encoder != NULL, NULL);
  net = encoder->net;
  session = g_new0 (DmlSession, 1);
  session->encoder = dml_encoder_ref (encoder);
  session->n_threads = n_threads;
  session->row_size =
    (size_t) net->channels * (size_t) net->height * (size_t) net->width;
  session->preprocessor = dml_preprocessor_new (&encoder->traits.input, error);
  if (session->preprocessor == NULL) {
    g_prefix_error (error, "%s: ", encoder->name);
    return NULL;
  }
  return g_steal_pointer (&session);
}

void
dml_session_free (DmlSession *session)
{
  if (session == NULL)
    return;
  for (int i = 0; i < N_BLOCKS; i++)
    dml_infer_free (session->infer[i]);
  dml_enroller_free (session->enroller);
  dml_preprocessor_free (session->preprocessor);
  dml_encoder_unref (session->encoder);
  g_free (session);
}

/* The executor for a block of `rows`, a power of two or the fixed batch. */
static DmlInfer *
session_infer (DmlSession *session, size_t rows, GError **error)
{
  const DmlNet *net = session->encoder->net;
  const int i = net->fixed_batch ? 0 : __builtin_ctzl (rows);

  if (session->infer[i] == NULL) {
    session->infer[i] =
      dml_infer_new (net->graph, rows, session->n_threads, error);
    if (session->infer[i] == NULL)
      g_prefix_error (error, "%s: ", session->encoder->name);
  }
  return session->infer[i];
}

void
dml_session_normalise (float *row, size_t dim)
{
  double sum = 0, scale;

  for (size_t i = 0; i < dim; i++)
    sum += (double) row[i] * (double) row[i];
  if (fabs (sum - 1) < 1e-5)
    return;
  scale = sum > 1e-24 && isfinite (sum) ? 1 / sqrt (sum) : 0;
  for (size_t i = 0; i < dim; i++)
    row[i] = scale > 0 ? (float) ((double) row[i] * scale) : 0;
}

static gboolean
check_finite (const float *row, size_t dim)
{
  for (size_t i = 0; i < dim; i++)
    if (!isfinite (row[i]))
      return FALSE;
  return TRUE;
}

/* Rows [first, first + n) of a call, n at most `rows`; what is missing to a
 * fixed batch is filled with the first of them. */
static gboolean
run_block (DmlSession *session, size_t rows, DmlSessionFill fill, void *data,
           size_t first, size_t n, float *out, GError **error)
{
  const DmlNet *net = session->encoder->net;
  DmlInfer *infer = session_infer (session, rows, error);
  float *in;

  if (infer == NULL)
    return FALSE;
  in = dml_infer_input (infer, 0);
  for (size_t i = 0; i < n; i++)
    if (!fill (session, data, first + i, in + i * session->row_size, error))
      return FALSE;
  for (size_t i = n; i < rows; i++)
    memcpy (in + i * session->row_size, in, session->row_size * sizeof *in);
  dml_infer_run (infer);
  memcpy (out, dml_infer_output (infer, 0), n * net->dim * sizeof *out);
  for (size_t i = 0; i < n; i++, out += net->dim) {
    if (!check_finite (out, net->dim)) {
      memset (out, 0, net->dim * sizeof *out);
      session->n_broken++;
    } else if (session->encoder->traits.metric == DML_METRIC_COSINE)
      dml_session_normalise (out, net->dim);
  }
  return TRUE;
}

size_t
dml_session_get_dim (const DmlSession *session)
{
  return session->encoder->net->dim;
}

gboolean
dml_session_run (DmlSession *session, DmlSessionFill fill, void *data, size_t n,
                 float *out, GError **error)
{
  const DmlNet *net = session->encoder->net;
  size_t rows =
    net->fixed_batch ? net->fixed_batch : (size_t) 1 << (N_BLOCKS - 1);

  for (size_t first = 0; first < n;) {
    size_t done;

    while (net->fixed_batch == 0 && rows > n - first)
      rows /= 2;
    done = MIN (rows, n - first);
    if (!run_block (session, rows, fill, data, first, done,
                    out + first * net->dim, error))
      return FALSE;
    first += done;
  }
  return TRUE;
}

typedef struct {
  const DmlImage *const *images;
  const DmlRegion *regions; /* NULL: whole images */
} EmbedCall;

static gboolean
embed_fill (DmlSession *session, void *data, size_t i, float *out,
            GError **error)
{
  const EmbedCall *call = data;

  return dml_preprocessor_run (session->preprocessor, call->images[i],
                               call->regions ? &call->regions[i] : NULL, out,
                               error);
}

gboolean
dml_session_embed (DmlSession *session, const DmlImage *const *images,
                   const DmlRegion *regions, size_t n, float *out,
                   GError **error)
{
  EmbedCall call = { images, regions };

  g_return_val_if_fail (session != NULL && images != NULL && n > 0, FALSE);
  g_return_val_if_fail (out != NULL, FALSE);
  return dml_session_run (session, embed_fill, &call, n, out, error);
}

gboolean
dml_session_preprocess (DmlSession *session, const DmlImage *image,
                        const DmlRegion *region, float *out, GError **error)
{
  g_return_val_if_fail (session != NULL && image != NULL && out != NULL, FALSE);
  return dml_preprocessor_run (session->preprocessor, image, region, out,
                               error);
}

static DmlEnroller *
get_enroller (DmlSession *session, GError **error)
{
  if (session->enroller == NULL)
    session->enroller =
      dml_enroller_new (&session->encoder->traits.input, error);
  return session->enroller;
}

/* A frame without an embedding passes; a photograph is told. */
static gboolean
check_not_broken (DmlSession *session, GError **error)
{
  return session->n_broken == 0 ||
         dml_fail (error, FORMAT,
                   "%s: gives numbers for it that are not finite; the encoder "
                   "is broken: export it again, or take another one",
                   session->encoder->name);
}

gboolean
dml_session_embed_enrolment (DmlSession *session, const DmlPicture *picture,
                             guint n_views, float *out, GError **error)
{
  DmlEnroller *enroller;

  g_return_val_if_fail (session != NULL && picture != NULL, FALSE);
  g_return_val_if_fail (out != NULL, FALSE);
  g_return_val_if_fail (n_views >= 1 && n_views <= DML_ENROL_MAX_VIEWS, FALSE);
  session->n_broken = 0;
  enroller = get_enroller (session, error);
  if (enroller == NULL ||
      !dml_enroller_run (enroller, session, picture, n_views, out, error) ||
      !check_not_broken (session, error))
    return FALSE;
  if (session->encoder->traits.metric == DML_METRIC_COSINE)
    dml_session_normalise (out, session->encoder->net->dim);
  return TRUE;
}

gboolean
dml_session_embed_probe (DmlSession *session, const DmlPicture *picture,
                         float *out, GError **error)
{
  DmlEnroller *enroller;

  g_return_val_if_fail (session != NULL && picture != NULL, FALSE);
  g_return_val_if_fail (out != NULL, FALSE);
  session->n_broken = 0;
  enroller = get_enroller (session, error);
  if (enroller == NULL ||
      !dml_enroller_probe (enroller, session, picture, out, error) ||
      !check_not_broken (session, error))
    return FALSE;
  if (session->encoder->traits.metric == DML_METRIC_COSINE)
    dml_session_normalise (out, session->encoder->net->dim);
  return TRUE;
}

GBytes *
dml_encoder_embed_picture (DmlEncoder *encoder, const DmlPicture *picture,
                           GError **error)
{
  g_autoptr (DmlSession) session = NULL;
  g_autofree float *out = NULL;

  g_return_val_if_fail (encoder != NULL && picture != NULL, NULL);
  session = dml_encoder_session_new (encoder, 0, error);
  if (session == NULL)
    return NULL;
  out = g_new (float, encoder->net->dim);
  if (!dml_session_embed_enrolment (session, picture, 1, out, error))
    return NULL;
  return g_bytes_new_take (g_steal_pointer (&out),
                           encoder->net->dim * sizeof *out);
}
