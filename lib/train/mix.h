/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Several losses at once: "cosface:margin=0.1+multi_similarity:weight=0.5". */
#pragma once

#include "metric/loss.h"

#define DML_MIX_MAX 8

typedef struct {
  DmlLoss *loss;
  gboolean pairwise; /* no class weights: sees what lies before a split neck */
  double margin;     /* where a rising margin ends; NaN for none */

  /* health.c: whether it stands where it would if all embeddings were one */
  double value;        /* of the last step */
  double collapse;     /* its value then; NaN where that says nothing */
  gboolean measured;   /* collapse is known */
  guint collapsed_for; /* steps in a row near it */
} DmlMixPart;

typedef struct {
  DmlMixPart part[DML_MIX_MAX];
  size_t n;
} DmlMix;

/* `specs`: losses by "+". INVALID as dml_loss_new, or more than DML_MIX_MAX. */
gboolean dml_mix_init (DmlMix *mix, const char *specs,
                       const DmlLossSetup *setup, GError **error);
void dml_mix_clear (DmlMix *mix);

/* Softmax margins at a share (0..1) of their ramp. */
void dml_mix_set_ramp (DmlMix *mix, double share);

/* Label smoothing of the losses that know it. */
void dml_mix_set_smoothing (DmlMix *mix, double smoothing);
