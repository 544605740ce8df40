/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The run's folder: made where it is new, and one process's while that trains.
 *
 * The lock is on the folder itself, so it leaves no file behind and ends with
 * the process however that ends. A file system that cannot lock a folder (some
 * over a network) is used without, and that is told. */
#include "train/trainer.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <unistd.h>

static gboolean
fail_errno (const DmlTrainer *t, const char *what, int number, GError **error)
{
  g_set_error (error, DML_ERROR, (gint) dml_error_from_errno (number),
               "%s: %s: %s", t->run, what, g_strerror (number));
  return FALSE;
}

gboolean
dml_trainer_check_fresh (const char *run, GError **error)
{
  g_autofree char *ckpt = g_build_filename (run, "last.ckpt", NULL);

  return !g_file_test (ckpt, G_FILE_TEST_EXISTS) ||
         dml_fail (error, BUSY,
                   "%s already holds a run; go on with --resume %s, or name "
                   "another folder",
                   run, run);
}

/* What a run that was killed was writing. */
static void
sweep (const char *run)
{
  static const char *const files[] = { "config.ini", "encoder.onnx",
                                       "last.ckpt",  "report.html",
                                       "run.jsonl",  "teacher.bin" };

  for (gsize i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autofree char *path = g_build_filename (run, files[i], NULL);

    dml_file_sweep (path);
  }
}

static gboolean
lock (DmlTrainer *t, GError **error)
{
  t->folder = open (t->run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (t->folder < 0)
    return fail_errno (t, "cannot be opened", errno, error);
  if (flock (t->folder, LOCK_EX | LOCK_NB) == 0)
    return TRUE;
  if (errno != EWOULDBLOCK) {
    dml_trainer_warn (t,
                      "%s cannot be locked (%s): nothing keeps a second "
                      "dml-train out of it, so do not start one there",
                      t->run, g_strerror (errno));
    return TRUE;
  }
  return dml_fail (error, BUSY,
                   "another dml-train works in %s; wait for it or stop it "
                   "(Ctrl-C saves), or name another folder",
                   t->run);
}

gboolean
dml_trainer_enter (DmlTrainer *t, GError **error)
{
  g_autofree char *lines = g_build_filename (t->run, "run.jsonl", NULL);

  t->made_folder = !t->resumed && !g_file_test (t->run, G_FILE_TEST_EXISTS);
  if (!t->resumed && g_mkdir_with_parents (t->run, 0777) != 0)
    return fail_errno (t, "cannot be made", errno, error);
  if (access (t->run, W_OK | X_OK) != 0)
    return fail_errno (t, "cannot be written to", errno, error);
  if (!lock (t, error) ||
      (!t->resumed && !dml_trainer_check_fresh (t->run, error)))
    return FALSE;
  sweep (t->run);
  if (!t->resumed)
    g_unlink (lines); /* of a run that never got as far as a checkpoint */
  return TRUE;
}

void
dml_trainer_leave (DmlTrainer *t)
{
  if (t->made_folder)
    g_rmdir (t->run); /* stays where anything is in it */
  if (t->folder >= 0)
    close (t->folder);
  t->made_folder = FALSE;
  t->folder = -1;
}
