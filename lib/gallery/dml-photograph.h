/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A photograph that goes into a gallery: its picture, and what tells it from
 * others. */
#pragma once

#include <dml/dml-image.h>

G_BEGIN_DECLS

/**
 * DML_PHOTOGRAPH_VIEWS:
 *
 * Views of a photograph that its embedding in a gallery is the mean of, where
 * nobody says otherwise.
 */
#define DML_PHOTOGRAPH_VIEWS 12

/**
 * DmlPhotograph:
 *
 * A picture file, read once: what is decoded is what the content is of.
 * Immutable, reference-counted.
 */
typedef struct _DmlPhotograph DmlPhotograph;

#define DML_TYPE_PHOTOGRAPH (dml_photograph_get_type ())
DML_API GType dml_photograph_get_type (void);

/**
 * dml_photograph_load:
 * @path: (type filename): a JPEG, PNG or WebP file
 * @error: (nullable): return location for a #GError
 *
 * Returns: (transfer full) (nullable): the photograph, or %NULL as
 *   dml_picture_load() says
 */
DML_API DmlPhotograph *dml_photograph_load (const char *path, GError **error);
DML_API DmlPhotograph *dml_photograph_ref (DmlPhotograph *photograph);
DML_API void dml_photograph_unref (DmlPhotograph *photograph);

/**
 * dml_photograph_get_picture:
 * @photograph: a #DmlPhotograph
 *
 * Returns: (transfer none): the decoded picture
 */
DML_API DmlPicture *dml_photograph_get_picture (DmlPhotograph *photograph);

/**
 * dml_photograph_get_content:
 * @photograph: a #DmlPhotograph
 *
 * Returns: (transfer none): SHA-256 of the file's bytes, 64 hexadecimal digits:
 *   `content` of #DmlItemInfo
 */
DML_API const char *
dml_photograph_get_content (const DmlPhotograph *photograph);

/**
 * dml_photograph_make_thumbnail:
 * @photograph: a #DmlPhotograph
 * @error: (nullable): return location for a #GError
 *
 * The small JPEG that galleries show for it: transparency on white, 96 pixels
 * on the longer side. Always the same for the same picture.
 *
 * Returns: (transfer full) (nullable): a JPEG, or %NULL with
 *   #DML_ERROR_NO_MEMORY
 */
DML_API GBytes *dml_photograph_make_thumbnail (DmlPhotograph *photograph,
                                               GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlPhotograph, dml_photograph_unref)

G_END_DECLS
