/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Convolutions of every shape against a direct sum in double: forward, and all
 * three gradients. Layers are drawn so that each way through conv.c is met:
 * packed panels with several blocks of depth and several bands, maps of a few
 * pixels, depthwise, groups, strides, dilations, uneven pads. */
#include "base/rng.h"
#include "nn/exec.h"

#include <math.h>
#include <string.h>

typedef struct {
  size_t n, c, h, w, m, group, kh, kw;
  size_t sh, sw, dh, dw;
  size_t oh, ow; /* 0 until inferred */
  size_t pad[4]; /* top, left, bottom, right */
} Layer;

static void
fill (float *x, size_t n, uint64_t stream)
{
  DmlRng rng;

  dml_rng_init (&rng, 31, stream);
  for (size_t i = 0; i < n; i++)
    x[i] = (float) dml_rng_normal (&rng);
}

/* Calls `term` for every product of the convolution. */
typedef void (*Term) (void *data, size_t y, size_t x, size_t w);

static void
each_term (const Layer *l, Term term, void *data)
{
  const size_t cg = l->c / l->group, mg = l->m / l->group;

  for (size_t i = 0; i < l->n; i++)
    for (size_t m = 0; m < l->m; m++)
      for (size_t p = 0; p < l->oh * l->ow; p++)
        for (size_t c = 0; c < cg; c++)
          for (size_t t = 0; t < l->kh * l->kw; t++) {
            const size_t r = p / l->ow * l->sh + t / l->kw * l->dh;
            const size_t s = p % l->ow * l->sw + t % l->kw * l->dw;
            const size_t ch = m / mg * cg + c;

            if (r < l->pad[0] || r - l->pad[0] >= l->h || s < l->pad[1] ||
                s - l->pad[1] >= l->w)
              continue;
            term (data, (i * l->m + m) * l->oh * l->ow + p,
                  ((i * l->c + ch) * l->h + r - l->pad[0]) * l->w + s -
                    l->pad[1],
                  (m * cg + c) * l->kh * l->kw + t);
          }
}

/* Sums and the sums of the terms' sizes, which bound the rounding. */
typedef struct {
  const float *x, *w, *dy;
  double *y, *dx, *dw, *y_size, *dx_size, *dw_size;
} Sums;

static void
sum_term (void *data, size_t y, size_t x, size_t w)
{
  Sums *s = data;
  const double a = (double) s->x[x], b = (double) s->w[w];
  const double g = (double) s->dy[y];

  s->y[y] += a * b;
  s->y_size[y] += fabs (a * b);
  s->dx[x] += g * b;
  s->dx_size[x] += fabs (g * b);
  s->dw[w] += g * a;
  s->dw_size[w] += fabs (g * a);
}

/* Within 1e-6 of the sum of sizes: some twenty roundings of half an ulp, where
 * the worst case is one a term. */
static void
assert_near (const Layer *l, const char *what, const float *got,
             const double *sum, const double *size, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (!(fabs ((double) got[i] - sum[i]) <= 1e-6 * size[i] + 1e-30))
      g_error ("%s[%zu] is %g, expected %g: n %zu c %zu h %zu w %zu m %zu "
               "group %zu k %zux%zu s %zux%zu d %zux%zu",
               what, i, (double) got[i], sum[i], l->n, l->c, l->h, l->w, l->m,
               l->group, l->kh, l->kw, l->sh, l->sw, l->dh, l->dw);
}

static DmlValue *
add_param (DmlGraph *graph, const char *name, const DmlShape *shape)
{
  g_autoptr (DmlTensor) t = dml_tensor_new (DML_F32, shape, NULL);

  fill (t->data, t->n, name[0]);
  return dml_graph_add_constant (graph, name, t, DML_VALUE_PARAM, NULL);
}

/* x is a parameter, so that it has a gradient. */
static DmlGraph *
layer_graph (Layer *l)
{
  DmlGraph *graph = dml_graph_new ("", 17);
  GError *error = NULL;
  DmlValue *in[2];
  DmlNode *node;

  dml_graph_add_input (graph, "unused", DML_F32, &DML_SHAPE (1), NULL);
  in[0] = add_param (graph, "x", &DML_SHAPE (l->n, l->c, l->h, l->w));
  in[1] =
    add_param (graph, "w", &DML_SHAPE (l->m, l->c / l->group, l->kh, l->kw));
  node = dml_graph_add_node (graph, NULL, "Conv", "c", in, 2, NULL, 1, NULL);
  dml_attrs_set_int (node->attrs, "group", (int64_t) l->group);
  dml_attrs_set_ints (node->attrs, "strides",
                      (int64_t[]){ (int64_t) l->sh, (int64_t) l->sw }, 2);
  dml_attrs_set_ints (node->attrs, "dilations",
                      (int64_t[]){ (int64_t) l->dh, (int64_t) l->dw }, 2);
  dml_attrs_set_ints (node->attrs, "pads",
                      (int64_t[]){ (int64_t) l->pad[0], (int64_t) l->pad[1],
                                   (int64_t) l->pad[2], (int64_t) l->pad[3] },
                      4);
  dml_graph_add_output (graph, node->out[0], NULL);
  g_assert_true (dml_graph_finish (graph, &error));
  return graph;
}

static const DmlTrainParam *
param (DmlTrain *train, const char *name)
{
  size_t n;
  const DmlTrainParam *params = dml_train_params (train, &n);

  for (size_t i = 0; i < n; i++)
    if (strcmp (params[i].name, name) == 0)
      return &params[i];
  g_assert_not_reached ();
}

static void
check_layer (Layer *l)
{
  g_autoptr (DmlGraph) graph = layer_graph (l);
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlTrain) train = dml_train_new (graph, 1, 0, 0, &error);
  g_autofree double *sums = NULL;
  const DmlTrainParam *x, *w;
  Sums s;
  size_t n;

  g_assert_no_error (error);
  x = param (train, "x");
  w = param (train, "w");
  l->oh = dml_train_output_shape (train, 0)->dim[2];
  l->ow = dml_train_output_shape (train, 0)->dim[3];
  n = l->n * l->m * l->oh * l->ow;
  g_autofree float *dy = g_new (float, n);

  fill (dy, n, 77);
  sums = g_new0 (double, 2 * (n + x->n + w->n));
  s = (Sums){ .x = x->data, .w = w->data, .dy = dy, .y = sums };
  s.y_size = s.y + n;
  s.dx = s.y_size + n;
  s.dx_size = s.dx + x->n;
  s.dw = s.dx_size + x->n;
  s.dw_size = s.dw + w->n;
  each_term (l, sum_term, &s);
  dml_train_forward (train, DML_EXEC_TRAIN, 0);
  assert_near (l, "y", dml_train_output (train, 0), s.y, s.y_size, n);
  memcpy (dml_train_output_grad (train, 0), dy, n * sizeof *dy);
  dml_train_backward (train);
  assert_near (l, "dx", x->grad, s.dx, s.dx_size, x->n);
  assert_near (l, "dw", w->grad, s.dw, s.dw_size, w->n);
}

/* Chosen for the ways through the code; the second number of each comment is
 * rows of columns, of which 512 are held at once. */
static void
test_ways_agree_with_a_direct_sum (void)
{
  Layer layers[] = {
    { 2, 70, 9, 9, 17, 1, 3, 3, 1, 1, 1, 1, 0, 0, { 1, 1, 1, 1 } }, /* 630 */
    { 1, 3, 40, 40, 8, 1, 7, 7, 2, 2, 1, 1, 0, 0, { 3, 3, 3, 3 } }, /* bands */
    { 3, 128, 7, 7, 130, 1, 1, 1, 1, 1, 1, 1, 0, 0, { 0 } }, /* split rows */
    { 2, 16, 13, 11, 24, 1, 1, 1, 2, 2, 1, 1, 0, 0, { 0 } },
    { 5, 60, 2, 2, 20, 1, 3, 3, 1, 1, 1, 1, 0, 0, { 1, 1, 1, 1 } }, /* few
                                                                       pixels */
    { 1, 64, 4, 4, 34, 2, 3, 3, 2, 2, 1, 1, 0, 0, { 1, 1, 1, 1 } }, /* and
                                                                       groups */
    { 2, 12, 8, 8, 18, 3, 3, 3, 1, 1, 1, 1, 0, 0, { 1, 1, 1, 1 } },
    { 2, 9, 10, 12, 9, 9, 3, 3, 2, 2, 1, 1, 0, 0, { 1, 1, 1, 1 } }, /* depthwise
                                                                     */
    { 2, 4, 10, 12, 8, 4, 5, 3, 1, 2, 2, 1, 0, 0, { 2, 0, 1, 2 } },
    { 2, 5, 14, 9, 6, 1, 4, 2, 3, 2, 1, 3, 0, 0, { 0, 2, 3, 1 } },
    { 2, 5, 14, 14, 6, 1, 3, 3, 2, 2, 2, 2, 0, 0, { 2, 2, 2, 2 } },
    { 40, 6, 3, 3, 7, 1, 3, 3, 1, 1, 1, 1, 0, 0, { 1, 1, 1, 1 } },
    { 20, 6, 6, 6, 7, 1, 3, 3, 2, 2, 1, 1, 0, 0, { 1, 1, 1, 1 } },
    { 3, 4, 23, 23, 5, 1, 3, 3, 1, 1, 1, 1, 0, 0, { 1, 1, 1, 1 } }, /* blocks */
    { 1, 1, 5, 5, 1, 1, 5, 5, 1, 1, 1, 1, 0, 0, { 0 } },
    { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, { 0 } },
    { 1, 2, 3, 70, 3, 1, 1, 9, 1, 1, 1, 1, 0, 0, { 0, 4, 0, 4 } },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (layers); i++)
    check_layer (&layers[i]);
}

static void
test_random_layers_agree_with_a_direct_sum (void)
{
  DmlRng rng;

  dml_rng_init (&rng, 99, 0);
  for (unsigned round = 0; round < 150; round++) {
    const size_t group = 1 + dml_rng_below (&rng, 3);
    Layer l = { .n = 1 + dml_rng_below (&rng, 5),
                .c = group * (1 + dml_rng_below (&rng, 6)),
                .h = 1 + dml_rng_below (&rng, 14),
                .w = 1 + dml_rng_below (&rng, 14),
                .m = group * (1 + dml_rng_below (&rng, 6)),
                .group = group,
                .kh = 1 + dml_rng_below (&rng, 4),
                .kw = 1 + dml_rng_below (&rng, 4),
                .sh = 1 + dml_rng_below (&rng, 3),
                .sw = 1 + dml_rng_below (&rng, 3),
                .dh = 1 + dml_rng_below (&rng, 2),
                .dw = 1 + dml_rng_below (&rng, 2) };

    for (unsigned k = 0; k < 4; k++)
      l.pad[k] = dml_rng_below (&rng, 3);
    if (l.h + l.pad[0] + l.pad[2] < (l.kh - 1) * l.dh + 1 ||
        l.w + l.pad[1] + l.pad[3] < (l.kw - 1) * l.dw + 1)
      continue;
    check_layer (&l);
  }
}

int
main (int argc, char **argv)
{
  dml_threads_set_max (3);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/conv/ways-agree-with-a-direct-sum",
                   test_ways_agree_with_a_direct_sum);
  g_test_add_func ("/conv/random-layers-agree-with-a-direct-sum",
                   test_random_layers_agree_with_a_direct_sum);
  return g_test_run ();
}
