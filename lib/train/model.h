/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The network that is trained: a graph from nothing or from a file, its
 * training executor, what of it is trained and how fast. */
#pragma once

#include "train/config.h"
#include "nn/exec.h"

typedef struct {
  DmlGraph *graph; /* outputs rows of any length */
  DmlGraph
    *encoder; /* what is written: unit rows, one output; the same weights */
  DmlTrain *train; /* of graph */
  size_t batch;    /* rows of `train`: the micro-batch */
  size_t d;        /* of the embedding */
  int out;         /* output of train that the losses see */
  int out_before;  /* with a split neck what pair losses see, else -1 */
  int width, height, channels; /* of the input */
  float mean[3], std[3];
  DmlFit fit;
  char *output;     /* name of the embedding's value in graph */
  char *before;     /* of what the neck gets, where it is split; or NULL */
  char prefix[16];  /* of what was added to a file's graph */
  GHashTable *head; /* names of the parameters after the pooling, as a set */
  size_t n_weights; /* trained numbers */
  gboolean pool_built, neck_built; /* as settings say, not as init has it */
} DmlModel;

/* `settings` are resolved. INVALID, or the errors of reading `init`. */
DmlModel *dml_model_new (const DmlTrainSettings *settings, size_t batch,
                         GError **error);
void dml_model_free (DmlModel *model);

/* model_init.c: graph, input and head from settings->init. */
gboolean dml_model_from_file (DmlModel *model, const DmlTrainSettings *settings,
                              GError **error);

/* A clone to optimise. Shares the weights. */
DmlGraph *dml_model_encoder_graph (const DmlModel *model);
/* What encoder.onnx holds: the same, branches that were trained side by side
 * merged. Errors of dml_graph_merge_branches(). */
DmlGraph *dml_model_written_graph (const DmlModel *model, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlModel, dml_model_free)
