/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-bench kernels: runs dml-check --bench, which knows every kernel. */
#include "bench.h"

#include <errno.h>
#include <gio/gio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static struct {
  char *test;
  gboolean json;
} options;

static const GOptionEntry entries[] = {
  { "test", 0, 0, G_OPTION_ARG_STRING, &options.test,
    "Only the kernels whose names fit the pattern", "GLOB" },
  BENCH_OPTION_JSON (&options.json),
  { NULL },
};

/* The installed dml-check: where this program lies, seen from there, as a whole
 * installation may have been moved; else where it was meant to be. */
static char *
find_check (void)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);

  if (self != NULL) {
    g_autofree char *folder = g_path_get_dirname (self);

    if (g_str_has_suffix (folder, DML_BINDIR)) {
      const gsize n = strlen (folder) - strlen (DML_BINDIR);
      g_autofree char *root = g_strndup (folder, n);
      char *moved = g_strconcat (root, DML_LIBEXECDIR "/dml-check", NULL);

      if (g_file_test (moved, G_FILE_TEST_IS_EXECUTABLE))
        return moved;
      g_free (moved);
    }
  }
  return g_strdup (DML_LIBEXECDIR "/dml-check");
}

/* "dot_f32 \t avx2 \t n=128 \t 5.1 \t 5.4": minimum and median */
static void
add_row (BenchReport *report, const char *line)
{
  g_auto (GStrv) parts = g_strsplit (line, "\t", -1);
  g_autofree char *what = NULL;

  if (g_strv_length (parts) != 5)
    return; /* what it says of itself */
  what = g_strdup_printf ("%s %s %s", parts[0], parts[1], parts[2]);
  bench_report_add (report, what, g_ascii_strtod (parts[3], NULL),
                    g_ascii_strtod (parts[4], NULL), "ns", (double) NAN);
}

static CliExit
print_json (const char *program, const char *pattern)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *said = NULL;
  g_auto (GStrv) rows = NULL;
  BenchReport *report;
  g_autoptr (GSubprocess) check =
    g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, program,
                      "--bench", "--tabs", pattern, NULL);

  if (check == NULL ||
      !g_subprocess_communicate_utf8 (check, NULL, NULL, &said, NULL, &error))
    return cli_fail (error);
  if (!g_subprocess_get_successful (check)) {
    cli_say ("%s %s: failed", program, pattern);
    return CLI_FAILED;
  }
  report = bench_report_new ("kernels");
  rows = g_strsplit (said, "\n", -1);
  for (char **row = rows; *row != NULL; row++)
    add_row (report, *row);
  bench_report_print (report, TRUE);
  return CLI_OK;
}

CliExit
bench_kernels (int argc, char **argv)
{
  g_autofree char *pattern = NULL;
  g_autofree char *program = NULL;
  CliExit exit_code;

  if (!cli_parse_alone ("Times every inner loop at every instruction set.",
                        "DML_CHECK names another dml-check program.", entries,
                        &argc, &argv, &exit_code))
    return exit_code;
  program = g_strdup (g_getenv ("DML_CHECK"));
  if (program == NULL)
    program = find_check ();
  pattern = g_strconcat ("--test=", options.test ? options.test : "*", NULL);
  if (!g_file_test (program, G_FILE_TEST_IS_EXECUTABLE)) {
    cli_say ("%s: no program is there; it is installed with this one, and "
             "DML_CHECK names another place",
             program);
    return CLI_FAILED;
  }
  if (options.json)
    return print_json (program, pattern);
  execl (program, program, "--bench", pattern, (char *) NULL);
  cli_say ("%s: cannot be run: %s", program, g_strerror (errno));
  return CLI_FAILED;
}
