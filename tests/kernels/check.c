/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Passes, random values and comparisons of dml-check. */
#include "check_private.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>

#define MAX_REPORTS 6 /* failures told in full, a kernel and level */

/* --- random numbers --- */

/* splitmix64 (Steele, Lea, Flood 2014) */
uint32_t
check_random (DmlCheck *c)
{
  uint64_t z = c->random += 0x9E3779B97F4A7C15u;

  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (uint32_t) ((z ^ (z >> 31)) >> 32);
}

size_t
check_random_below (DmlCheck *c, size_t n)
{
  return check_random (c) % n;
}

/* Near enough: the sum of twelve uniform numbers. */
float
check_normal (DmlCheck *c)
{
  float sum = -6.0f;

  for (int i = 0; i < 12; i++)
    sum += (float) (check_random (c) >> 8) * 0x1p-24f;
  return sum;
}

static float
float_of_bits (uint32_t bits)
{
  float f;

  memcpy (&f, &bits, sizeof f);
  return f;
}

static uint32_t
bits_of_float (float f)
{
  uint32_t bits;

  memcpy (&bits, &f, sizeof bits);
  return bits;
}

/* NaN of both signs, quiet and signalling; bounds of the activations. */
static float
special (DmlCheck *c)
{
  static const float values[] = {
    NAN,
    -NAN,
    INFINITY,
    -INFINITY,
    0.0f,
    -0.0f,
    0x1p-149f,
    -0x1p-149f,
    0x1.fffffcp-127f,
    -0x1.fffffcp-127f,
    FLT_MIN,
    -FLT_MIN,
    FLT_MAX,
    -FLT_MAX,
    1.0f,
    -1.0f,
    0.5f,
    -0.5f,
    3.0f,
    -3.0f,
    6.0f,
    -6.0f,
    88.0f,
    -88.0f,
    -103.0f,
    0x1p24f,
    1e-20f,
    65504.0f,
    65520.0f,
    0x1p-14f,
    0x1p-24f,
    0x1p-25f,
  };
  const size_t i = check_random_below (c, CHECK_N (values) + 1);

  return i < CHECK_N (values) ? values[i] : float_of_bits (0x7FA12345u);
}

static float
value (DmlCheck *c, CheckFill fill)
{
  switch (fill) {
  case CHECK_SPECIAL:
    return check_random_below (c, 3) == 0 ? special (c) : 2 * check_normal (c);
  case CHECK_TINY:
    return float_of_bits (check_random (c) & 0x807FFFFFu);
  case CHECK_WIDE: {
    const uint32_t bits = check_random (c);

    return float_of_bits (
      (bits & 0x7F800000u) != 0x7F800000u ? bits : bits ^ 0x40000000u);
  }
  default:
    return check_normal (c);
  }
}

void
check_fill_f32 (DmlCheck *c, CheckFill fill, float *x, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    const float v = value (c, fill);

    memcpy (x + i, &v, sizeof v); /* x87 would make a signalling NaN quiet */
  }
}

void
check_fill_bytes (DmlCheck *c, void *p, size_t n)
{
  uint8_t *byte = p;

  while (n-- > 0)
    *byte++ = (uint8_t) check_random (c);
}

/* --- reports and comparisons --- */

static void CHECK_FORMAT (3, 0)
  report (DmlCheck *c, const char *what, const char *format, va_list args)
{
  static const char *const passes[] = { "pattern A", "pattern B", "flush end",
                                        "flush start", "bench" };

  if (c->n_failed++ >= MAX_REPORTS)
    return;
  printf ("FAILED %s at %s (%s): ", c->kernel->name, c->level, passes[c->pass]);
  if (what != NULL)
    printf ("%s: ", what);
  vprintf (format, args);
  printf ("\n");
}

void
check_fail (DmlCheck *c, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  report (c, NULL, format, args);
  va_end (args);
}

void
check_same_f32 (DmlCheck *c, const float *got, const float *want, size_t n,
                const char *format, ...)
{
  char what[160];

  c->n_compared += n;
  for (size_t i = 0; i < n; i++) {
    const uint32_t g = bits_of_float (got[i]), w = bits_of_float (want[i]);
    va_list args;

    if (g == w || (isnan (got[i]) && isnan (want[i])))
      continue;
    snprintf (what, sizeof what,
              "[%zu] is %.9g (0x%08x), expected %.9g (0x%08x)", i,
              (double) got[i], g, (double) want[i], w);
    va_start (args, format);
    report (c, what, format, args);
    va_end (args);
    return;
  }
}

void
check_same_bytes (DmlCheck *c, const void *got, const void *want,
                  size_t n_bytes, const char *format, ...)
{
  const uint8_t *g = got, *w = want;
  char what[96];

  c->n_compared += n_bytes;
  for (size_t i = 0; i < n_bytes; i++) {
    va_list args;

    if (g[i] == w[i])
      continue;
    snprintf (what, sizeof what, "byte %zu is 0x%02x, expected 0x%02x", i, g[i],
              w[i]);
    va_start (args, format);
    report (c, what, format, args);
    va_end (args);
    return;
  }
}

/* The distance of neighbouring floats at x. */
static double
spacing (double x)
{
  int exponent;

  frexp (x, &exponent);
  return ldexp (1.0, (exponent < -125 ? -125 : exponent) - 24);
}

void
check_ulp (DmlCheck *c, float got, double exact, const char *format, ...)
{
  const unsigned ulps = c->kernel->ulps;
  const double limit = (double) FLT_MAX;
  bool good;

  c->n_compared++;
  if (isnan (exact))
    good = isnan (got);
  else if (fabs (exact) > limit * (1 + (ulps + 1) * 0x1p-24))
    good = isinf (got) && (got < 0) == (exact < 0);
  else if (isinf (got)) /* as close to the largest float as the rule lets */
    good =
      fabs (exact) > limit * (1 - ulps * 0x1p-24) && (got < 0) == (exact < 0);
  else
    good = fabs ((double) got - exact) <= ulps * spacing (exact);
  if (!good) {
    char what[160];
    va_list args;

    snprintf (what, sizeof what, "%.9g, expected %.17g (%.3g ulp apart)",
              (double) got, exact,
              fabs ((double) got - exact) / spacing (exact));
    va_start (args, format);
    report (c, what, format, args);
    va_end (args);
  }
}

void
check_near (DmlCheck *c, double got, double exact, double bound,
            const char *format, ...)
{
  bool good;

  c->n_compared++;
  if (isnan (exact))
    good = isnan (got);
  else if (isinf (exact))
    good = got == exact;
  else
    good = fabs (got - exact) <= bound;
  if (!good) {
    char what[160];
    va_list args;

    snprintf (what, sizeof what, "%.9g, expected %.17g within %.3g", got, exact,
              bound);
    va_start (args, format);
    report (c, what, format, args);
    va_end (args);
  }
}

double
check_gamma (size_t n)
{
  const double nu = (double) n * 0x1p-24;

  return nu / (1 - nu);
}

double
check_gamma_double (size_t n)
{
  const double nu = (double) n * 0x1p-53;

  return nu / (1 - nu);
}

/* --- passes --- */

static DmlCheck *running; /* for the signal handler */

static void
on_fault (int number)
{
  siglongjmp (running->fault, number);
}

/* How the FPU rounds and what it does with denormals; flags left out. */
static unsigned long
fpu_mode (void)
{
#if defined(__SSE__)
  return __builtin_ia32_stmxcsr () & ~0x3Fu;
#elif defined(__aarch64__)
  unsigned long mode;

  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
#else
  return 0;
#endif
}

DmlCheck *
check_new (uint64_t seed)
{
  static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };
  const struct sigaction action = { .sa_handler = on_fault,
                                    .sa_flags = SA_NODEFER };
  DmlCheck *c = calloc (1, sizeof *c);

  if (c == NULL)
    abort ();
  c->seed = seed;
  check_slots_init (c);
  running = c;
  for (size_t i = 0; i < CHECK_N (faults); i++)
    sigaction (faults[i], &action, NULL);
  return c;
}

void
check_free (DmlCheck *c)
{
  running = NULL;
  check_slots_free (c);
  free (c);
}

static void
run_pass (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  const unsigned long mode = fpu_mode ();
  const int fault = sigsetjmp (c->fault, 1);

  if (fault == 0)
    c->kernel->check (c, ref, kern);
  else if (fault == SIGILL)
    check_fail (c, "an instruction that this machine has not");
  else
    check_fail (c,
                "signal %d: memory beyond a buffer was touched (case of %u "
                "buffers, the first %zu bytes long)",
                fault, c->n_slots, c->n_slots > 0 ? c->slots[0].width : 0);
  if (fault == 0)
    check_end (c);
  c->n_slots = 0;
  c->scratch_used = 0;
  if (fpu_mode () != mode)
    check_fail (c, "the FPU's mode was changed from %lx to %lx", mode,
                fpu_mode ());
}

bool
check_kernel (DmlCheck *c, const CheckKernel *kernel, const char *level,
              const DmlKernels *ref, const DmlKernels *kern, bool bench)
{
  unsigned long long before;

  c->kernel = kernel;
  c->level = level;
  c->n_failed = 0;
  for (int pass = 0; pass < N_CHECK_PASSES; pass++) {
    c->pass = (CheckPass) pass;
    before = c->n_compared;
    /* The same numbers at every level: a failure can be told from the level. */
    c->random =
      c->seed * 0x2545F4914F6CDD1Du + kernel->offset * 16 + (unsigned) pass;
    run_pass (c, ref, kern);
    if (c->n_compared == before && c->n_failed == 0)
      check_fail (c, "the check compared nothing");
  }
  if (c->n_failed > MAX_REPORTS)
    printf ("FAILED %s at %s: %u more\n", kernel->name, level,
            c->n_failed - MAX_REPORTS);
  if (bench && c->n_failed == 0) {
    c->pass = PASS_BENCH;
    run_pass (c, ref, kern);
  }
  return c->n_failed == 0;
}
