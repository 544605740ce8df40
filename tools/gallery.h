/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-gallery's commands: each has its options, its table and its JSON
 * (docs/programs.md). gallery_path is the FILE of the command line. */
#pragma once

#include "cli.h"

extern const char *gallery_path;

CliExit gallery_enroll (int argc, char **argv);
CliExit gallery_list (int argc, char **argv);
CliExit gallery_show (int argc, char **argv);
CliExit gallery_remove (int argc, char **argv);
CliExit gallery_rename (int argc, char **argv);
CliExit gallery_data (int argc, char **argv);
CliExit gallery_search (int argc, char **argv);
CliExit gallery_calibrate (int argc, char **argv);
CliExit gallery_verify (int argc, char **argv);
CliExit gallery_export (int argc, char **argv);
CliExit gallery_reembed (int argc, char **argv);
CliExit gallery_diff (int argc, char **argv);
CliExit gallery_merge (int argc, char **argv);

/* The encoder that --encoder names, the built-in one for NULL. Says once that a
 * placeholder is one. */
DmlEncoder *gallery_encoder (const char *path, GError **error);

/* gallery_path and another one, which is read only. */
gboolean gallery_open_two (DmlGalleryFlags flags, DmlGallery **gallery,
                           const char *other_path, DmlGallery **other,
                           GError **error);

/* FALSE, and what to exit with, unless --views may be that many. */
gboolean gallery_views_allowed (int views, CliExit *exit_code);

/* cli_fail(), with --encoder's name where the encoder is not the gallery's. */
CliExit gallery_fail (const GError *error);

/* The snapshot of gallery_path as it stands now, opened for reading. */
DmlSnapshot *gallery_snapshot (DmlGallery **gallery, GError **error);

/* The label's index, or -1 with an error that names the nearest one. */
int gallery_find_label (DmlSnapshot *snapshot, const char *wanted,
                        GError **error);

/* A sheet (PNG): a row a query, its picture and the hits' thumbnails beside it,
 * framed by decision. */
typedef struct {
  char *path;
  DmlMatch *match;
} GalleryAnswer;
gboolean gallery_write_sheet (const char *path, DmlGallery *gallery,
                              const GalleryAnswer *answers, guint n,
                              GError **error);
