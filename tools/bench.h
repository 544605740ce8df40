/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-bench's commands and how they measure: alternate the candidates, quote
 * minimum and median (docs/benchmarks.md). */
#pragma once

#include "cli.h"

CliExit bench_encoder (int argc, char **argv);
CliExit bench_gallery (int argc, char **argv);
CliExit bench_kernels (int argc, char **argv);
CliExit bench_pipeline (int argc, char **argv);
CliExit bench_train (int argc, char **argv);

/* The row of a command's --json; bench_report_print() is told. */
#define BENCH_OPTION_JSON(json)                                                \
  {                                                                            \
    "json", 0, 0, G_OPTION_ARG_NONE, json, "Print as JSON (dml-bench/1)", NULL \
  }

/* One candidate of a comparison. */
typedef struct {
  const char *name;
  void (*run) (gpointer data);
  gpointer data;
  double min_ms, median_ms; /* filled in */
  guint n_runs;
} BenchCandidate;

/* Warms each up, then runs them in turn, A B A B, at least n_runs times each
 * and for seconds in all. */
void bench_run (BenchCandidate *candidates, guint n, guint n_runs,
                double seconds);

/* An NV12 frame of noise, even sides, and its centre square. */
typedef struct {
  guint8 *pixels;
  DmlImage square;
} BenchFrame;
BenchFrame bench_frame (int width, int height);
void bench_frame_clear (BenchFrame *frame);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BenchFrame, bench_frame_clear)

/* For qsort: doubles, rising. */
int bench_rising (const void *a, const void *b);

/* Collected rows, printed as a table or as JSON (dml-bench/1). */
typedef struct _BenchReport BenchReport;
BenchReport *bench_report_new (const char *command);

/* target: what the row is held to, in the unit, NaN = nothing. */
void bench_report_add (BenchReport *report, const char *what, double minimum,
                       double median, const char *unit, double target);
void bench_report_print (BenchReport *report, gboolean json); /* frees */

/* ONNX Runtime as a peer, where its library is found. */
typedef struct _PeerOnnxRuntime PeerOnnxRuntime;
PeerOnnxRuntime *peer_onnxruntime_open (const char *library, const char *model,
                                        int n_threads, const gint64 *in_shape,
                                        const gint64 *out_shape,
                                        GError **error);
void peer_onnxruntime_run (gpointer peer); /* of random input */
const char *peer_onnxruntime_version (PeerOnnxRuntime *peer);
void peer_onnxruntime_close (PeerOnnxRuntime *peer);
