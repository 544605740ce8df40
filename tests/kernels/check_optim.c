/* SPDX-License-Identifier: LGPL-2.1-or-later
 * optim_tmpl.c: update rules beside their formulas, rule "exact". */
#include "check.h"

static const size_t sizes[] = { 0,  1,  3,  4,  5,  7,  8, 9,
                                15, 16, 17, 31, 32, 33, 65 };
static const CheckFill fills[] = { CHECK_PLAIN, CHECK_SPECIAL, CHECK_TINY };

static void
sgd_naive (float *w, float *m, float g, const DmlSgdStep *s)
{
  const float grad = s->grad_scale * g + s->decay * *w;

  *m = s->momentum * *m + grad;
  *w -= s->rate * (s->nesterov ? grad + s->momentum * *m : *m);
}

static void
sgd_case (DmlCheck *c, const DmlKernels *kern, size_t n, size_t shift,
          CheckFill fill)
{
  const DmlSgdStep step = { .rate = 0.1f,
                            .momentum = 0.9f,
                            .decay = 5e-4f,
                            .grad_scale = check_random_below (c, 2) ? 1 : 0.3f,
                            .nesterov = check_random_below (c, 2) };
  float *w = check_io_f32 (c, fill, n, shift);
  float *m = check_io_f32 (c, fill, n, (shift * 3) % 64);
  const float *g = check_in_f32 (c, fill, n, (shift * 5) % 64);
  float *want_w = check_copy_f32 (c, w, n), *want_m = check_copy_f32 (c, m, n);

  for (size_t i = 0; i < n; i++)
    sgd_naive (want_w + i, want_m + i, g[i], &step);
  kern->sgd_f32 (w, m, g, n, &step);
  check_same_f32 (c, w, want_w, n, "w, n=%zu shift=%zu nesterov=%d", n, shift,
                  step.nesterov);
  check_same_f32 (c, m, want_m, n, "m, n=%zu shift=%zu", n, shift);
  check_end (c);
}

void
check_sgd_f32 (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  if (check_is_bench (c)) {
    const DmlSgdStep step = { 0.1f, 0.9f, 5e-4f, 1.0f, true };
    float *w = check_io_f32 (c, CHECK_PLAIN, 25000, 0);
    float *m = check_io_f32 (c, CHECK_PLAIN, 25000, 0);
    float *g = check_io_f32 (c, CHECK_PLAIN, 25000, 0);

    check_bench (c, 25000 * 20.0, ("n=25000"),
                 kern->sgd_f32 (w, m, g, 25000, &step));
    return;
  }
  for (size_t s = 0; s < CHECK_N (sizes); s++)
    CHECK_SHIFTS (c, shift, 4)
      for (size_t f = 0; f < CHECK_N (fills); f++)
        sgd_case (c, kern, sizes[s], shift, fills[f]);
}

static void
adamw_naive (float *w, float *m, float *v, float g, const DmlAdamwStep *s)
{
  const float grad = s->grad_scale * g;

  *m = s->beta1 * *m + (1.0f - s->beta1) * grad;
  *v = s->beta2 * *v + (1.0f - s->beta2) * (grad * grad);
  *w = (1.0f - s->rate * s->decay) * *w -
       s->rate * s->unbias1 * *m / (sqrtf (*v * s->unbias2) + s->eps);
}

static void
adamw_case (DmlCheck *c, const DmlKernels *kern, size_t n, size_t shift,
            CheckFill fill)
{
  const DmlAdamwStep step = { 1e-3f, 0.9f, 0.999f, 1e-8f,
                              0.05f, 0.7f, 1.9f,   40.0f };
  float *w = check_io_f32 (c, fill, n, shift);
  float *m = check_io_f32 (c, fill, n, (shift * 3) % 64);
  float *v = check_io_f32 (c, fill, n, (shift * 5) % 64);
  const float *g = check_in_f32 (c, fill, n, (shift * 7) % 64);
  float *want_w, *want_m, *want_v;

  for (size_t i = 0; i < n; i++)
    v[i] = fabsf (v[i]);
  want_w = check_copy_f32 (c, w, n);
  want_m = check_copy_f32 (c, m, n);
  want_v = check_copy_f32 (c, v, n);
  for (size_t i = 0; i < n; i++)
    adamw_naive (want_w + i, want_m + i, want_v + i, g[i], &step);
  kern->adamw_f32 (w, m, v, g, n, &step);
  check_same_f32 (c, w, want_w, n, "w, n=%zu shift=%zu", n, shift);
  check_same_f32 (c, m, want_m, n, "m, n=%zu shift=%zu", n, shift);
  check_same_f32 (c, v, want_v, n, "v, n=%zu shift=%zu", n, shift);
  check_end (c);
}

void
check_adamw_f32 (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  if (check_is_bench (c)) {
    const DmlAdamwStep step = { 1e-3f, 0.9f, 0.999f, 1e-8f,
                                0.05f, 1.0f, 1.0f,   1.0f };
    float *w = check_io_f32 (c, CHECK_PLAIN, 25000, 0);
    float *m = check_io_f32 (c, CHECK_PLAIN, 25000, 0);
    float *v = check_out_f32 (c, 25000, 0);
    float *g = check_io_f32 (c, CHECK_PLAIN, 25000, 0);

    check_bench (c, 25000 * 28.0, ("n=25000"),
                 kern->adamw_f32 (w, m, v, g, 25000, &step));
    return;
  }
  for (size_t s = 0; s < CHECK_N (sizes); s++)
    CHECK_SHIFTS (c, shift, 4)
      for (size_t f = 0; f < CHECK_N (fills); f++)
        adamw_case (c, kern, sizes[s], shift, fills[f]);
}
