/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A teacher's embeddings of the clean training pictures, made once by our own
 * engine and kept in the run's folder.
 *
 * teacher.bin: "DMLTEACH", u64 sum of encoder and pictures, u64 n, u64 d, then
 * n x d floats. Made again where the sum does not fit. */
#include "train/trainer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/words.h"

#include <math.h>
#include <string.h>

#define MAGIC "DMLTEACH"
#define BATCH 32

typedef struct {
  char magic[8];
  uint64_t sum, n, d;
} Head;

static uint64_t
sum_of (const DmlTrainer *t, DmlEncoder *encoder, const GArray *members)
{
  uint64_t sum = g_str_hash (dml_encoder_get_fingerprint (encoder));

  for (guint i = 0; i < members->len; i++) {
    const DmlSample *sample =
      dml_dataset_sample (t->set, g_array_index (members, guint32, i));

    sum = (sum ^ sample->hash[0]) * 0x9E3779B97F4A7C15u;
    sum ^= sum >> 32;
  }
  return sum;
}

static gboolean
read_kept (DmlTrainer *t, const char *path, const Head *want)
{
  const size_t size = (size_t) (want->n * want->d) * sizeof (float);
  g_autoptr (GBytes) bytes = dml_file_read (path, sizeof *want + size, NULL);

  if (bytes == NULL || g_bytes_get_size (bytes) != sizeof *want + size ||
      memcmp (g_bytes_get_data (bytes, NULL), want, sizeof *want) != 0)
    return FALSE;
  memcpy (t->teacher,
          (const uint8_t *) g_bytes_get_data (bytes, NULL) + sizeof *want,
          size);
  return TRUE;
}

static gboolean
keep (const DmlTrainer *t, const char *path, const Head *head, GError **error)
{
  const size_t size = (size_t) (head->n * head->d) * sizeof (float);
  g_autoptr (DmlMem) file = dml_mem_new (uint8_t, sizeof *head + size, error);

  if (file == NULL)
    return FALSE;
  memcpy (file, head, sizeof *head);
  memcpy ((uint8_t *) file + sizeof *head, t->teacher, size);
  return dml_file_replace (path, file, sizeof *head + size, error);
}

static gboolean
embed_all (DmlTrainer *t, DmlEncoder *encoder, const GArray *members,
           GCancellable *cancellable, GError **error)
{
  g_autoptr (DmlSession) session =
    dml_encoder_session_new (encoder, (unsigned) t->config->s.threads, error);
  DmlTrainProgress p = { .stage = DML_TRAIN_STAGE_TEACH,
                         .total = members->len };
  const double start = (double) g_get_monotonic_time ();

  if (session == NULL)
    return FALSE;
  for (guint first = 0; first < members->len; first += BATCH) {
    const guint n = MIN (BATCH, members->len - first);
    DmlImage views[BATCH];
    const DmlImage *pointers[BATCH];
    DmlPicture *holds[BATCH] = { NULL };
    gboolean ok = TRUE;

    for (guint i = 0; i < n; i++) {
      pointers[i] = &views[i];
      ok = ok && dml_dataset_view (t->set,
                                   g_array_index (members, guint32, first + i),
                                   &views[i], &holds[i], error);
    }
    ok = ok && dml_session_embed (session, pointers, NULL, n,
                                  t->teacher + first * t->d_teacher, error);
    for (guint i = 0; i < n; i++)
      g_clear_pointer (&holds[i], dml_picture_unref);
    if (!ok)
      return FALSE;
    if (g_cancellable_is_cancelled (cancellable))
      return dml_fail (error, CANCELLED,
                       "stopped while the teacher looked at "
                       "the pictures");
    p.done = first + n;
    p.rate =
      (double) p.done * 1e6 / MAX (1, (double) g_get_monotonic_time () - start);
    p.seconds_left = (double) (p.total - p.done) / p.rate;
    if (t->listener.progress)
      t->listener.progress (&p, t->listener.data);
  }
  return TRUE;
}

/* Around their mean: what all pictures share is no knowledge about any. */
static void
centre (DmlTrainer *t, size_t n)
{
  const size_t d = t->d_teacher;
  g_autofree double *mean = g_new0 (double, d);

  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < d; j++)
      mean[j] += (double) t->teacher[i * d + j] / (double) n;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < d; j++)
      t->teacher[i * d + j] -= (float) mean[j];
}

/* The teacher, and room for what it says of n pictures; NULL without an error
 * where none is asked for. */
static DmlEncoder *
open_teacher (DmlTrainer *t, size_t n, GError **error)
{
  g_autoptr (DmlEncoder) encoder = NULL;

  if (*t->config->s.teacher == '\0')
    return NULL;
  encoder = dml_encoder_open (t->config->s.teacher, error);
  if (encoder == NULL)
    return NULL;
  t->d_teacher = dml_encoder_get_dim (encoder);
  t->teacher = dml_mem_new (float, n * t->d_teacher, error);
  return t->teacher != NULL ? g_steal_pointer (&encoder) : NULL;
}

gboolean
dml_trainer_pretend_teacher (DmlTrainer *t, GError **error)
{
  g_autoptr (GArray) members = dml_dataset_members (t->set, DML_SPLIT_TRAIN);
  g_autoptr (DmlEncoder) encoder = open_teacher (t, members->len, error);
  DmlRng rng;

  if (encoder == NULL)
    return *t->config->s.teacher == '\0';
  dml_rng_init (&rng, t->config->s.seed, DML_STREAM_PREVIEW);
  for (size_t i = 0; i < members->len * t->d_teacher; i++)
    t->teacher[i] = (float) dml_rng_uniform (&rng) - 0.5f;
  return TRUE;
}

gboolean
dml_trainer_teach (DmlTrainer *t, GCancellable *cancellable, GError **error)
{
  g_autoptr (GArray) members = dml_dataset_members (t->set, DML_SPLIT_TRAIN);
  g_autofree char *path = g_build_filename (t->run, "teacher.bin", NULL);
  g_autoptr (DmlEncoder) encoder = open_teacher (t, members->len, error);
  Head head = { MAGIC, 0, 0, 0 };

  if (encoder == NULL)
    return *t->config->s.teacher == '\0';
  head.sum = sum_of (t, encoder, members);
  head.n = members->len;
  head.d = t->d_teacher;
  if (!read_kept (t, path, &head)) {
    dml_trainer_say (t,
                     "teacher: %s, %zu numbers; it looks at %u picture%s once",
                     dml_encoder_get_name (encoder), t->d_teacher, members->len,
                     DML_S (members->len));
    if (!embed_all (t, encoder, members, cancellable, error))
      return FALSE;
    if (g_file_test (t->run, G_FILE_TEST_IS_DIR) &&
        !keep (t, path, &head, error))
      return FALSE;
  }
  centre (t, members->len);
  return TRUE;
}
