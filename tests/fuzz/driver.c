/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Replays a corpus through a fuzz target with any compiler, and damaged copies
 * of each file with it. Usage: fuzz_X [--mutate=N] [--seed=S] FILE_OR_FOLDER…
 * Exits 0 when nothing crashed, 77 when there was nothing to run. With
 * -Dfuzzing=true libFuzzer takes its place. */
#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static uint64_t state = 1;
static unsigned n_files, n_runs, n_mutations;

/* xorshift64* (Vigna 2016) */
static uint32_t
random_below (uint32_t n)
{
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return (uint32_t) ((state * 0x2545F4914F6CDD1Du) >> 32) % n;
}

/* Exactly as long as it says, so that a sanitizer sees a read beyond. */
static void
run_once (const uint8_t *data, size_t size)
{
  uint8_t *copy = malloc (size);

  if (size > 0)
    memcpy (copy, data, size);
  LLVMFuzzerTestOneInput (copy, size);
  free (copy);
  n_runs++;
}

/* Other bytes, other numbers, cut short, a piece moved. */
static size_t
damage (uint8_t *data, size_t size)
{
  static const uint32_t numbers[] = { 0,      1,      0x7f,       0xff,
                                      0x7fff, 0xffff, 0x7fffffff, 0xffffffff };
  const uint32_t n_changes = 1 + random_below (4);

  for (uint32_t i = 0; i < n_changes && size > 8; i++) {
    const uint32_t at = random_below ((uint32_t) size - 4);
    const uint32_t from = random_below ((uint32_t) size - 4);
    const uint32_t n =
      1 + random_below (MIN (32, (uint32_t) size - MAX (at, from)));

    switch (random_below (5)) {
    case 0:
      data[at] ^= (uint8_t) (1u << random_below (8));
      break;
    case 1:
      data[at] = (uint8_t) random_below (256);
      break;
    case 2:
      memcpy (data + at, &numbers[random_below (G_N_ELEMENTS (numbers))],
              1 + random_below (4));
      break;
    case 3:
      memmove (data + at, data + from, n);
      break;
    default:
      size = i == 0 ? random_below ((uint32_t) size) : size;
      break;
    }
  }
  return size;
}

static void
run_file (const char *path)
{
  g_autofree char *bytes = NULL;
  gsize size;

  if (!g_file_get_contents (path, &bytes, &size, NULL))
    return;
  n_files++;
  run_once ((const uint8_t *) bytes, size);
  for (unsigned i = 0; i < n_mutations; i++) {
    g_autofree uint8_t *copy = g_memdup2 (bytes, size);

    run_once (copy, damage (copy, size));
  }
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
run_path (const char *path)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  if (folder == NULL) {
    run_file (path);
    return;
  }
  while ((name = g_dir_read_name (folder)) != NULL)
    g_ptr_array_add (names, g_build_filename (path, name, NULL));
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++)
    run_file (names->pdata[i]);
}

int
main (int argc, char **argv)
{
  for (int i = 1; i < argc; i++) {
    if (g_str_has_prefix (argv[i], "--mutate="))
      n_mutations = (unsigned) atoi (argv[i] + 9);
    else if (g_str_has_prefix (argv[i], "--seed="))
      state = g_ascii_strtoull (argv[i] + 7, NULL, 10) | 1;
    else
      run_path (argv[i]);
  }
  printf ("%u files, %u runs\n", n_files, n_runs);
  return n_files > 0 ? 0 : 77;
}
