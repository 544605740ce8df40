/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Buffers of dml-check: a slot is a stretch of memory between two inaccessible
 * pages; around a buffer in it, and between its rows, lies a pattern. A copy of
 * all that is kept beside it and compared at the end of the case. */
#include "check_private.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const uint8_t patterns[] = {
  [PASS_PATTERN_A] = 0xA5, /* floats: small negative numbers */
  [PASS_PATTERN_B] = 0xFF, /* floats: NaN, so that what is read in vain shows */
  [PASS_FLUSH_END] = 0xFF, [PASS_FLUSH_START] = 0xFF, [PASS_BENCH] = 0,
};

void
check_slots_init (DmlCheck *c)
{
  const size_t page = (size_t) sysconf (_SC_PAGESIZE);

  for (size_t i = 0; i < CHECK_N (c->slots); i++) {
    CheckSlot *s = &c->slots[i];
    uint8_t *all = mmap (NULL, SLOT_SIZE + 2 * page, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    s->copy = malloc (SLOT_SIZE);
    if (all == MAP_FAILED || s->copy == NULL ||
        mprotect (all + page, SLOT_SIZE, PROT_READ | PROT_WRITE) != 0) {
      fprintf (stderr, "dml-check: no memory for its buffers\n");
      exit (1);
    }
    s->memory = all + page;
  }
}

void
check_slots_free (DmlCheck *c)
{
  const size_t page = (size_t) sysconf (_SC_PAGESIZE);

  for (size_t i = 0; i < CHECK_N (c->slots); i++) {
    munmap (c->slots[i].memory - page, SLOT_SIZE + 2 * page);
    free (c->slots[i].copy);
  }
}

void *
check_rows (DmlCheck *c, CheckUse use, size_t n_rows, size_t width,
            size_t stride, size_t shift)
{
  const size_t size = n_rows == 0 ? 0 : (n_rows - 1) * stride + width;
  CheckSlot *s = &c->slots[c->n_slots++];
  size_t start = GUARD + shift;

  if (c->n_slots > CHECK_N (c->slots) || size + 3 * GUARD > SLOT_SIZE ||
      stride < width) {
    fprintf (stderr, "dml-check: %s wants too many buffers, or too large\n",
             c->kernel->name);
    abort ();
  }
  if (c->pass == PASS_FLUSH_END)
    start = SLOT_SIZE - size;
  else if (c->pass == PASS_FLUSH_START)
    start = 0;
  s->use = use;
  s->data = s->memory + start;
  s->n_rows = n_rows;
  s->width = width;
  s->stride = stride;
  s->low = start > GUARD ? s->data - GUARD : s->memory;
  s->high = start + size + GUARD < SLOT_SIZE ? s->data + size + GUARD
                                             : s->memory + SLOT_SIZE;
  memset (s->low, patterns[c->pass], (size_t) (s->high - s->low));
  memcpy (s->copy, s->low, (size_t) (s->high - s->low));
  return s->data;
}

void
check_seal (DmlCheck *c)
{
  for (size_t i = 0; i < c->n_slots; i++) {
    CheckSlot *s = &c->slots[i];

    memcpy (s->copy, s->low, (size_t) (s->high - s->low));
  }
}

const float *
check_in_f32 (DmlCheck *c, CheckFill fill, size_t n, size_t shift)
{
  float *x = check_rows (c, CHECK_IN, 1, n * sizeof *x, n * sizeof *x, shift);

  check_fill_f32 (c, fill, x, n);
  check_seal (c);
  return x;
}

float *
check_io_f32 (DmlCheck *c, CheckFill fill, size_t n, size_t shift)
{
  float *x = check_rows (c, CHECK_IO, 1, n * sizeof *x, n * sizeof *x, shift);

  check_fill_f32 (c, fill, x, n);
  return x;
}

float *
check_out_f32 (DmlCheck *c, size_t n, size_t shift)
{
  return check_rows (c, CHECK_OUT, 1, n * sizeof (float), n * sizeof (float),
                     shift);
}

float *
check_copy_f32 (DmlCheck *c, const float *x, size_t n)
{
  float *copy = c->scratch + c->scratch_used;

  c->scratch_used += n;
  if (c->scratch_used > CHECK_N (c->scratch))
    abort ();
  if (n > 0)
    memcpy (copy, x, n * sizeof *x);
  return copy;
}

/* The first byte of [from, to) that differs from the copy, or NULL. */
static const uint8_t *
changed (const CheckSlot *s, const uint8_t *from, const uint8_t *to)
{
  const uint8_t *copy = s->copy + (from - s->low);

  if (to <= from || memcmp (from, copy, (size_t) (to - from)) == 0)
    return NULL;
  while (*from == *copy)
    from++, copy++;
  return from;
}

static void
slot_examine (DmlCheck *c, unsigned number)
{
  const CheckSlot *s = &c->slots[number];
  const uint8_t *at, *from = s->low;

  c->n_compared++;
  if (s->use == CHECK_IN) {
    if ((at = changed (s, s->low, s->high)) != NULL)
      check_fail (c, "buffer %u, an input, was written to at byte %td", number,
                  at - s->data);
    return;
  }
  for (size_t i = 0; i < s->n_rows; i++) { /* what lies before each row */
    const uint8_t *row = s->data + i * s->stride;

    if ((at = changed (s, from, row)) != NULL) {
      check_fail (c, "buffer %u was written to at byte %td, outside row %zu",
                  number, at - s->data, i);
      return;
    }
    from = row + s->width;
  }
  if ((at = changed (s, from, s->high)) != NULL)
    check_fail (c, "buffer %u was written to at byte %td, past its end", number,
                at - s->data);
}

void
check_end (DmlCheck *c)
{
  for (unsigned i = 0; i < c->n_slots; i++)
    slot_examine (c, i);
  c->n_slots = 0;
  c->scratch_used = 0;
}

size_t
check_shift_limit (const DmlCheck *c)
{
  return c->pass == PASS_PATTERN_A || c->pass == PASS_PATTERN_B ? 64 : 1;
}
