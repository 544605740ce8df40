/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Pictures in a folder and all below it. */
#pragma once

#include <dml/dml-error.h>

G_BEGIN_DECLS

/**
 * DmlFolderKind:
 * @DML_FOLDER_PICTURE: a file that is a picture by its name, or a name of a
 *   picture with no file behind it
 * @DML_FOLDER_NO_FILE: the name of a picture on a pipe, a socket or a device:
 *   not to be opened, as that may wait for ever
 * @DML_FOLDER_SHUT: a folder that cannot be read, or lies too deep
 * @DML_FOLDER_LOOP: a link to a folder above, whose pictures come anyway
 * @DML_FOLDER_OTHER: a file that is no picture by its name
 *
 * What dml_folder_walk() finds.
 */
typedef enum {
  DML_FOLDER_PICTURE,
  DML_FOLDER_NO_FILE,
  DML_FOLDER_SHUT,
  DML_FOLDER_LOOP,
  DML_FOLDER_OTHER,
} DmlFolderKind;

/**
 * DmlFolderItem:
 * @kind: what it is
 * @path: where it lies
 * @below: the folder that it lies in as a path from the one that was named,
 *   "" for that itself: the label of a picture
 * @problem: (nullable): why it is left alone, of %DML_FOLDER_NO_FILE,
 *   %DML_FOLDER_SHUT and %DML_FOLDER_LOOP
 *
 * One thing that was found. Valid during the call that hands it over.
 */
typedef struct {
  DmlFolderKind kind;
  const char *path;
  const char *below;
  const char *problem;
} DmlFolderItem;

/**
 * DmlFolderFunc:
 * @item: what was found
 * @data: as given
 * @error: return location for a #GError
 *
 * Returns: %FALSE with an error to stop
 */
typedef gboolean (*DmlFolderFunc) (const DmlFolderItem *item, gpointer data,
                                   GError **error);

/**
 * dml_folder_walk: (skip)
 * @path: (type filename): a folder
 * @func: (scope call): is told of everything in it
 * @data: handed to @func
 * @error: (nullable): return location for a #GError
 *
 * Goes through a folder and all below it, links followed, in the order of names
 * byte by byte. Passed over are hidden files and folders and what others leave
 * beside pictures: __MACOSX (a Mac's archiver) and @eaDir (a Synology's
 * thumbnails). Nothing that is found ends the walk: that is for @func to do.
 *
 * Returns: %FALSE with #DML_ERROR_NOT_FOUND where @path itself cannot be read,
 *   or with the error of @func
 */
DML_API gboolean dml_folder_walk (const char *path, DmlFolderFunc func,
                                  gpointer data, GError **error);

/**
 * dml_folder_is_picture_name:
 * @name: a file's name without its folder
 *
 * By the ending only, also of kinds that are not decoded: they are to be
 * counted, not overlooked.
 *
 * Returns: whether a file of this name is taken for a picture
 */
DML_API gboolean dml_folder_is_picture_name (const char *name);

/**
 * dml_folder_is_passed_over:
 * @name: a name without the folder before it
 *
 * Returns: whether a file or folder of this name is hidden, or what an archiver
 *   of a Mac leaves beside pictures
 */
DML_API gboolean dml_folder_is_passed_over (const char *name);

G_END_DECLS
