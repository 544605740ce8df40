/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Element-by-element kernels: every size round the tiles, every shift, in place
 * where allowed, values of every kind, against one scalar expression. */
#include "check_private.h"

/* Round VW and the unrolled steps of every level; the last is odd and long. */
static const size_t sizes[] = { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  12,
                                15, 16, 17, 24, 31, 32, 33, 63, 64, 65, 101 };

typedef enum { APART, Y_IS_A, Y_IS_B, N_PLACES } Place;

static void
map_case (DmlCheck *c, const DmlKernels *kern, const CheckMap *map,
          const float *p, size_t n, size_t shift, Place place, CheckFill fill)
{
  /* The arrays take different shifts, so that all pairs of them occur. */
  const size_t shift_a = (shift * 3 + 8) % 64, shift_b = (shift * 5 + 20) % 64;
  float *io = NULL, *y, *want;
  const float *a = NULL, *b = NULL, *was;

  if (place != APART)
    io = check_io_f32 (c, fill, n, shift);
  if (map->n_in > 0)
    a = place == Y_IS_A ? io : check_in_f32 (c, fill, n, shift_a);
  if (map->n_in > 1)
    b = place == Y_IS_B ? io : check_in_f32 (c, fill, n, shift_b);
  if (place != APART)
    y = io;
  else
    y = map->adds ? check_io_f32 (c, fill, n, shift)
                  : check_out_f32 (c, n, shift);
  want = check_copy_f32 (c, y, n);
  for (size_t i = 0; i < n; i++)
    want[i] =
      map->naive (want[i], a != NULL ? a[i] : 0.0f, b != NULL ? b[i] : 0.0f, p);
  was = check_copy_f32 (c, y, n);
  map->run (kern, y, a, b, p, n);
  check_same_f32 (c, y, want, n,
                  "n=%zu shift=%zu place=%d p=(%g %g %g %g), y[0] was %g", n,
                  shift, place, (double) p[0], (double) p[1], (double) p[2],
                  (double) p[3], n > 0 ? (double) was[0] : 0.0);
  check_end (c);
}

static void
map_bench (DmlCheck *c, const DmlKernels *kern, const CheckMap *map,
           const float *p)
{
  static const size_t lengths[] = { 49, 3136, 25000 };

  for (size_t i = 0; i < CHECK_N (lengths); i++) {
    const size_t n = lengths[i];
    const float *a = check_in_f32 (c, CHECK_PLAIN, n, 0);
    const float *b = check_in_f32 (c, CHECK_PLAIN, n, 0);
    float *y = check_io_f32 (c, CHECK_PLAIN, n, 0);
    const unsigned n_arrays = map->n_in + 1 + map->adds;

    check_bench (c, (double) (n * n_arrays * sizeof (float)), ("n=%zu", n),
                 map->run (kern, y, a, b, p, n));
    check_end (c);
  }
}

void
check_map (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern,
           const CheckMap *map)
{
  static const CheckFill fills[] = { CHECK_PLAIN, CHECK_SPECIAL, CHECK_WIDE,
                                     CHECK_TINY };

  if (check_is_bench (c)) {
    map_bench (c, kern, map, map->params[0]);
    return;
  }
  for (size_t s = 0; s < CHECK_N (sizes); s++)
    CHECK_SHIFTS (c, shift, 4)
      for (int place = APART; place < N_PLACES; place++) {
        if (place > 0 && (!map->in_place || (unsigned) place > map->n_in))
          continue;
        for (size_t f = 0; f < CHECK_N (fills); f++)
          map_case (c, kern, map,
                    map->params[check_random_below (c, map->n_params)],
                    sizes[s], shift, (Place) place, fills[f]);
      }
}
