/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-bench kernels: runs dml-check --bench, which knows every kernel. */
#include "bench.h"

#include <unistd.h>

static struct {
  char *test;
} options;

static const GOptionEntry entries[] = {
  { "test", 0, 0, G_OPTION_ARG_STRING, &options.test,
    "Only the kernels whose names fit the pattern", "GLOB" },
  { NULL },
};

CliExit
bench_kernels (int argc, char **argv)
{
  g_autofree char *pattern = NULL;
  const char *env = g_getenv ("DML_CHECK");
  const char *program = env ? env : DML_LIBEXECDIR "/dml-check";
  CliExit exit_code;

  if (!cli_parse ("", "Times every inner loop at every instruction set.",
                  "DML_CHECK names another dml-check program.", entries, &argc,
                  &argv, &exit_code))
    return exit_code;
  if (argc > 1)
    return cli_usage ("%s: nothing is expected here", argv[1]);
  pattern = g_strconcat ("--test=", options.test ? options.test : "*", NULL);
  execl (program, program, "--bench", pattern, (char *) NULL);
  cli_say ("%s: cannot be run; it is installed with the programs, DML_CHECK "
           "names another place",
           program);
  return CLI_FAILED;
}
