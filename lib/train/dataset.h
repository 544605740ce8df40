/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The pictures of a run: found, decoded once, shrunk, kept in memory, held
 * apart by class into training, validation and test. */
#pragma once

#include <dml/dml-image.h>
#include <gio/gio.h>

typedef enum {
  DML_SPLIT_TRAIN,
  DML_SPLIT_VAL,  /* chooses the epoch, calibrates */
  DML_SPLIT_TEST, /* read once, at the end */
  DML_SPLIT_DROP, /* on request: neither trained nor evaluated */
  DML_N_SPLITS,
} DmlSplit;

typedef struct {
  char *name;      /* for messages */
  guint32 label;   /* below n_labels */
  guint8 split;    /* DmlSplit */
  guint8 channels; /* 3 or 4 */
  int width, height;
  uint8_t *pixels;    /* rows without gaps; NULL: `packed` holds them */
  GBytes *packed;     /* as JPEG */
  uint64_t hash[2];   /* of the pixels as kept */
  uint64_t mean_hash; /* 8 x 8, brighter than the mean */
} DmlSample;

typedef struct {
  char *name;     /* with the source's name in front where there are several */
  guint32 source; /* which of the sources */
  gboolean none;  /* not a label: pictures that lie in no folder */
  guint n[DML_N_SPLITS];
} DmlLabel;

typedef struct {
  double cache_scale;  /* shorter side kept, as a multiple of input ... */
  int input;           /* ... of this many pixels; 0 = keep 128 */
  DmlFit fit;          /* what is kept round a box */
  size_t cache_bytes;  /* decoded; the rest is packed */
  double bad_share;    /* of unreadable pictures that stops the run */
  guint max_per_class; /* 0 = no bound */
  guint n_threads;
} DmlDatasetOptions;

#define DML_DATASET_NAMED 5 /* unreadable pictures named in the report */

typedef struct {
  guint n_read, n_bad, n_other, n_unlabelled;
  guint n_copies;     /* exact copies within a class, left out */
  guint n_contradict; /* exact copies under different labels, left out */
  guint n_alike;      /* pairs of neighbours by mean hash across classes */
  guint n_packed;     /* kept as JPEG, the memory bound being reached */
  guint n_alpha;      /* with transparency */
  guint n_cut;        /* left out by max_per_class */
  size_t bytes;       /* of pixels and packed pictures */
  int median_side;    /* of the shorter sides as found */
  char *bad[DML_DATASET_NAMED];        /* name: reason */
  char *contradict[DML_DATASET_NAMED]; /* name = name */
  GPtrArray *notes; /* of char *: what else was left alone, in lines */
} DmlDatasetReport;

typedef struct {
  GArray *samples;      /* of DmlSample, in the order of label and name */
  GArray *labels;       /* of DmlLabel, in the order of names */
  gboolean unlabelled;  /* no folder names: every picture is its own class */
  gboolean split_given; /* a table said which picture is of which split */
  DmlDatasetReport report;
} DmlDataset;

typedef void (*DmlDatasetProgress) (guint n_read, gpointer data);

/* Reads all of `sources`. What is unreadable is counted; FORMAT when that is
 * more than options->bad_share, or nothing is left. Uses the pool. */
DmlDataset *dml_dataset_open (const char *const *sources,
                              const DmlDatasetOptions *options,
                              DmlDatasetProgress progress, gpointer data,
                              GCancellable *cancellable, GError **error);
void dml_dataset_free (DmlDataset *set);

/* A view of a picture, valid until *hold is unreffed (it may be NULL) and the
 * data set freed. Thread-safe. */
gboolean dml_dataset_view (const DmlDataset *set, guint i, DmlImage *view,
                           DmlPicture **hold, GError **error);

static inline DmlSample *
dml_dataset_sample (const DmlDataset *set, guint i)
{
  return &g_array_index (set->samples, DmlSample, i);
}

static inline DmlLabel *
dml_dataset_label (const DmlDataset *set, guint i)
{
  return &g_array_index (set->labels, DmlLabel, i);
}

/* Fills in labels' n from the samples' splits. */
void dml_dataset_count (DmlDataset *set);

/* What was found, a line each, for people; `training`: and what training makes
 * of it. (transfer full) */
GPtrArray *dml_dataset_describe (const DmlDataset *set, gboolean training);

/* Holds classes out: by the lines of `file` ("" = none) or, where that is ""
 * and no table said it, a share of the classes drawn with `seed`, half of them
 * for validation and half for test. Classes with one picture stay in training.
 * INVALID names the line of the file. */
gboolean dml_dataset_split (DmlDataset *set, const char *file, double share,
                            uint64_t seed, GError **error);

/* Leaves out all that is not of `split`, as the lines of `file` say ("" = as
 * the table said). INVALID where neither says it, NOT_FOUND and INVALID as
 * above, FORMAT where nothing is left. */
gboolean dml_dataset_keep (DmlDataset *set, const char *file, DmlSplit split,
                           GError **error);

/* The split of a name, such as "val"; DML_N_SPLITS for any other. */
DmlSplit dml_split_find (const char *name);

/* Removes the samples that are marked, n of them; counts stay as they are. */
void dml_dataset_remove (DmlDataset *set, const gboolean *drop);

/* Places in `samples` of a split, in their order. (transfer full) */
GArray *dml_dataset_members (const DmlDataset *set, DmlSplit split);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlDataset, dml_dataset_free)
