/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Looks for the photograph of an item: where it was, and by what it shows among
 * files that are named. Caller's. */
#pragma once

#include <dml/dml-galleries.h>
#include <dml/dml-photograph.h>

typedef struct _DmlFinder DmlFinder;

/* @folder: where relative paths count from too, beside the working directory.
 * @photos: (nullable) NULL-ended, the caller's; read when first needed. */
DmlFinder *dml_finder_new (const char *folder, const char *const *photos);
void dml_finder_free (DmlFinder *finder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlFinder, dml_finder_free)

/* What is known of it; each may be NULL. */
typedef struct {
  const char *source;  /* its path */
  const char *content; /* SHA-256 of the file; else it is told by its ... */
  GBytes *thumbnail;   /* ... and where there is none either, by the path */
} DmlWanted;

/* (transfer full) and its path; or NULL, why not, and in *why, where it could
 * not be read, the words for that. */
DmlPhotograph *dml_finder_find (DmlFinder *finder, const DmlWanted *wanted,
                                char **path, DmlLostReason *reason, char **why);
