/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A row of the table of items, whole: how each is written and, where whole
 * galleries are read, checked and read. */
#pragma once

#include "gallery/store.h"

/* What it points to is its maker's: the caller's of an insertion, the
 * statement's of a reading, up to the next row. */
typedef struct {
  gint64 id; /* 0, of one to be written: the next there is */
  gint64 label_id;
  const void *vector;    /* as it is stored: dim little-endian floats */
  const void *probe;     /* the same, nullable */
  double quality;        /* 0..1, otherwise not known */
  const char *source;    /* nullable; UTF-8 */
  const char *added;     /* UTC, ISO 8601 */
  const void *thumbnail; /* nullable */
  gsize n_thumbnail;
  const char *content; /* nullable: 64 hexadecimal digits */
  guint views;         /* 1 .. DML_VIEWS_MAX, 0: not known */
} DmlStoredItem;

#define DML_VIEWS_MAX 256

/* All rows in order of their ids; dml_stored_item_next() goes to the next one:
 * *row is FALSE at the end. A damaged vector is an error that names the item;
 * other things that are not what they should be are left out. */
DmlStmt *dml_stored_items (DmlStore *store, GError **error);
gboolean dml_stored_item_next (DmlStore *store, DmlStmt *stmt,
                               DmlStoredItem *item, gboolean *row,
                               GError **error);

/* Schema 1.1 is there (dml_store_add_origin). *id: the one it got. */
DmlStmt *dml_stored_item_insert (DmlStore *store, GError **error);
gboolean dml_stored_item_add (DmlStore *store, DmlStmt *stmt,
                              const DmlStoredItem *item, gint64 *id,
                              GError **error);

/* Tags go with their item. */
gboolean dml_stored_tags_copy (DmlStore *from, gint64 from_item, DmlStore *to,
                               gint64 to_item, GError **error);

/* Writes @vector as it is stored: of unit length where the metric is cosine.
 * INVALID where it has no direction or is not finite; @number names it. */
gboolean dml_vector_pack (DmlStore *store, const float *vector, size_t number,
                          float *blob, GError **error);
