/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Which values share a place, and from when to when a place is taken.
 *
 * Steps count node runs: 0 is before the first node, node i runs at step i + 1.
 * An executor fills last_read, calls dml_places_find, and plans one item for
 * each root (planner.h). */
#pragma once

#include "nn/op.h"

#define DML_NOWHERE G_MAXUINT

typedef struct {
  const DmlGraph *graph;
  gboolean training;   /* DML_OP_RANDOM makes no view then */
  gboolean apart;      /* no sharing of any kind; for tests */
  unsigned *last_read; /* by value: the step of its last reader, or 0 */
  unsigned *root;      /* by value: the one whose place it has, or NOWHERE */
  unsigned *first;     /* by root: steps that its place is taken, */
  unsigned *last;      /* over all values that lie there */
} DmlPlaces;

DmlPlaces *dml_places_new (const DmlGraph *graph);
void dml_places_free (DmlPlaces *places);

/* Values that follow from constants have no place; neither has what nodes that
 * do not run would make. */
void dml_places_find (DmlPlaces *places);

/* Nodes whose results inference knows do not run. */
gboolean dml_node_runs (const DmlNode *node);

/* A value that has data at run time only. */
static inline gboolean
dml_value_is_data (const DmlValue *value)
{
  return value != NULL && value->known == NULL && value->constant == NULL;
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlPlaces, dml_places_free)
