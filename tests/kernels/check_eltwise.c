/* SPDX-License-Identifier: LGPL-2.1-or-later
 * eltwise_tmpl.c and grad_tmpl.c, rule "exact": each kernel beside the scalar
 * expression that it must equal to the bit, NaN and infinity included. */
#include "check.h"

static float
clip (float x, float lo, float hi)
{
  return x < lo ? lo : x > hi ? hi : x;
}

/* n_in arrays beside y; sets of scalars p; the call; what y[i] must become. */
#define MAP(name, n_arrays, flags, sets, call, expression)                     \
  static void run_##name (const DmlKernels *k, float *y, const float *a,       \
                          const float *b, const float *p, size_t n)            \
  {                                                                            \
    call;                                                                      \
  }                                                                            \
  static float naive_##name (float y, float a, float b, const float *p)        \
  {                                                                            \
    return expression;                                                         \
  }                                                                            \
  void check_##name (DmlCheck *c, const DmlKernels *ref,                       \
                     const DmlKernels *kern)                                   \
  {                                                                            \
    static const CheckMap map = { .run = run_##name,                           \
                                  .naive = naive_##name,                       \
                                  .n_in = n_arrays,                            \
                                  .params = sets,                              \
                                  .n_params = CHECK_N (sets),                  \
                                  flags };                                     \
    check_map (c, ref, kern, &map);                                            \
  }

#define PLACE .in_place = true
#define ADDS .adds = true
#define ADDS_PLACE .adds = true, .in_place = true

static const float none[][4] = { { 0 } };
static const float scalars[][4] = { { 0.37f, -1.6f, 0.9f },
                                    { -2.5f, 0.0f, -0.0f },
                                    { 0x1p-140f, 1e30f, 1.0f },
                                    { 0.0f, NAN, INFINITY } };
static const float bounds[][4] = { { 0.0f, 6.0f, 0.31f },
                                   { 0.0f, INFINITY, -0.7f },
                                   { -INFINITY, INFINITY, 1e-40f },
                                   { -1.0f, 1.0f, 0.0f } };
static const float slopes[][4] = {
  { 0.01f }, { 0.25f }, { -1.5f }, { 0.0f }, { 0x1p-130f }
};
static const float gates[][4] = { { 0.2f, 0.5f }, { 1.0f / 6.0f, 0.5f } };

/* clang-format off */
MAP (add_f32, 2, PLACE, none, k->add_f32 (y, a, b, n), a + b)
MAP (sub_f32, 2, PLACE, none, k->sub_f32 (y, a, b, n), a - b)
MAP (mul_f32, 2, PLACE, none, k->mul_f32 (y, a, b, n), a * b)
MAP (maximum_f32, 2, PLACE, none, k->maximum_f32 (y, a, b, n),
     isnan (a) ? a : isnan (b) ? b : a > b ? a : b)
MAP (scale_f32, 1, PLACE, scalars, k->scale_f32 (y, a, p[0], n), a * p[0])
MAP (add_scalar_f32, 1, PLACE, scalars, k->add_scalar_f32 (y, a, p[0], n),
     a + p[0])
MAP (affine_f32, 1, PLACE, scalars, k->affine_f32 (y, a, p[0], p[1], n),
     p[0] * a + p[1])
MAP (axpy_f32, 1, ADDS_PLACE, scalars, k->axpy_f32 (y, p[0], a, n),
     y + p[0] * a)
MAP (axpby_f32, 1, ADDS_PLACE, scalars, k->axpby_f32 (y, p[0], a, p[1], n),
     p[0] * a + p[1] * y)
MAP (add_affine2_f32, 2, ADDS_PLACE, scalars,
     k->add_affine2_f32 (y, p[0], a, p[1], b, p[2], n),
     y + (p[0] * a + p[1] * b + p[2]))
MAP (add_mul_f32, 2, ADDS_PLACE, none, k->add_mul_f32 (y, a, b, n), y + a * b)
MAP (clip_f32, 1, PLACE, bounds, k->clip_f32 (y, a, p[0], p[1], n),
     clip (a, p[0], p[1]))
MAP (relu_f32, 1, PLACE, none, k->relu_f32 (y, a, n), a < 0 ? 0 : a)
MAP (leaky_f32, 1, PLACE, slopes, k->leaky_f32 (y, a, p[0], n),
     a > 0 ? a : p[0] * a)
MAP (hardsigmoid_f32, 1, PLACE, gates,
     k->hardsigmoid_f32 (y, a, p[0], p[1], n), clip (p[0] * a + p[1], 0, 1))
MAP (hardswish_f32, 1, PLACE, none, k->hardswish_f32 (y, a, n),
     a * clip (a * (1.0f / 6.0f) + 0.5f, 0, 1))
MAP (sqrt_f32, 1, PLACE, none, k->sqrt_f32 (y, a, n), sqrtf (a))
MAP (bias_clip_f32, 1, PLACE, bounds,
     k->bias_clip_f32 (y, a, p[2], p[0], p[1], n), clip (a + p[2], p[0], p[1]))
MAP (add_clip_f32, 2, PLACE, bounds,
     k->add_clip_f32 (y, a, b, p[0], p[1], n), clip (a + b, p[0], p[1]))
MAP (bias_add_clip_f32, 2, PLACE, bounds,
     k->bias_add_clip_f32 (y, a, p[2], b, p[0], p[1], n),
     clip (a + p[2] + b, p[0], p[1]))

/* Gradients: a is dy, b is x (or y where the contract says so). */
MAP (clip_grad_f32, 2, ADDS, bounds,
     k->clip_grad_f32 (y, a, b, p[0], p[1], n),
     y + (b <= p[0] || b >= p[1] ? 0 : a))
MAP (relu_grad_f32, 2, ADDS, none, k->relu_grad_f32 (y, a, b, n),
     y + (b <= 0 ? 0 : a))
MAP (leaky_grad_f32, 2, ADDS, slopes, k->leaky_grad_f32 (y, a, b, p[0], n),
     y + (b > 0 ? a : p[0] * a))
MAP (hardsigmoid_grad_f32, 2, ADDS, gates,
     k->hardsigmoid_grad_f32 (y, a, b, p[0], p[1], n),
     y + (p[0] * b + p[1] <= 0 || p[0] * b + p[1] >= 1 ? 0 : p[0] * a))
MAP (hardswish_grad_f32, 2, ADDS, none, k->hardswish_grad_f32 (y, a, b, n),
     y + (b <= -3 ? 0 : a * (b >= 3 ? 1 : b * (1.0f / 3.0f) + 0.5f)))
MAP (sigmoid_grad_f32, 2, ADDS, none, k->sigmoid_grad_f32 (y, a, b, n),
     y + a * (b * (1 - b)))
MAP (tanh_grad_f32, 2, ADDS, none, k->tanh_grad_f32 (y, a, b, n),
     y + a * (1 - b * b))

/* optim_tmpl.c's third, which is element by element too. */
MAP (ema_f32, 1, ADDS, scalars, k->ema_f32 (y, a, p[0], n),
     y + p[0] * (a - y))
/* clang-format on */
