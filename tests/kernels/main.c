/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-check: holds every kernel of every level that this machine has to its
 * rule in kernels.def. docs/kernels.md says how to read what it prints. */
#include "../../tools/cli_output.h"
#include "check.h"

#include <fnmatch.h>
#include <stdlib.h>

#define EXACT CHECK_EXACT, 0
#define SUM CHECK_SUM, 0
#define ULP(n) CHECK_ULP, n

/* check_<name> is declared of every row and must be defined, or this does not
 * link: no kernel goes without a check. */
static const CheckKernel kernels[] = {
#define DML_KERNEL(name, rule)                                                 \
  { #name, rule, offsetof (DmlKernels, name), check_##name },
#include "kernels/kernels.def"
};

_Static_assert(sizeof kernels / sizeof *kernels * sizeof (void *) ==
                 offsetof (DmlKernels, gemm_mr),
               "a kernel of struct DmlKernels is missing in kernels.def");

typedef struct {
  const char *name;
  DmlKernels table;
} Level;

typedef struct {
  const char *test, *level; /* patterns */
  uint64_t seed;
  bool bench, tabs, list;
} Options;

static const char usage[] =
  "Usage: dml-check [OPTION...]\n"
  "Holds the kernels of every level that this machine has to plain C.\n"
  "  --test=GLOB   only kernels whose name matches\n"
  "  --level=NAME  only this level: c, neon, avx2, avx512 or orc\n"
  "  --seed=N      of the random values (default 1)\n"
  "  --bench       also time them: median, half the distance of the quartiles\n"
  "  --tabs        with --bench: a line a timing, by tabs: kernel, level, "
  "size,\n"
  "                minimum and median in nanoseconds\n"
  "  --list        names and rules, and nothing else\n"
  "DML_CPU=c|neon|avx2|avx512 caps the level. Exits 0 when all passed, 1 when\n"
  "not, 2 on a wrong option, 77 when there was nothing to run.\n";

static const char *
value_of (const char *arg, const char *option)
{
  const size_t n = strlen (option);

  return strncmp (arg, option, n) == 0 ? arg + n : NULL;
}

static bool
parse (Options *o, int argc, char **argv)
{
  for (int i = 1; i < argc; i++) {
    const char *v;

    if ((v = value_of (argv[i], "--test=")) != NULL)
      o->test = v;
    else if ((v = value_of (argv[i], "--level=")) != NULL)
      o->level = v;
    else if ((v = value_of (argv[i], "--seed=")) != NULL) {
      char *end;

      o->seed = strtoull (v, &end, 0);
      if (end == v || *end != '\0') {
        fprintf (stderr, "dml-check: --seed=%s: not a number\n", v);
        return false;
      }
    } else if (strcmp (argv[i], "--bench") == 0)
      o->bench = true;
    else if (strcmp (argv[i], "--tabs") == 0)
      o->tabs = true;
    else if (strcmp (argv[i], "--list") == 0)
      o->list = true;
    else {
      fprintf (stderr, "dml-check: %s: no such option\n%s", argv[i], usage);
      return false;
    }
  }
  return true;
}

static void
list (const Options *o)
{
  static const char *const rules[] = { "exact", "ulp", "sum" };

  for (size_t i = 0; i < CHECK_N (kernels); i++) {
    if (fnmatch (o->test, kernels[i].name, 0) != 0)
      continue;
    printf ("%-22s %s", kernels[i].name, rules[kernels[i].rule]);
    if (kernels[i].rule == CHECK_ULP)
      printf ("(%u)", kernels[i].ulps);
    printf ("\n");
  }
}

/* Every level up to the cap; ORC's rows on top of plain C, as a level of their
 * own. */
static size_t
find_levels (Level *levels, DmlCpuLevel cap)
{
  size_t n = 0;

  for (int l = DML_CPU_C; l <= (int) cap; l++) {
    const DmlKernels *table = dml_kernels_at ((DmlCpuLevel) l);

    if (table == NULL)
      continue;
    levels[n].name = dml_cpu_level_name ((DmlCpuLevel) l);
    levels[n++].table = *table;
  }
  levels[n].name = "orc";
  levels[n].table = *dml_kernels_at (DML_CPU_C);
  return dml_kernels_add_orc (&levels[n].table) ? n + 1 : n;
}

static bool
same_kernel (const DmlKernels *a, const DmlKernels *b, size_t offset)
{
  return memcmp ((const char *) a + offset, (const char *) b + offset,
                 sizeof (void *)) == 0;
}

static const char *
name (void)
{
  return "dml-check";
}

int
main (int argc, char **argv)
{
  Options o = { .test = "*", .level = "*", .seed = 1 };
  Level levels[DML_CPU_N_LEVELS + 1];
  DmlCpuLevel cap = DML_CPU_N_LEVELS - 1;
  const char *wanted_cap = getenv ("DML_CPU");
  size_t n_levels, n_run = 0, n_levels_run = 0, n_failed = 0;
  DmlCheck *c;

  cli_watch_output (name);
  if (!parse (&o, argc, argv))
    return 2;
  if (o.list) {
    list (&o);
    return 0;
  }
  if (wanted_cap != NULL && *wanted_cap != '\0' &&
      !dml_cpu_level_from_name (wanted_cap, &cap)) {
    fprintf (stderr,
             "dml-check: DML_CPU=%s: not one of c, neon, avx2, "
             "avx512\n",
             wanted_cap);
    return 2;
  }
  printf ("dml-check: seed %llu\n", (unsigned long long) o.seed);
  c = check_new (o.seed);
  if (o.tabs)
    check_print_tabs (c);
  n_levels = find_levels (levels, cap);
  for (size_t l = 0; l < n_levels; l++) {
    size_t n_here = 0;

    if (fnmatch (o.level, levels[l].name, 0) != 0)
      continue;
    for (size_t k = 0; k < CHECK_N (kernels); k++) {
      if (fnmatch (o.test, kernels[k].name, 0) != 0 ||
          (l > 0 &&
           same_kernel (&levels[0].table, &levels[l].table, kernels[k].offset)))
        continue;
      n_here++;
      if (!check_kernel (c, &kernels[k], levels[l].name, &levels[0].table,
                         &levels[l].table, o.bench))
        n_failed++;
    }
    printf ("%s: %zu kernels\n", levels[l].name, n_here);
    n_run += n_here;
    n_levels_run += n_here > 0;
  }
  check_free (c);
  if (n_run == 0) {
    printf ("dml-check: nothing to run: no kernel %s at level %s on this "
            "machine, skipped\n",
            o.test, o.level);
    return 77;
  }
  if (n_failed > 0)
    printf ("dml-check: %zu of %zu failed (seed %llu)\n", n_failed, n_run,
            (unsigned long long) o.seed);
  else
    printf ("dml-check: %zu kernels, %zu levels: passed (seed %llu)\n", n_run,
            n_levels_run, (unsigned long long) o.seed);
  return n_failed > 0;
}
