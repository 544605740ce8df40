/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The inside of an answer, and making a matcher without an encoder. */
#pragma once

#include <dml/dml-gallery.h>

#include "gallery/classify.h"
#include "gallery/snapshot.h"

typedef struct {
  guint32 label;
  gint64 item;
  double similarity;
} DmlMatchHit;

struct _DmlMatch {
  gint ref_count;    /* atomic */
  DmlLabels *labels; /* whose names and data are handed out */
  DmlDecision decision;
  DmlReason reason;
  gint label, runner_up; /* index into labels, -1 for none */
  gint64 item;           /* -1 for none */
  double similarity, margin, confidence;
  double threshold, least_margin; /* what was asked for */
  const char *origin;             /* of the threshold; static */
  double edge;        /* the rate it is for, where no other is told; else 0 */
  gboolean prototype; /* similarity is to the mean of the label's items */
  char *explanation;  /* NULL until asked for; set once, atomically */
  guint n_hits;
  DmlMatchHit hits[]; /* the nearest first */
};

DmlMatch *dml_match_alloc (DmlLabels *labels, guint n_hits);

struct _DmlMatcher {
  gint ref_count;        /* atomic */
  DmlSnapshot *snapshot; /* the labels that count */
  const DmlClassifierClass *klass;
  gpointer model;
  DmlMatcher *lender;  /* whose model it is; NULL for one of its own */
  DmlSnapshot *source; /* before the label filter */
  char **only;         /* the filter, or NULL */
  guint k;
  double threshold; /* fixed; unused where n_crowd > 0 */
  double lead;      /* over dml_crowd() of the next n_crowd labels */
  guint n_crowd;    /* 0: the threshold is fixed */
  double margin;
  const char *origin; /* static */
  double edge;        /* as DmlMatch's */
  char *in_words;     /* where the threshold comes from, for people */
  char *warning;      /* NULL, or why that may be out of date */
};

/* dml_matcher_new() with the encoder's threshold for the wished rate, or NULL
 * where it has none. */
DmlMatcher *dml_matcher_new_with (DmlSnapshot *snapshot,
                                  const DmlThreshold *encoders,
                                  const DmlMatcherOptions *options,
                                  GError **error);

/* decide.c: DML_CROWD_SHARE of the mean similarity of the @n_crowd nearest
 * labels but @label; of fewer where there are fewer, 0 where there is none. */
double dml_crowd (const DmlNear *near, guint label, guint n_crowd);

/* The answer to one query. */
DmlMatch *dml_decide (const DmlMatcher *matcher, const float *query);
