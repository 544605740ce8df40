/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A snapshot with what else tells its items from others: for comparing whole
 * galleries. */
#pragma once

#include "gallery/snapshot.h"

/* Of the rows of the snapshot. Texts are NULL where they are not known. */
typedef struct {
  DmlSnapshot *snapshot;
  GStringChunk *text;
  const char **content;   /* SHA-256 of the photograph's file */
  const char **thumbnail; /* SHA-256 of the thumbnail; NULL: not asked for */
  const char **source;
} DmlMarks;

gboolean dml_marks_load (DmlGallery *gallery, gboolean thumbnails,
                         DmlMarks *marks, GError **error);
void dml_marks_clear (DmlMarks *marks);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DmlMarks, dml_marks_clear)
