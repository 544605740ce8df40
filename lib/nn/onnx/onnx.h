/* SPDX-License-Identifier: LGPL-2.1-or-later
 * ONNX files to graphs and back. docs/onnx.md says which operators.
 *
 * Reading is bounded: beside the graph, whose constants are no larger than the
 * file's own data unfolded, at most the file once and 64 MiB + 3 times the file
 * for the parsed form are held (parse.h). Nothing in a file makes the reader
 * recurse. */
#pragma once

#include "nn/graph.h"

#define DML_ONNX_MIN_OPSET 9
#define DML_ONNX_MAX_OPSET 21
#define DML_ONNX_WRITE_OPSET 17

/* A file's metadata_props, string to string; later entries win. */
typedef GHashTable DmlOnnxMetadata;

/* A finished graph (dml_graph_finish). *metadata (nullable) is a new table.
 * Every message begins with the path. NOT_FOUND, FORMAT, UNSUPPORTED (operator
 * and node named), LIMIT, NO_MEMORY, IO. */
DmlGraph *dml_onnx_read_file (const char *path, DmlOnnxMetadata **metadata,
                              GError **error);

/* The same from memory; `name` stands for the file in messages. */
DmlGraph *dml_onnx_read (const uint8_t *data, size_t n_bytes, const char *name,
                         DmlOnnxMetadata **metadata, GError **error);

/* How to write. */
typedef struct {
  DmlOnnxMetadata *metadata; /* nullable */
  /* Weights of rank 2 and more as float16 behind a Cast, where they fit into
   * it: half the file, which still runs everywhere and is read back as float32
   * of the rounded values. */
  gboolean half;
  /* The name of an output to be written alone, as "embedding", with the graph's
   * only input as "image": what an encoder's file looks like. NULL: every input
   * and output under its own name. */
  const char *embedding;
} DmlOnnxWrite;

/* A standard ONNX file of a finished graph (not an optimised one): its opset,
 * which is 17 for graphs that were built here; operators of ours expanded to
 * ONNX's. The bytes depend on the graph and the options alone. INVALID (no such
 * output), NO_MEMORY, LIMIT, errors of dml_graph_infer. */
GBytes *dml_onnx_write_bytes (const DmlGraph *graph,
                              const DmlOnnxWrite *options, GError **error);

/* The same to a file, written aside, synced and renamed; also errors of
 * dml_file_replace. */
gboolean dml_onnx_write_file (const DmlGraph *graph, const char *path,
                              const DmlOnnxWrite *options, GError **error);

/* Rounds what `half` writes as float16 to the values that are read back, in
 * tensors of the graph's own: weights that it shared stay as they are.
 * NO_MEMORY. */
gboolean dml_onnx_round_to_half (DmlGraph *graph, GError **error);
