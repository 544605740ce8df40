/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Update rules, each in one pass over weights, state and gradient. */
#include "kernels/kernels.h"
#include "kernels/vec.h"
#include "kernels/kernels.def"

#include <math.h>

void
DML_K (sgd_f32) (float *w, float *m, const float *g, size_t n,
                 const DmlSgdStep *step)
{
  const vf rate = v_set1 (step->rate), mu = v_set1 (step->momentum);
  const vf decay = v_set1 (step->decay), scale = v_set1 (step->grad_scale);
  const bool nesterov = step->nesterov;

  V_EACH (i, k, n, {
    const vf wi = v_load_n (w + i, k);
    const vf gi = v_add (v_mul (scale, v_load_n (g + i, k)), v_mul (decay, wi));
    const vf mi = v_add (v_mul (mu, v_load_n (m + i, k)), gi);
    const vf by = nesterov ? v_add (gi, v_mul (mu, mi)) : mi;

    v_store_n (m + i, mi, k);
    v_store_n (w + i, v_sub (wi, v_mul (rate, by)), k);
  });
}

void
DML_K (adamw_f32) (float *w, float *m, float *v, const float *g, size_t n,
                   const DmlAdamwStep *step)
{
  const vf keep = v_set1 (1.0f - step->rate * step->decay);
  const vf scale = v_set1 (step->grad_scale), eps = v_set1 (step->eps);
  const vf b1 = v_set1 (step->beta1), c1 = v_set1 (1.0f - step->beta1);
  const vf b2 = v_set1 (step->beta2), c2 = v_set1 (1.0f - step->beta2);
  const vf rate = v_set1 (step->rate * step->unbias1);
  const vf unbias2 = v_set1 (step->unbias2);

  V_EACH (i, k, n, {
    const vf gi = v_mul (scale, v_load_n (g + i, k));
    const vf mi = v_add (v_mul (b1, v_load_n (m + i, k)), v_mul (c1, gi));
    const vf vi_ =
      v_add (v_mul (b2, v_load_n (v + i, k)), v_mul (c2, v_mul (gi, gi)));
    const vf by =
      v_div (v_mul (rate, mi), v_add (v_sqrt (v_mul (vi_, unbias2)), eps));

    v_store_n (m + i, mi, k);
    v_store_n (v + i, vi_, k);
    v_store_n (w + i, v_sub (v_mul (keep, v_load_n (w + i, k)), by), k);
  });
}

void
DML_K (ema_f32) (float *y, const float *x, float a, size_t n)
{
  const vf va = v_set1 (a);

  V_EACH (i, m, n, {
    const vf old = v_load_n (y + i, m);
    const vf step = v_mul (va, v_sub (v_load_n (x + i, m), old));

    v_store_n (y + i, v_add (old, step), m);
  });
}
