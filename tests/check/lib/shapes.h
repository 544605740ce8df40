/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A data set that a test makes: coloured shapes, one combination a class, on
 * coloured noise. */
#pragma once

#include <dml/dml-image.h>

/* A picture of class `label`, another one for every `number`. */
DmlPicture *shapes_picture (guint label, guint number, int side);

/* folder/class-00/00.png ... */
void shapes_make (const char *folder, guint n_classes, guint n_pictures,
                  int side);

/* Removes a folder with all in it. */
void shapes_remove (const char *folder);
