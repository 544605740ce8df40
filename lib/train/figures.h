/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Figures as JSON members: the same names in run.jsonl, in an encoder's
 * dml.measures and in what dml-eval prints. */
#pragma once

#include "train/measures.h"

#include <json-glib/json-glib.h>

void dml_figures_add_number (JsonBuilder *b, const char *name, double value);
void dml_figures_add_count (JsonBuilder *b, const char *name, guint64 value);
void dml_figures_add_text (JsonBuilder *b, const char *name, const char *text);
/* What follows is its; ended by json_builder_end_array() and _end_object(). */
void dml_figures_begin_array (JsonBuilder *b, const char *name);
void dml_figures_begin_object (JsonBuilder *b, const char *name);
/* Left out where both ends are 0: not measured. */
void dml_figures_add_interval (JsonBuilder *b, const char *name,
                               const DmlInterval *interval);

/* Retrieval and open set. */
void dml_figures_add_measures (JsonBuilder *b, const DmlMeasures *measures);

/* One line; takes the builder. (transfer full) */
char *dml_figures_to_text (JsonBuilder *b);
