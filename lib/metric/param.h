/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Named, range-checked settings of losses, miners and samplers, written
 * `name:key=value,key=value`. The same tables parse options, print help and
 * fill the record of a run. */
#pragma once

#include <glib.h>
#include <math.h>
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
  double fallback[DML_SEMANTICS_N]; /* default by semantics; NaN: see help */
  const char *help;                 /* one line, without a full stop */
  const char *words; /* "no|yes": the value is a word's place; NULL: a number */
  gboolean whole;    /* a whole number */
} DmlParam;

/* At most this many settings a table. */
#define DML_PARAM_MAX 24

/* Rows of a table. */
#define DML_PARAM_NUMBER(name, low, high, paper, pml, help)                    \
  {                                                                            \
    name, low, high, { paper, pml }, help, NULL, FALSE                         \
  }
#define DML_PARAM_WHOLE(name, low, high, paper, pml, help)                     \
  {                                                                            \
    name, low, high, { paper, pml }, help, NULL, TRUE                          \
  }
#define DML_PARAM_WORD(name, last, paper, pml, words, help)                    \
  {                                                                            \
    name, 0, last, { paper, pml }, help, words, FALSE                          \
  }
#define DML_PARAM_SWITCH(name, paper, pml, help)                               \
  DML_PARAM_WORD (name, 1, paper, pml, "no|yes", help)
#define DML_PARAM_SEMANTICS                                                    \
  DML_PARAM_WORD ("semantics", 1, DML_SEMANTICS_PAPER, DML_SEMANTICS_PML,      \
                  "paper|pml",                                                 \
                  "whose formula and defaults: the paper's or "                \
                  "pytorch-metric-learning's")
/* A default that hangs on another setting; the help says on which. */
#define DML_PARAM_LATER ((double) NAN)
#define DML_PARAM_END                                                          \
  {                                                                            \
    NULL, 0, 0, { 0, 0 }, NULL, NULL, FALSE                                    \
  }

/* What a member of a family is called, and what it can be told. */
typedef struct {
  const char *name;
  const char *source; /* paper and equation, as in docs/bibliography.md */
  const char *help;   /* one line */
  const DmlParam *params;
} DmlMemberInfo;

/* Place of @name in @table, or -1. */
int dml_param_find (const DmlParam *table, const char *name);

/* Fills values[i] for table[i] from "key=value,key=value" (NULL or "": only
 * defaults, those of the semantics that the text names). INVALID names @who
 * ("loss triplet"), the key or value found and what is allowed. */
gboolean dml_param_resolve (const DmlParam *table, const char *who,
                            const char *text, double *values, GError **error);

/* Whether @value is allowed for the setting; INVALID says what is. */
gboolean dml_param_check (const DmlParam *param, const char *who, double value,
                          GError **error);

/* Splits "name:settings" and finds the name among @n members: its place, or -1
 * with INVALID that lists the names. *settings points into @spec. */
int dml_member_find (const char *spec, const char *family, size_t n,
                     const DmlMemberInfo *(*member) (size_t),
                     const char **settings, GError **error);
