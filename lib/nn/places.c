/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Who lies where. */
#include "nn/places.h"

DmlPlaces *
dml_places_new (const DmlGraph *graph)
{
  const size_t n = graph->values->len;
  DmlPlaces *places = g_new0 (DmlPlaces, 1);

  places->graph = graph;
  places->last_read = g_new0 (unsigned, 4 * n);
  places->root = places->last_read + n;
  places->first = places->root + n;
  places->last = places->first + n;
  return places;
}

void
dml_places_free (DmlPlaces *places)
{
  if (places == NULL)
    return;
  g_free (places->last_read);
  g_free (places);
}

gboolean
dml_node_runs (const DmlNode *node)
{
  for (unsigned i = 0; i < node->n_out; i++)
    if (node->out[i] != NULL && node->out[i]->known == NULL)
      return TRUE;
  return FALSE;
}

static gboolean
is_view (const DmlPlaces *p, const DmlNode *node)
{
  return (node->op->flags & DML_OP_VIEW) &&
         !(p->training && (node->op->flags & DML_OP_RANDOM));
}

/* Whether output 0 may be written over input 0: the node says so, and it is the
 * last to read what lies there. */
static gboolean
may_overwrite (const DmlPlaces *p, const DmlNode *node)
{
  const unsigned root = p->root[node->in[0]->index];

  if (!(node->op->flags & DML_OP_INPLACE) || p->last[root] > node->index + 1 ||
      node->in[0]->dtype != node->out[0]->dtype ||
      !dml_shape_equal (dml_node_in_shape (node, 0),
                        dml_node_out_shape (node, 0)))
    return FALSE;
  for (unsigned k = 1; k < node->n_in; k++)
    if (dml_value_is_data (node->in[k]) &&
        p->root[node->in[k]->index] == root && node->in[k] != node->in[0])
      return FALSE; /* the same place in another shape */
  return TRUE;
}

static void
place_output (DmlPlaces *p, const DmlNode *node, unsigned k)
{
  const DmlValue *value = node->out[k];
  const unsigned v = value->index;

  if (k == 0 && !p->apart && node->n_in > 0 &&
      dml_value_is_data (node->in[0]) &&
      (is_view (p, node) || may_overwrite (p, node))) {
    p->root[v] = p->root[node->in[0]->index];
  } else {
    p->root[v] = v;
    p->first[v] = p->last[v] = node->index + 1;
  }
  p->last[p->root[v]] = MAX (p->last[p->root[v]], p->last_read[v]);
}

void
dml_places_find (DmlPlaces *p)
{
  for (unsigned i = 0; i < p->graph->values->len; i++)
    p->root[i] = DML_NOWHERE;
  for (unsigned i = 0; i < p->graph->inputs->len; i++) {
    const DmlValue *value = g_ptr_array_index (p->graph->inputs, i);

    p->root[value->index] = value->index;
    p->last[value->index] = p->last_read[value->index];
  }
  for (unsigned i = 0; i < p->graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (p->graph, i);

    for (unsigned k = 0; dml_node_runs (node) && k < node->n_out; k++)
      if (dml_value_is_data (node->out[k]))
        place_output (p, node, k);
  }
}
