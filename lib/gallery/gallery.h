/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A gallery as its own files see it: the lock, and how a change is made. */
#pragma once

#include <dml/dml-gallery.h>

#include "gallery/store.h"

struct _DmlGallery {
  gint ref_count; /* atomic */
  char *path;     /* as the caller wrote it */
  gboolean write;

  GRecMutex lock;      /* guards all below; held from begin to commit */
  DmlStore *store;     /* replaced when another file is moved to the path */
  DmlSpace space;      /* never changes */
  gboolean in_session; /* between begin and commit */
  gboolean raised;     /* the revision, in the transaction that is open */
  gboolean removed;    /* something, since the log was last taken in */
  GError *lost;        /* why SQLite gave up the session's transaction */

  DmlSnapshot *snapshot; /* nullable: the last one made, of the revision ... */
  gint64 data_version;   /* ... and this sqlite data_version */
};

/* dml_gallery_open() for who knows the embeddings but has no encoder. A NULL
 * @space is not checked; it is needed to create. */
DmlGallery *dml_gallery_open_space (const char *path, DmlGalleryFlags flags,
                                    const DmlSpace *space, GError **error);

/* A gallery in a file without its name yet (dml_store_create_unnamed), for who
 * alone will fill it; @path is what messages call it. Nothing lies beside it
 * when it is closed, whatever fails. */
DmlGallery *dml_gallery_open_unnamed (const char *name, const char *path,
                                      GError **error);

/* What an encoder says of itself; its own strings. */
DmlSpace dml_space_of (const DmlEncoder *encoder);

/* A change: lock, transaction (or savepoint within a session); then
 *   return dml_gallery_change_end (gallery, work (gallery), error);
 * which commits and raises the revision where the work said TRUE, and undoes
 * otherwise. */
gboolean dml_gallery_change_begin (DmlGallery *gallery, const char *doing,
                                   GError **error);
gboolean dml_gallery_change_end (DmlGallery *gallery, gboolean ok,
                                 GError **error);

/* Locks and makes sure that the path's own file is open. FALSE: not locked. */
gboolean dml_gallery_lock_current (DmlGallery *gallery, GError **error);
void dml_gallery_unlock (DmlGallery *gallery);

/* The id of a label; NOT_FOUND names the nearest there is. Locked. */
gboolean dml_gallery_find_label (DmlGallery *gallery, const char *label,
                                 gint64 *id, GError **error);

/* The id of a label that is made where there is none. Within a change. */
gboolean dml_gallery_add_label (DmlGallery *gallery, const char *label,
                                gint64 *id, GError **error);

/* INVALID where @label cannot be a name. */
gboolean dml_label_check (const char *label, const char *path, GError **error);
