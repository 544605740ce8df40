/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Memory, random numbers, threads, errors. */
#include "base/cpu.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/suggest.h"
#include "base/threads.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static void
test_mem_product_that_wraps_is_refused (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (dml_mem_alloc (SIZE_MAX / 2, 4, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_LIMIT);
}

static void
test_mem_is_aligned (void)
{
  for (size_t n = 0; n < 300; n += 7) {
    g_autoptr (DmlMem) block = dml_mem_alloc0 (n, 1, NULL);

    g_assert_cmpuint ((uintptr_t) block % DML_MEM_ALIGN, ==, 0);
    for (size_t i = 0; i < n; i++)
      g_assert_cmpuint (((uint8_t *) block)[i], ==, 0);
  }
}

static void
test_arena_gives_out_and_takes_back (void)
{
  DmlArena arena = { 0 };

  g_assert_true (dml_arena_reserve (&arena, 1000, NULL));
  uint8_t *a = dml_arena_push (&arena, 10);
  uint8_t *b = dml_arena_push (&arena, 100);

  g_assert_true (b == a + 64);
  dml_arena_reset (&arena);
  g_assert_true (dml_arena_push (&arena, 1) == a);
  dml_arena_clear (&arena);
}

/* Known answers of Philox4x32-10 from the authors' Random123 (kat_vectors):
 * counter 0, key 0. */
static void
test_rng_known_answer (void)
{
  static const uint32_t want[] = { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c,
                                   0x9b00dbd8 };
  DmlRng rng;

  dml_rng_init (&rng, 0, 0);
  for (unsigned i = 0; i < 4; i++)
    g_assert_cmphex (dml_rng_u32 (&rng), ==, want[i]);
}

static void
test_rng_streams_differ_and_repeat (void)
{
  DmlRng a, b, c;

  dml_rng_init (&a, 7, 1);
  dml_rng_init (&b, 7, 1);
  dml_rng_init (&c, 7, 2);
  unsigned same = 0;

  for (unsigned i = 0; i < 1000; i++) {
    const uint32_t x = dml_rng_u32 (&a);

    g_assert_cmpuint (x, ==, dml_rng_u32 (&b));
    same += x == dml_rng_u32 (&c);
  }
  g_assert_cmpuint (same, <, 3);
}

static void
test_rng_moments (void)
{
  enum { N = 200000 };
  DmlRng rng;
  double sum = 0, squares = 0;
  unsigned count[7] = { 0 };

  dml_rng_init (&rng, 1, 0);
  for (unsigned i = 0; i < N; i++) {
    const double z = dml_rng_normal (&rng);

    sum += z;
    squares += z * z;
    count[dml_rng_below (&rng, 7)]++;
  }
  g_assert_cmpfloat (fabs (sum / N), <, 0.01);
  g_assert_cmpfloat (fabs (squares / N - 1), <, 0.02);
  for (unsigned i = 0; i < 7; i++)
    g_assert_cmpfloat (fabs (count[i] * 7.0 / N - 1), <, 0.03);
}

typedef struct {
  unsigned *times; /* how often each piece was done */
  unsigned n_workers;
  gboolean nested;
} Tally;

static void
tally_piece (void *data, size_t i, unsigned worker)
{
  Tally *tally = data;

  g_assert_cmpuint (worker, <, tally->n_workers);
  __atomic_fetch_add (&tally->times[i], 1, __ATOMIC_RELAXED);
  if (tally->nested && i % 10 == 0) {
    unsigned inner[16] = { 0 };
    Tally t = { inner, 1, FALSE };

    dml_parallel_for (16, 0, tally_piece, &t);
    for (unsigned k = 0; k < 16; k++)
      g_assert_cmpuint (inner[k], ==, 1);
  }
}

static gpointer
tally_all (gpointer unused)
{
  for (unsigned round = 0; round < 200; round++) {
    unsigned times[101] = { 0 };
    Tally tally = { times, dml_threads_max (), round % 2 };

    dml_parallel_for (101, round % 5, tally_piece, &tally);
    for (unsigned i = 0; i < 101; i++)
      g_assert_cmpuint (times[i], ==, 1);
  }
  return NULL;
}

static void
test_threads_every_piece_once (void)
{
  GThread *other = g_thread_new ("other", tally_all, NULL);

  tally_all (NULL);
  g_thread_join (other);
}

static void
test_suggest (void)
{
  static const char *const words[] = { "Banana", "apple-green", "apple-red",
                                       "Käse",   "a",           "bro\xffken" };

  g_assert_cmpstr (dml_suggest ("banana", words, 6), ==, "Banana");
  g_assert_cmpstr (dml_suggest ("appel-red", words, 6), ==, "apple-red");
  g_assert_cmpstr (dml_suggest ("Kase", words, 6), ==, "Käse");
  g_assert_cmpstr (dml_suggest ("ab", words, 6), ==, "a");
  g_assert_null (dml_suggest ("screwdriver", words, 6));
  g_assert_null (dml_suggest ("c", words, 6)); /* all of it would change */
  g_assert_null (dml_suggest ("", words, 6));
  g_assert_null (dml_suggest ("Banan\xff", words, 6));
  g_assert_null (dml_suggest ("bro\xffken", words, 6));
  g_assert_null (dml_suggest ("x", words, 0));
}

/* What other languages and logs see; a formatter once spaced it out. */
static void
test_error_domain (void)
{
  g_assert_cmpstr (g_quark_to_string (DML_ERROR), ==, "dml-error-quark");
}

static void
test_error_from_errno (void)
{
  g_assert_cmpint (dml_error_from_errno (ENOENT), ==, DML_ERROR_NOT_FOUND);
  g_assert_cmpint (dml_error_from_errno (ENOSPC), ==, DML_ERROR_NO_SPACE);
  g_assert_cmpint (dml_error_from_errno (EACCES), ==, DML_ERROR_READ_ONLY);
}

static void
test_error_quote_makes_names_harmless (void)
{
  static const char *const cases[][2] = {
    { "layer1.0", "layer1.0" },
    { "", "" },
    { "a\nb\033[2J", "a\\x0ab\\x1b[2J" },
    { "caf\303\251", "caf\303\251" },
    { "\303", "\\xc3" },
  };
  g_autofree char *endless = g_strnfill (1 << 20, 'x');
  g_autofree char *cut = dml_error_quote (endless);
  g_autofree char *none = dml_error_quote (NULL);

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *quoted = dml_error_quote (cases[i][0]);

    g_assert_cmpstr (quoted, ==, cases[i][1]);
  }
  g_assert_cmpuint (strlen (cut), ==, 83);
  g_assert_true (g_str_has_suffix (cut, "x..."));
  g_assert_cmpstr (none, ==, "");
}

static void
test_cpu_level_is_one_we_have (void)
{
  g_assert_true (dml_cpu_has (DML_CPU_C));
  g_assert_true (dml_cpu_has (dml_cpu_level ()));
}

int
main (int argc, char **argv)
{
  dml_threads_set_max (4); /* more than some machines have, on purpose */
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/mem/product-that-wraps-is-refused",
                   test_mem_product_that_wraps_is_refused);
  g_test_add_func ("/base/mem/is-aligned", test_mem_is_aligned);
  g_test_add_func ("/base/arena/gives-out-and-takes-back",
                   test_arena_gives_out_and_takes_back);
  g_test_add_func ("/base/rng/known-answer", test_rng_known_answer);
  g_test_add_func ("/base/rng/streams-differ-and-repeat",
                   test_rng_streams_differ_and_repeat);
  g_test_add_func ("/base/rng/moments", test_rng_moments);
  g_test_add_func ("/base/threads/every-piece-once",
                   test_threads_every_piece_once);
  g_test_add_func ("/base/suggest", test_suggest);
  g_test_add_func ("/base/error/domain", test_error_domain);
  g_test_add_func ("/base/error/from-errno", test_error_from_errno);
  g_test_add_func ("/base/error/quote-makes-names-harmless",
                   test_error_quote_makes_names_harmless);
  g_test_add_func ("/base/cpu/level-is-one-we-have",
                   test_cpu_level_is_one_we_have);
  return g_test_run ();
}
