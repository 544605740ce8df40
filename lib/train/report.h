/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What a run leaves for people and programs: encoder.onnx's metadata, lines of
 * run.jsonl, config.ini, the last figures. docs/training.md describes them. */
#pragma once

#include "train/trainer.h"

gboolean dml_report_config (DmlTrainer *t, GError **error);

/* Drops lines of run.jsonl that the checkpoint does not know of. */
gboolean dml_report_resume (DmlTrainer *t, GError **error);

/* The command that makes this encoder again. (transfer full) */
char *dml_report_command (const DmlTrainer *t);

/* Keys of DESIGN's table for the weights of this epoch. (transfer full) */
GHashTable *dml_report_metadata (const DmlTrainer *t, const DmlEpoch *epoch);

/* The file just written, opened as any program would, gives the same embeddings
 * as the network in memory. FORMAT where it does not. */
gboolean dml_report_check_encoder (DmlTrainer *t, const char *path,
                                   GError **error);
/* encoder.onnx anew from itself, with what settings say of it now. */
gboolean dml_report_restate (DmlTrainer *t, GError **error);

gboolean dml_report_epoch (DmlTrainer *t, const DmlEpoch *epoch,
                           GError **error);

/* Test classes through encoder.onnx, thresholds applied to them. */
gboolean dml_report_finish (DmlTrainer *t, GError **error);
