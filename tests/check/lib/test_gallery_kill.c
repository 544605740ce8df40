/* SPDX-License-Identifier: LGPL-2.1-or-later
 * kill -9 while a process changes a gallery. It says before each change what it
 * is about to do and afterwards that it is done; then the file must hold all
 * that was done, and of the one change that was under way all or nothing.
 * Usage: test_gallery_kill [--kills=N]; 20 by default. */
#include "gallery_model.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static gint n_kills = 20;

/* ---- the process that is killed ------------------------------------------ */

static void
tell (const char *what, const char *line)
{
  g_autofree char *text = g_strdup_printf ("%s %s\n", what, line);

  /* One write of less than a pipe's buffer: whole or not at all. */
  if (write (STDOUT_FILENO, text, strlen (text)) < 0)
    _exit (2);
}

static void
change_once (DmlGallery *gallery, Model *model, DmlRng *rng, guint64 *number)
{
  g_autofree char *line = model_draw (model, rng, number);
  g_autoptr (GError) error = NULL;

  tell ("will", line);
  if (!model_change_file (line, gallery, &error)) {
    if (g_error_matches (error, DML_ERROR, DML_ERROR_NOT_FOUND))
      return; /* too few labels to calibrate with */
    fprintf (stderr, "%s: %s\n", line, error->message);
    _exit (3);
  }
  model_apply (model, line);
  tell ("done", line);
}

/* Several changes in one transaction: told as one, with commas. */
static void
change_together (DmlGallery *gallery, Model *model, DmlRng *rng,
                 guint64 *number)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *all = NULL;

  for (guint i = 0; i < 3; i++)
    g_ptr_array_add (lines,
                     g_strdup_printf ("E ant %" G_GUINT64_FORMAT, (*number)++));
  g_ptr_array_add (lines, NULL);
  all = g_strjoinv (",", (char **) lines->pdata);
  tell ("will", all);
  if (!dml_gallery_begin (gallery, NULL))
    _exit (3);
  for (guint i = 0; i < 3; i++)
    if (!model_change_file (lines->pdata[i], gallery, NULL))
      _exit (3);
  if (!dml_gallery_commit (gallery, NULL))
    _exit (3);
  for (guint i = 0; i < 3; i++)
    model_apply (model, lines->pdata[i]);
  tell ("done", all);
}

static int
victim (const char *path, guint64 seed)
{
  const DmlSpace space = fixture_space (8, DML_METRIC_COSINE);
  guint64 number = seed * 100000;
  Model model;
  DmlRng rng;

  dml_rng_init (&rng, seed, 0);
  for (;;) { /* opens and closes now and then, to be killed in that, too */
    g_autoptr (DmlGallery) gallery =
      dml_gallery_open_space (path, DML_GALLERY_CREATE, &space, NULL);
    const guint n = 1 + dml_rng_below (&rng, 30);

    if (gallery == NULL)
      return 4;
    model_init (&model);
    model_read (&model, gallery);
    for (guint i = 0; i < n; i++) {
      if (dml_rng_below (&rng, 8) == 0)
        change_together (gallery, &model, &rng, &number);
      else
        change_once (gallery, &model, &rng, &number);
    }
    model_clear (&model);
  }
}

/* ---- the process that kills ---------------------------------------------- */

enum { MOST_DONE = 24 }; /* changes before a kill: closes and opens, too */

typedef struct {
  guint n_done;  /* changes to wait for */
  double moment; /* 0 .. 1: when after the last of them, in mean changes */
} Life;

static guint
count_done (const char *said)
{
  guint n = 0;

  for (; (said = strstr (said, "done ")) != NULL; said += strlen ("done "))
    n++;
  return n;
}

/* What the victim says, until it has told of so many changes; how long one of
 * them took. It says no label that holds a "done ". */
static double
listen (int from, GString *said, guint n_done)
{
  char buffer[4096];
  gint64 begun = 0; /* with its first word: valgrind starts slowly */
  ssize_t n;

  do {
    n = read (from, buffer, sizeof buffer);
    if (begun == 0)
      begun = g_get_monotonic_time ();
    if (n > 0)
      g_string_append_len (said, buffer, n);
  } while (n > 0 && count_done (said->str) < n_done);
  return (double) (g_get_monotonic_time () - begun) / MAX (1, n_done);
}

/* Starts a victim, lets it live for a while, kills it; what it has said. A life
 * is told in changes, so that it holds as many on any machine. */
static char *
live_and_die (const char *self, const char *path, guint64 seed, Life life)
{
  g_autofree char *number = g_strdup_printf ("%" G_GUINT64_FORMAT, seed);
  GString *said = g_string_new (NULL);
  char buffer[4096];
  int pipes[2], status;
  double each_us;
  ssize_t n;
  pid_t pid;

  g_assert_cmpint (pipe (pipes), ==, 0);
  pid = fork ();
  if (pid == 0) {
    dup2 (pipes[1], STDOUT_FILENO);
    close (pipes[0]);
    close (pipes[1]);
    execl (self, self, "--victim", path, number, (char *) NULL);
    _exit (127);
  }
  close (pipes[1]);
  each_us = listen (pipes[0], said, life.n_done);
  g_usleep ((gulong) (life.moment * each_us));
  kill (pid, SIGKILL);
  while ((n = read (pipes[0], buffer, sizeof buffer)) > 0)
    g_string_append_len (said, buffer, n);
  close (pipes[0]);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  if (!WIFSIGNALED (status) || WTERMSIG (status) != SIGKILL)
    g_error ("the victim of seed %s ended by itself, status %#x", number,
             (unsigned) status);
  return g_string_free (said, FALSE);
}

static void
apply_all (Model *model, const char *lines)
{
  g_auto (GStrv) each = g_strsplit (lines, ",", -1);

  for (char **line = each; *line != NULL; line++)
    model_apply (model, *line);
}

/* Applies what was done; (transfer full) what was under way, or NULL. */
static char *
apply_said (Model *model, const char *said, guint *n_done)
{
  g_auto (GStrv) lines = g_strsplit (said, "\n", -1);
  g_autofree char *under_way = NULL;

  for (char **line = lines; *line != NULL; line++) {
    if (g_str_has_prefix (*line, "will ")) {
      g_free (under_way);
      under_way = g_strdup (*line + 5);
    } else if (g_str_has_prefix (*line, "done ")) {
      g_assert_cmpstr (*line + 5, ==, under_way);
      apply_all (model, under_way);
      g_clear_pointer (&under_way, g_free);
      (*n_done)++;
    }
  }
  return g_steal_pointer (&under_way);
}

static void
check_file (const char *path, Model *model, const char *under_way, guint64 seed)
{
  const DmlSpace space = fixture_space (8, DML_METRIC_COSINE);
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlGallery) gallery =
    dml_gallery_open_space (path, DML_GALLERY_WRITE, &space, &error);
  g_auto (GStrv) problems = NULL;
  Model file;

  g_assert_no_error (error);
  g_assert_true (dml_gallery_verify (gallery, &problems, &error));
  if (problems[0] != NULL)
    g_error ("seed %" G_GUINT64_FORMAT ": %s", seed, problems[0]);
  model_init (&file);
  model_read (&file, gallery);
  if (!model_equal (&file, model)) {
    if (under_way != NULL)
      apply_all (model, under_way);
    if (!model_equal (&file, model)) {
      g_autofree char *got = model_print (&file);
      g_autofree char *want = model_print (model);

      g_error ("seed %" G_GUINT64_FORMAT ": the file holds\n%s\nbut should, "
               "with '%s' or without,\n%s",
               seed, got, under_way ? under_way : "nothing", want);
    }
  }
  model_clear (&file);
}

static const char *self;

static void
test_kill (Fixture *fixture, gconstpointer data)
{
  guint n_done = 0, n_wanted = 0, n_under_way = 0;
  Model model;
  DmlRng rng;

  dml_rng_init (&rng, 1, 1);
  model_init (&model);
  for (gint k = 0; k < n_kills; k++) {
    const guint64 seed = 1 + (guint64) k;
    const Life life = { dml_rng_below (&rng, MOST_DONE + 1),
                        dml_rng_uniform (&rng) };
    g_autofree char *said = live_and_die (self, fixture->path, seed, life);
    g_autofree char *under_way = apply_said (&model, said, &n_done);

    n_wanted += life.n_done;
    n_under_way += under_way != NULL;
    check_file (fixture->path, &model, under_way, seed);
  }
  g_test_message ("%d kills, %u during a change, %u changes acknowledged",
                  n_kills, n_under_way, n_done);
  g_assert_cmpuint (n_done, >=, n_wanted);
  model_clear (&model);
}

int
main (int argc, char **argv)
{
  if (argc == 4 && strcmp (argv[1], "--victim") == 0)
    return victim (argv[2], g_ascii_strtoull (argv[3], NULL, 10));
  self = "/proc/self/exe";
  g_test_init (&argc, &argv, NULL);
  for (int i = 1; i < argc; i++)
    if (g_str_has_prefix (argv[i], "--kills="))
      n_kills = atoi (argv[i] + strlen ("--kills="));
  g_test_add ("/gallery-kill/nothing-acknowledged-is-lost", Fixture, NULL,
              fixture_set_up, test_kill, fixture_tear_down);
  return g_test_run ();
}
