/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A disk that fails: SQLite's own one, whose n-th change from now on (write,
 * sync, truncation, removal, new file, new page of shared memory) goes wrong,
 * and from then on every one or none. */
#pragma once

#include <glib.h>

typedef enum {
  FAULT_ONCE,  /* an error of the device; the next call works */
  FAULT_FULL,  /* no space, and there will be none */
  FAULT_BREAK, /* an error of the device, and it stays broken */
} FaultMode;

/* Once, before SQLite is first used. */
void fault_vfs_install (void);

/* The n-th change fails, counted from 1; 0 switches it off. */
void fault_vfs_arm (guint n, FaultMode mode);

/* Whether anything has failed since it was armed. */
gboolean fault_vfs_struck (void);
