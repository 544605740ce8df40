/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Several losses at once. */
#include "train/mix.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

/* Margins of these grow from 0: they do not train from random weights
 * otherwise (docs/losses.md). */
static const char *const ramped[] = { "cosface", "arcface",
                                      "subcentre_arcface" };

/* Cuts at a "+", but not inside 1e+3: no name begins with a digit. (transfer
 * full) */
static char **
split_specs (const char *specs)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  const char *start = specs;

  for (const char *p = specs;; p++) {
    if (*p == '+' && (g_ascii_isdigit (p[1]) || p[1] == '.'))
      continue;
    if (*p == '+' || *p == '\0') {
      g_autofree char *one = g_strndup (start, (gsize) (p - start));

      g_strv_builder_add (builder, g_strstrip (one));
      start = p + 1;
    }
    if (*p == '\0')
      return g_strv_builder_end (builder);
  }
}

/* What only a whole list can be wrong in. */
static gboolean
check_specs (const char *specs, char **each, GError **error)
{
  if (g_strv_length (each) > DML_MIX_MAX)
    return dml_fail (error, INVALID, "loss: %u losses; at most %d are mixed",
                     g_strv_length (each), DML_MIX_MAX);
  for (; *each != NULL; each++) {
    if (**each == '\0')
      return dml_fail (error, INVALID,
                       "loss: \"%s\": a name is missing; losses are written "
                       "name:key=value+name:key=value",
                       specs);
    if (strncmp (*each, "auto", 4) == 0 && !g_ascii_isalnum ((*each)[4]))
      return dml_fail (error, INVALID,
                       "loss: \"%s\": auto stands alone and has no settings; "
                       "name the losses that it stands for",
                       specs);
  }
  return TRUE;
}

gboolean
dml_mix_init (DmlMix *mix, const char *specs, const DmlLossSetup *setup,
              GError **error)
{
  g_auto (GStrv) each = split_specs (specs);

  memset (mix, 0, sizeof *mix);
  if (!check_specs (specs, each, error))
    return FALSE;
  for (size_t i = 0; each[i] != NULL; i++) {
    DmlMixPart *part = &mix->part[i];
    size_t n_weights;

    part->loss = dml_loss_new (each[i], setup, error);
    if (part->loss == NULL) {
      dml_mix_clear (mix);
      return FALSE;
    }
    mix->n++;
    dml_loss_weights (part->loss, &n_weights);
    part->pairwise = n_weights == 0;
    part->margin = part->collapse = (double) NAN;
    for (size_t j = 0; j < G_N_ELEMENTS (ramped); j++)
      if (strcmp (dml_loss_name (part->loss), ramped[j]) == 0)
        part->margin = dml_loss_get (part->loss, "margin");
  }
  return TRUE;
}

void
dml_mix_clear (DmlMix *mix)
{
  for (size_t i = 0; i < mix->n; i++)
    dml_loss_free (mix->part[i].loss);
  mix->n = 0;
}

void
dml_mix_set_ramp (DmlMix *mix, double share)
{
  for (size_t i = 0; i < mix->n; i++)
    if (!isnan (mix->part[i].margin))
      dml_loss_set (mix->part[i].loss, "margin", share * mix->part[i].margin,
                    NULL);
}

void
dml_mix_set_smoothing (DmlMix *mix, double smoothing)
{
  for (size_t i = 0; i < mix->n; i++)
    if (!isnan (dml_loss_get (mix->part[i].loss, "smoothing")))
      dml_loss_set (mix->part[i].loss, "smoothing", smoothing, NULL);
}
