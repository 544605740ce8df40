/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Named, range-checked settings of losses, miners and samplers, written
 * `name:key=value,key=value`. The same tables parse options, print help and
 * fill the record of a run. */
#pragma once

#include <glib.h>
#include <stddef.h>

typedef enum {
  DML_SEMANTICS_PAPER, /* as the paper prints it; the default */
  DML_SEMANTICS_PML,   /* as pytorch-metric-learning 2.8.1 computes it */
  DML_SEMANTICS_N,
} DmlSemantics;

/* One setting. A table ends with a NULL name. */
typedef struct {
  const char *name;
  double low, high;                 /* both allowed; for words 0, count - 1 */
  double fallback[DML_SEMANTICS_N]; /* default by semantics */
  const char *words; /* "no|yes": the value is a word's place; NULL: a number */
  const char *help;  /* one line, without a full stop */
} DmlParam;

#define DML_PARAM_SWITCH "no|yes"

/* At most this many settings a table, common ones included. */
#define DML_PARAM_MAX 24

/* What a member of a family is called, and what it can be told. */
typedef struct {
  const char *name;
  const char *source; /* paper and equation, as in docs/bibliography.md */
  const char *help;   /* one line */
  const DmlParam *params;
} DmlMemberInfo;

/* Place of @name in @table, or -1. */
int dml_param_find (const DmlParam *table, const char *name);

/* values[i] = the default of table[i] under @semantics. */
void dml_param_defaults (const DmlParam *table, DmlSemantics semantics,
                         double *values);

/* Sets values from "key=value,key=value" (NULL or "" sets nothing). INVALID
 * names @who, the key or value found and what is allowed. */
gboolean dml_param_parse (const DmlParam *table, const char *who,
                          const char *text, double *values, GError **error);

/* "key=value,..." of every setting, as dml_param_parse reads it back. */
char *dml_param_print (const DmlParam *table, const double *values);
