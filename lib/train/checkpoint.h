/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Checkpoints: named blocks of bytes in one file, written aside and renamed.
 *
 * Layout, all numbers little-endian:
 *   "DMLCKPT\n"  u32 version (1)  u32 n_blocks
 *   n_blocks times: u32 name length, u64 size, the name, the bytes
 *   SHA-256 over everything before it, 32 bytes
 * Floats stand as the machine has them, which is IEEE little-endian wherever
 * this builds. Reading checks the sum first, then every size against what is
 * left of the file before anything is allocated. */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

typedef struct _DmlCheckpoint DmlCheckpoint;

DmlCheckpoint *dml_checkpoint_new (void);
void dml_checkpoint_free (DmlCheckpoint *cp);

/* Names a block. The bytes are not copied and must stay until written. */
void dml_checkpoint_put (DmlCheckpoint *cp, const char *name, const void *data,
                         size_t size);
/* Copied. */
void dml_checkpoint_put_text (DmlCheckpoint *cp, const char *name,
                              const char *text);
void dml_checkpoint_put_u64 (DmlCheckpoint *cp, const char *name,
                             uint64_t value);

/* NO_SPACE, READ_ONLY or IO; the file that was there stays then. */
gboolean dml_checkpoint_write (const DmlCheckpoint *cp, const char *path,
                               GError **error);

/* NOT_FOUND, FORMAT, UNSUPPORTED (a later version), NO_MEMORY. */
DmlCheckpoint *dml_checkpoint_read (const char *path, GError **error);
DmlCheckpoint *dml_checkpoint_parse (GBytes *bytes, const char *name,
                                     GError **error);

/* NULL where there is no such block. */
const void *dml_checkpoint_get (const DmlCheckpoint *cp, const char *name,
                                size_t *size);

/* Copies a block that must have exactly this size; FORMAT otherwise. */
gboolean dml_checkpoint_copy (const DmlCheckpoint *cp, const char *name,
                              void *data, size_t size, GError **error);
gboolean dml_checkpoint_get_u64 (const DmlCheckpoint *cp, const char *name,
                                 uint64_t *value, GError **error);
char *dml_checkpoint_get_text (const DmlCheckpoint *cp, const char *name,
                               GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlCheckpoint, dml_checkpoint_free)
