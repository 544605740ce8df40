/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Update rules against values worked out by hand, schedules, averages. */
#include "train/optim.h"

#include <math.h>

static float value[3], grad[3];

static DmlOptimParam
param_of (gboolean decay)
{
  value[0] = 1;
  value[1] = -2;
  value[2] = 0.5f;
  return (DmlOptimParam){ "w", value, grad, 3, 1.0f, decay };
}

/* Two steps of v = m v + g; w -= lr (g + m v) with m .9, lr .1, decay .5. */
static void
test_sgd_is_nesterov (void)
{
  DmlOptimParam param = param_of (TRUE);
  const DmlOptimOptions options = { FALSE, 0.9, 0.5, 0 };
  g_autoptr (DmlOptim) optim = dml_optim_new (&param, 1, &options, NULL);
  double w = 1, v = 0;

  for (int i = 0; i < 2; i++) {
    const double g = 0.2 + 0.5 * w;

    v = 0.9 * v + g;
    w -= 0.1 * (g + 0.9 * v);
    grad[0] = 0.2f;
    grad[1] = grad[2] = 0;
    dml_optim_step (optim, 0.1);
  }
  g_assert_cmpfloat_with_epsilon (value[0], (float) w, 1e-6f);
}

static void
test_adamw_decays_apart_from_the_gradient (void)
{
  DmlOptimParam param = param_of (TRUE);
  const DmlOptimOptions options = { TRUE, 0.9, 0.1, 0 };
  g_autoptr (DmlOptim) optim = dml_optim_new (&param, 1, &options, NULL);

  grad[0] = 1e-3f; /* the first step is lr whatever the gradient's size */
  grad[1] = -7;
  grad[2] = 0;
  dml_optim_step (optim, 0.01);
  g_assert_cmpfloat_with_epsilon (value[0], 1 - 0.01f - 0.01f * 0.1f, 1e-6f);
  g_assert_cmpfloat_with_epsilon (value[1], -2 + 0.01f + 0.01f * 0.1f * 2,
                                  1e-6f);
  g_assert_cmpfloat_with_epsilon (value[2], 0.5f - 0.01f * 0.1f * 0.5f, 1e-7f);
}

static void
test_no_decay_and_frozen (void)
{
  DmlOptimParam param = param_of (FALSE);
  const DmlOptimOptions options = { FALSE, 0.9, 0.5, 0 };
  g_autoptr (DmlOptim) optim = dml_optim_new (&param, 1, &options, NULL);

  grad[0] = grad[1] = grad[2] = 0;
  dml_optim_step (optim, 0.1);
  g_assert_cmpfloat (value[0], ==, 1);
  param.lr_scale = 0;
  grad[0] = 5;
  dml_optim_step (optim, 0.1);
  g_assert_cmpfloat (value[0], ==, 1);
}

static void
test_clips_the_whole_gradient (void)
{
  DmlOptimParam param = param_of (FALSE);
  const DmlOptimOptions options = { FALSE, 0.9, 0, 0 };
  g_autoptr (DmlOptim) optim = dml_optim_new (&param, 1, &options, NULL);

  grad[0] = 3;
  grad[1] = 4;
  grad[2] = 0;
  g_assert_cmpfloat_with_epsilon (dml_optim_clip (optim, 10), 5, 1e-9);
  g_assert_cmpfloat (grad[0], ==, 3);
  g_assert_cmpfloat_with_epsilon (dml_optim_clip (optim, 1), 5, 1e-9);
  g_assert_cmpfloat_with_epsilon (grad[0], 0.6f, 1e-6f);
  grad[2] = (float) NAN;
  g_assert_false (isfinite (dml_optim_clip (optim, 1)));
}

static void
test_average_follows_and_swaps (void)
{
  DmlOptimParam param = param_of (FALSE);
  const DmlOptimOptions options = { FALSE, 0, 0, 0.5 };
  g_autoptr (DmlOptim) optim = dml_optim_new (&param, 1, &options, NULL);

  grad[0] = grad[1] = grad[2] = 10;
  for (int i = 0; i < 200; i++) {
    dml_optim_step (optim, i < 100 ? 0.01 : 0);
    dml_optim_average (optim);
  }
  const float now = value[0];

  dml_optim_swap_average (optim);
  g_assert_cmpfloat_with_epsilon (value[0], now, 1e-5f);
  dml_optim_swap_average (optim);
  g_assert_cmpfloat (value[0], ==, now);
}

static void
test_schedules (void)
{
  DmlSchedule schedule;

  g_assert_true (dml_schedule_find ("cosine", &schedule, NULL));
  g_assert_cmpfloat_with_epsilon (dml_schedule_at (schedule, 0, 100, 9), 0.1,
                                  1e-12);
  g_assert_cmpfloat_with_epsilon (dml_schedule_at (schedule, 9, 109, 9), 1,
                                  1e-12);
  g_assert_cmpfloat_with_epsilon (dml_schedule_at (schedule, 59, 109, 9), 0.5,
                                  1e-12);
  g_assert_cmpfloat_with_epsilon (dml_schedule_at (schedule, 109, 109, 9), 0,
                                  1e-12);
  g_assert_true (dml_schedule_find ("step", &schedule, NULL));
  g_assert_cmpfloat_with_epsilon (dml_schedule_at (schedule, 60, 100, 0), 0.1,
                                  1e-12);
  g_assert_false (dml_schedule_find ("cosin", &schedule, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/optim/sgd-is-nesterov", test_sgd_is_nesterov);
  g_test_add_func ("/optim/adamw-decays-apart-from-the-gradient",
                   test_adamw_decays_apart_from_the_gradient);
  g_test_add_func ("/optim/no-decay-and-frozen", test_no_decay_and_frozen);
  g_test_add_func ("/optim/clips-the-whole-gradient",
                   test_clips_the_whole_gradient);
  g_test_add_func ("/optim/average-follows-and-swaps",
                   test_average_follows_and_swaps);
  g_test_add_func ("/optim/schedules", test_schedules);
  return g_test_run ();
}
