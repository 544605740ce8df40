/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A run as a page for a browser: report.html. */
#pragma once

#include "train/trainer.h"

/* Draws run.jsonl as it stands on disk: curves, the best line and every line,
 * thresholds, settings. One file that refers to no other. `test`: figures of
 * the test classes, at the end; NULL before. */
gboolean dml_page_write (const DmlTrainer *t, const DmlMeasures *test,
                         GError **error);
