/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Checkpoints to begin from. Usage: make_train_corpus checkpoint FOLDER */
#include "train/checkpoint.h"

#include <glib/gstdio.h>

static void
write_one (const char *folder, const char *name, unsigned n_blocks)
{
  g_autoptr (DmlCheckpoint) cp = dml_checkpoint_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (folder, name, NULL);
  static const float weights[40] = { 1, 2, 3 };

  dml_checkpoint_put_text (cp, "config", "[train]\nseed=1\n");
  dml_checkpoint_put_u64 (cp, "step", 7);
  for (unsigned i = 0; i < n_blocks; i++) {
    g_autofree char *block = g_strdup_printf ("weight/%u", i);

    dml_checkpoint_put (cp, block, weights, i * sizeof (float));
  }
  dml_checkpoint_write (cp, path, &error);
  if (error != NULL)
    g_error ("%s", error->message);
}

int
main (int argc, char **argv)
{
  if (argc != 3 || g_mkdir_with_parents (argv[2], 0777) != 0)
    return 2;
  write_one (argv[2], "empty.ckpt", 0);
  write_one (argv[2], "some.ckpt", 40);
  return 0;
}
