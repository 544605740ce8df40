/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Test cases that each work in a new folder. */
#pragma once

#include <glib.h>

typedef struct {
  const char *name;
  void (*run) (void);
} FolderCase;

/* The folder of the case that runs; it goes with all in it when that ends. */
extern char *folder;

/* As /<module>/<name>. */
void folder_cases_add (const char *module, const FolderCase *cases, size_t n);
