/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The table of architectures, and what they share: the head. */
#include "base/error.h"
#include "nn/arch/builder.h"

#include <string.h>

static const DmlArch *const archs[] = {
  &dml_arch_convnet4, &dml_arch_mobilenetv2, &dml_arch_repvgg,
  &dml_arch_resnet10, &dml_arch_resnet18,    &dml_arch_resnet34,
};

const DmlArch *const *
dml_arch_table (size_t *n)
{
  *n = G_N_ELEMENTS (archs);
  return archs;
}

const DmlArch *
dml_arch_find (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (archs); i++)
    if (strcmp (archs[i]->name, name) == 0)
      return archs[i];
  return NULL;
}

static gboolean
in_range (const char *what, double value, double least, double most,
          GError **error)
{
  if (value >= least && value <= most)
    return TRUE;
  return dml_fail (error, INVALID, "%s is %g, expected %g to %g", what, value,
                   least, most);
}

static gboolean
options_check (const DmlArchOptions *o, GError **error)
{
  if (o->channels != 1 && o->channels != 3)
    return dml_fail (error, INVALID, "%d input channels, expected 1 or 3",
                     o->channels);
  return in_range ("input height", o->height, 8, 1024, error) &&
         in_range ("input width", o->width, 8, 1024, error) &&
         in_range ("width factor", o->width_factor, 0.0625, 4, error) &&
         in_range ("embedding size", o->dim, 2, 4096, error) &&
         in_range ("dropout", (double) o->dropout, 0, 0.95, error);
}

/* The feature map as one row an image; *d is its length. */
static DmlValue *
build_pool (DmlBuilder *b, const DmlArchOptions *o, DmlValue *x, int *d)
{
  switch (o->pool) {
  case DML_ARCH_POOL_AVERAGE:
    x = dml_build_simple (b, "GlobalAveragePool", x, "pool");
    break;
  case DML_ARCH_POOL_GEM:
    x = dml_build_gem_pool (b, x, "pool");
    break;
  case DML_ARCH_POOL_FLATTEN:
    /* The size follows from the trunk alone: infer what is there so far. */
    if (x == NULL || !dml_graph_add_output (b->graph, x, &b->error) ||
        !dml_graph_finish (b->graph, &b->error) ||
        !dml_graph_infer (b->graph, 1, &b->error))
      return NULL;
    *d = (int) dml_shape_span (&x->shape, 1, 4);
    dml_graph_forget (b->graph);
    g_ptr_array_set_size (b->graph->outputs, 0);
    break;
  }
  return dml_build_simple (b, "Flatten", x, "flatten");
}

static gboolean
build_output (DmlBuilder *b, const DmlArchOptions *o, DmlValue *x,
              const char *name)
{
  DmlValue *out;
  DmlNode *node;

  if (x == NULL)
    return FALSE;
  out = dml_graph_value (b->graph, name, &b->error);
  if (out == NULL)
    return FALSE;
  node = dml_graph_add_node (b->graph, NULL,
                             o->normalise ? "LpNormalization" : "Identity",
                             name, &x, 1, &out, 1, &b->error);
  if (node == NULL)
    return FALSE;
  if (o->normalise) {
    dml_attrs_set_int (node->attrs, "axis", -1);
    dml_attrs_set_int (node->attrs, "p", 2);
  }
  return dml_graph_add_output (b->graph, out, &b->error);
}

static gboolean
build_head (DmlBuilder *b, const DmlArchOptions *o, DmlValue *x, int c)
{
  DmlValue *features;

  x = build_pool (b, o, x, &c);
  if (o->dropout > 0)
    x = dml_build_dropout (b, x, o->dropout, "dropout");
  x = features = dml_build_linear (b, x, c, o->dim, "embed");
  if (!o->neck)
    return build_output (b, o, x, "embedding");
  x = dml_build_batchnorm (b, x, o->dim, 1, "neck");
  dml_build_freeze_bias (b, "neck");
  return build_output (b, o, x, "embedding") &&
         build_output (b, o, features, "features");
}

DmlGraph *
dml_arch_build (const char *name, const DmlArchOptions *options, DmlRng *rng,
                GError **error)
{
  const DmlArch *arch = dml_arch_find (name);
  g_autoptr (DmlGraph) graph = NULL;
  DmlBuilder b = { .rng = rng };
  DmlValue *x;
  int c = 0;

  if (arch == NULL) {
    GString *known = g_string_new (NULL);

    for (size_t i = 0; i < G_N_ELEMENTS (archs); i++)
      g_string_append_printf (known, "%s%s", i ? ", " : "", archs[i]->name);
    dml_fail (error, NOT_FOUND, "no architecture \"%.64s\"; there are %s", name,
              known->str);
    g_string_free (known, TRUE);
    return NULL;
  }
  if (!options_check (options, error))
    return NULL;
  graph = b.graph = dml_graph_new (name, 17);
  x = dml_graph_add_input (graph, "image", DML_F32,
                           &DML_SHAPE (DML_DIM_FREE, options->channels,
                                       options->height, options->width),
                           &b.error);
  x = arch->trunk (&b, x, options, &c);
  if (!build_head (&b, options, x, c) || !dml_graph_finish (graph, &b.error) ||
      !dml_graph_infer (graph, 1, &b.error)) {
    g_prefix_error (&b.error, "%s: ", name);
    g_propagate_error (error, b.error);
    return NULL;
  }
  dml_graph_forget (graph);
  return g_steal_pointer (&graph);
}
