/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Where pictures come from: a folder of folders, a tar file (read as a stream,
 * never unpacked to disk), a CSV table. Files in, bytes with a label out. */
#pragma once

#include <dml/dml-image.h>

/* One picture, still encoded. Valid during the call that hands it over. */
typedef struct {
  const char *name;  /* for messages: where it lies */
  const char *label; /* "" = lies in no folder, has no label */
  const char *split; /* what a table says: "train", "val", "test" or NULL */
  gboolean has_box;
  DmlRegion box; /* the part that counts, where has_box */
  GBytes *bytes; /* NULL: `problem` says why it could not be read */
  const char *problem;
} DmlSourceItem;

/* FALSE with an error stops reading. */
typedef gboolean (*DmlSourceFunc) (const DmlSourceItem *item, gpointer data,
                                   GError **error);

/* What was left alone. */
typedef struct {
  size_t n_other;   /* files that are no pictures by their name */
  GPtrArray *notes; /* of char *, lines for people: all else */
  char *top; /* the one folder that all of an archive lies in, with which every
                label of it began; NULL: there is none */
} DmlSourceSummary;

/* Hands over every picture of `path`; *summary is filled in either case, and
 * to be cleared. Folders are read in the order of their names byte by byte, tar
 * files and tables as they stand. Folders below that cannot be read, and links
 * that lead back up, are left alone.
 * NOT_FOUND, FORMAT (neither folder, tar nor table; a bad line is named),
 * or what the function returned. */
gboolean dml_source_read (const char *path, DmlSourceFunc func, gpointer data,
                          DmlSourceSummary *summary, GError **error);
void dml_source_summary_clear (DmlSourceSummary *summary);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DmlSourceSummary, dml_source_summary_clear)

/* Splits a line of CSV (RFC 4180: "..." quotes, "" inside is a quote) in place;
 * `fields` point into it. FALSE for an open quote. */
gboolean dml_source_split_line (char *line, GPtrArray *fields);

/* "photos/grocery-train.tar.gz" -> "grocery-train": what keeps the labels of
 * several sources apart. */
char *dml_source_prefix (const char *path);

/* --- between the files that read sources --- */

/* A file on disk, with what is known of it already. */
gboolean dml_source_hand_over (const char *path, DmlSourceItem *item,
                               DmlSourceFunc func, gpointer data,
                               GError **error);
/* The rows of a table, in their order; lines for people go into `notes`. */
gboolean dml_source_read_table (const char *path, DmlSourceFunc func,
                                gpointer data, GPtrArray *notes,
                                GError **error);
