/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A sheet of pictures beside their augmented views. */
#include "train/trainer.h"
#include "base/error.h"
#include "base/rng.h"

#define ROWS 12
#define VIEWS 9

gboolean
dml_trainer_preview (DmlTrainer *t, const char *path, GCancellable *cancellable,
                     GError **error)
{
  const DmlFeed *feed = &t->feed;
  g_autoptr (DmlPicture) sheet = NULL;
  DmlPicture *holds[ROWS] = { NULL };
  DmlImage views[ROWS];
  const DmlImage *pictures[ROWS];
  gboolean ok = TRUE;
  DmlRng rng;

  if (!dml_trainer_rehearse (t, cancellable, error))
    return FALSE;
  dml_rng_init (&rng, t->config->s.seed, DML_STREAM_PREVIEW);
  for (int i = 0; i < ROWS; i++) {
    const uint32_t item = dml_rng_below (&rng, (uint32_t) feed->n);

    pictures[i] = &views[i];
    ok = ok && dml_dataset_view (t->set, feed->items[item], &views[i],
                                 &holds[i], error);
  }
  if (ok)
    sheet = dml_augment_sheet (&feed->augment, &feed->preprocess, pictures,
                               ROWS, VIEWS, t->config->s.seed, error);
  for (int i = 0; i < ROWS; i++)
    g_clear_pointer (&holds[i], dml_picture_unref);
  if (sheet == NULL || !dml_picture_save_png (sheet, path, error))
    return FALSE;
  dml_trainer_say (t, "%s: %d pictures, each as it is and in %d views", path,
                   ROWS, VIEWS);
  return TRUE;
}
