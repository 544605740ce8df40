/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A photograph in steps, for who looks among many for the one that is meant. */
#pragma once

#include <dml/dml-photograph.h>

/* The file's bytes, and (transfer full) their SHA-256. */
GBytes *dml_photograph_read (const char *path, char **content, GError **error);

/* Decodes them. */
DmlPhotograph *dml_photograph_decode (GBytes *bytes, const char *content,
                                      const char *path, GError **error);
