/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What a gallery should hold: changes as lines of text, applied to a table in
 * memory and to a file, and the comparison of the two.
 *
 *   E <label> <number>...   enrol the vectors of these numbers
 *   I <number>              remove the item of that number
 *   L <label>               remove a label
 *   N <label> <label>       rename, merging
 *   C                       calibrate: changes no item
 *
 * Labels are words; a vector's number names it (fixture_vector). */
#pragma once

#include "gallery_fixture.h"

typedef struct {
  GHashTable *label_of; /* number (guint64 *) -> label (char *) */
} Model;

void model_init (Model *model);
void model_clear (Model *model);
void model_copy (Model *model, const Model *from);

/* FALSE where nothing changed: there is no such label or item. */
gboolean model_apply (Model *model, const char *line);

/* What the file holds: each item's source is its number, its vector that of the
 * number. */
void model_read (Model *model, DmlGallery *gallery);

gboolean model_equal (const Model *a, const Model *b);
char *model_print (const Model *model);

/* Does to the file what the line says. FALSE and @error as the gallery says. */
gboolean model_change_file (const char *line, DmlGallery *gallery,
                            GError **error);

/* A line that makes sense for @model, new vectors numbered from *number on. */
char *model_draw (const Model *model, DmlRng *rng, guint64 *number);
