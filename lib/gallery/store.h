/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The SQLite side of a gallery: connection, checks, transactions, and SQLite's
 * result codes in our words. Knows the tables, not what is done with them.
 * Caller's: gallery.c holds its lock around every call. */
#pragma once

#include <dml/dml-encoder.h>
#include <sqlite3.h>
#include <sys/types.h>

#define STORE_APPLICATION_ID 0x444d4c47 /* "DMLG" */
#define STORE_VERSION_MAJOR 1           /* user_version = 100 major + minor */
#define STORE_VERSION_MINOR 1
#define STORE_DIM_MAX 65536
#define STORE_LABEL_MAX (64 << 10) /* bytes of a label */
#define STORE_BLOB_MAX (64 << 20)  /* bytes of any one value */

/* Whose embeddings: what an encoder says of itself. */
typedef struct {
  char *fingerprint; /* 64 hexadecimal digits */
  char *name;
  guint dim; /* 1 .. STORE_DIM_MAX */
  DmlMetric metric;
} DmlSpace;

/* 64 hexadecimal digits, of lower case. */
gboolean dml_is_sha256 (const char *text);

void dml_space_clear (DmlSpace *space);
DmlSpace dml_space_copy (const DmlSpace *space);

/* FALSE and MISMATCH, naming both, where they are not the same. */
gboolean dml_space_check (const DmlSpace *have, const DmlSpace *want,
                          const char *path, GError **error);

typedef struct {
  sqlite3 *db;
  char *path; /* as the caller wrote it, for messages */
  char *file; /* absolute: a later chdir() changes nothing */
  gboolean write;
  dev_t device; /* of the file that was opened */
  ino_t inode;
  DmlSpace space;
  gint64 n_bytes;   /* dml_store_bound_work: what the pages hold */
  gint64 work_left; /* of a bounded reading */
} DmlStore;

typedef sqlite3_stmt DmlStmt;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlStmt, sqlite3_finalize)

/* Makes a new gallery file, whole or not at all. A file that is there already
 * is left alone and no error: open it. */
gboolean dml_store_create (const char *path, const DmlSpace *space,
                           GError **error);

/* The same in steps, for a gallery that is filled before it is seen: a new file
 * under another name in the folder of @path (transfer full), ...  */
char *dml_store_create_unnamed (const char *path, const DmlSpace *space,
                                GError **error);
/* ... which gets its own, unless that is *taken; ... */
gboolean dml_store_name (const char *path, const char *name, gboolean *taken,
                         GError **error);
/* ... and loses the other one. Frees @name; NULL is fine. */
void dml_store_drop_name (char *name);

/* Opens a file that is there and checks that it is a gallery. */
DmlStore *dml_store_open (const char *path, gboolean write, GError **error);

/* Closes; where nobody else has it open, one file is left. NULL is fine. */
void dml_store_close (DmlStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlStore, dml_store_close)

/* Whether the path still leads to the file that is open: someone may have moved
 * another one there. NOT_FOUND where nothing is there any more. */
gboolean dml_store_is_current (DmlStore *store, gboolean *current,
                               GError **error);

/* Sets @error from what SQLite says: "shop.bin: <doing>: <why, what to do>".
 * Always FALSE. */
gboolean dml_store_fail (DmlStore *store, int rc, const char *doing,
                         GError **error);

gboolean dml_store_exec (DmlStore *store, const char *sql, const char *doing,
                         GError **error);
DmlStmt *dml_store_prepare (DmlStore *store, const char *sql, const char *doing,
                            GError **error);

/* *row is FALSE at the end of the rows. */
gboolean dml_store_step (DmlStore *store, DmlStmt *stmt, gboolean *row,
                         const char *doing, GError **error);
/* For a statement without rows; resets it for the next use. */
gboolean dml_store_run (DmlStore *store, DmlStmt *stmt, const char *doing,
                        GError **error);

/* Text of a column, NULL where it is no sound UTF-8 of at most @most bytes. */
const char *dml_store_text (DmlStmt *stmt, int column, gsize most);

/* As dates are stored: UTC, ISO 8601. (transfer full) */
char *dml_store_now (void);

/* Schema 1.1: whether items tell what they were made of (content, views), and
 * making that so, within the transaction of a change. */
gboolean dml_store_has_origin (DmlStore *store, gboolean *has, GError **error);
gboolean dml_store_add_origin (DmlStore *store, GError **error);

/* The one number that a statement gives; FORMAT where it gives none. */
gboolean dml_store_number (DmlStore *store, const char *sql, gint64 *number,
                           GError **error);

gboolean dml_store_revision (DmlStore *store, gint64 *revision, GError **error);

/* Changes whenever another connection has committed, by hand too. */
gboolean dml_store_data_version (DmlStore *store, gint64 *version,
                                 GError **error);

/* From here on, statements may take as many steps as a sound file of this size
 * can need; more is FORMAT. Call before reading everything. */
gboolean dml_store_bound_work (DmlStore *store, GError **error);
void dml_store_unbound_work (DmlStore *store);

/* Everything read between the two is of one revision, and bounded. */
gboolean dml_store_read_begin (DmlStore *store, GError **error);
void dml_store_read_end (DmlStore *store);

/* Time to wait for other processes before BUSY; for tests. */
void dml_store_set_timeout_ms (int timeout_ms);
void dml_store_restore_timeout (DmlStore *store);
