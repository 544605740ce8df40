/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Networks. See net_maker.h. */
#include "net_maker.h"

DmlGraph *
net_of_arch (const char *name, const DmlArchOptions *options, uint64_t seed)
{
  g_autoptr (GError) error = NULL;
  DmlGraph *graph;
  DmlRng rng;

  dml_rng_init (&rng, seed, 0);
  graph = dml_arch_build (name, options, &rng, &error);
  g_assert_no_error (error);
  return graph;
}

void
net_add_random_nodes (DmlGraph *graph, GPtrArray *values, unsigned n,
                      DmlRng *rng)
{
  static const char *const unary[] = { "Relu",    "Sigmoid",  "HardSwish",
                                       "Softmax", "Identity", "Flatten" };

  for (unsigned i = 0; i < n; i++) {
    const unsigned n_in = 1 + dml_rng_below (rng, 2);
    g_autofree char *name = g_strdup_printf ("n%u", i);
    DmlValue *in[2];
    const char *op;

    for (unsigned k = 0; k < 2; k++) {
      /* mostly recent ones, so that chains form */
      const unsigned back =
        dml_rng_below (rng, dml_rng_below (rng, 3) ? 3 : 25);

      in[k] = values->pdata[values->len - 1 - MIN (back, values->len - 1)];
    }
    op = n_in == 2 ? (dml_rng_below (rng, 2) ? "Add" : "Mul")
                   : unary[dml_rng_below (rng, G_N_ELEMENTS (unary))];
    g_ptr_array_add (values, dml_graph_add_node (graph, NULL, op, name, in,
                                                 n_in, NULL, 1, NULL)
                               ->out[0]);
  }
}
