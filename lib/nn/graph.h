/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The graph: values and the nodes between them.
 *
 * Life of a graph:
 *   build     dml_graph_new, _add_input, _add_constant, _add_node, attributes,
 *             _add_output; in any order, by name (ONNX reader) or by pointer
 *   finish    dml_graph_finish: operators looked up, attributes parsed, nodes
 *             sorted; every structural error surfaces here
 *   infer     dml_graph_infer: shapes and types for one batch size, shape
 *             chains computed; every shape error surfaces here. May be repeated
 *   optimise  dml_graph_optimise (passes/passes.h), for inference only
 *   run       an executor of exec.h, on a clone of its own
 *
 * Values, nodes and constants belong to the graph; clones share the constants'
 * data. A graph is the caller's until it is finished and immutable afterwards,
 * but for infer, the passes and what a trainer writes into parameters. */
#pragma once

#include "nn/attr.h"

#define DML_GRAPH_MAX_NODES 65536u
#define DML_GRAPH_MAX_VALUES 262144u
#define DML_NODE_MAX_VALUES 4096u /* inputs, or outputs, of one node */
#define DML_FOLD_MAX_BYTES                                                     \
  ((size_t) 1 << 26) /* computed constants, a graph                            \
                      */

typedef struct _DmlGraph DmlGraph;
typedef struct _DmlNode DmlNode;
typedef struct _DmlValue DmlValue;
typedef struct DmlOp DmlOp;

typedef enum {
  DML_VALUE_PARAM = 1 << 0,     /* trained: has a gradient */
  DML_VALUE_NO_DECAY = 1 << 1,  /* bias, norm scale, GeM p: no weight decay */
  DML_VALUE_STATISTIC = 1 << 2, /* running mean or variance: training writes it
                                   but it has no gradient */
  DML_VALUE_FROZEN = 1 << 3,    /* not changed by training for now */
} DmlValueFlags;

struct _DmlValue {
  char *name;     /* unique in the graph, never NULL or empty */
  unsigned index; /* in graph->values */
  DmlDtype dtype;
  DmlShape shape;      /* whole after dml_graph_infer */
  DmlShape declared;   /* of an input: dim[0] may be free, others as well until
                          dml_graph_set_input_shape */
  DmlTensor *constant; /* initialiser or parameter; NULL for others */
  DmlTensor *known;    /* the data where inference knows it: the constant unless
                          it is trained, or a shape chain's result */
  DmlNode *producer;   /* NULL for inputs and constants */
  unsigned flags;      /* DmlValueFlags */
};

/* What a fusing pass asked a Conv or Gemm to do with its result before storing
 * it: y = clamp (result + residual). Never set in a graph that is written. */
typedef struct {
  gboolean residual; /* the last input is added */
  gboolean clamp;
  float lo, hi; /* with clamp; hi may be infinite */
} DmlEpilogue;

struct _DmlNode {
  DmlGraph *graph;
  char *name; /* may be empty */
  char *op_name;
  char *domain;         /* "" is ONNX's own */
  const DmlOp *op;      /* NULL before dml_graph_finish */
  GArray *attrs;        /* of DmlAttr */
  DmlValue **in, **out; /* in[i] NULL: optional and left out; out[i] too */
  unsigned n_in, n_out;
  unsigned index;      /* place in graph->nodes, which is a running order */
  void *config;        /* op->config_size bytes that op->configure filled */
  DmlTensor *prepared; /* packed weights or NULL; clones share it */
  DmlEpilogue epilogue;
};

struct _DmlGraph {
  char *name;        /* of the model, for messages; "" if it has none */
  int opset;         /* of ONNX's domain */
  GPtrArray *values; /* of DmlValue; owned */
  GPtrArray *nodes;  /* of DmlNode; owned */
  GPtrArray *inputs, *outputs; /* of DmlValue; not owned */
  GHashTable *by_name;         /* value name -> DmlValue */
  size_t batch;                /* of the last inference, 0 before */
};

DmlGraph *dml_graph_new (const char *name, int opset);
void dml_graph_free (DmlGraph *graph);

/* A graph of its own with the same constants (data shared). */
DmlGraph *dml_graph_clone (const DmlGraph *graph);

/* The value of that name, made if there is none. NULL with LIMIT when there are
 * too many. */
DmlValue *dml_graph_value (DmlGraph *graph, const char *name, GError **error);
DmlValue *dml_graph_find (const DmlGraph *graph, const char *name);

/* Declares an input. FORMAT if something else produces the value. */
DmlValue *dml_graph_add_input (DmlGraph *graph, const char *name,
                               DmlDtype dtype, const DmlShape *shape,
                               GError **error);

/* Gives the value of that name its data; takes a reference of `tensor`. */
DmlValue *dml_graph_add_constant (DmlGraph *graph, const char *name,
                                  DmlTensor *tensor, unsigned flags,
                                  GError **error);

/* A node of ONNX's own domain (domain "" or NULL) or of ours ("dml"). Set its
 * attributes afterwards, in node->attrs. `in` may hold NULLs; `out` names are
 * made from the node's name where `out` is NULL (then n_out values). */
DmlNode *dml_graph_add_node (DmlGraph *graph, const char *domain,
                             const char *op_name, const char *name,
                             DmlValue *const *in, unsigned n_in,
                             DmlValue *const *out, unsigned n_out,
                             GError **error);

gboolean dml_graph_add_output (DmlGraph *graph, DmlValue *value,
                               GError **error);

/* Looks operators up, checks arity, parses attributes, sorts the nodes (keeping
 * their order where it is a running order). UNSUPPORTED names an operator that
 * is not there and its node, FORMAT a cycle, a value that nothing produces. */
gboolean dml_graph_finish (DmlGraph *graph, GError **error);

/* The sorting alone, after a pass has rewired nodes. FORMAT names a cycle. */
gboolean dml_graph_sort (DmlGraph *graph, GError **error);

/* Removes nodes that no output needs, and values that nothing mentions. Nodes
 * must be in running order. */
void dml_graph_sweep (DmlGraph *graph);

/* How many node inputs and graph outputs read the value. */
unsigned dml_graph_count_readers (const DmlGraph *graph, const DmlValue *value);

/* Lets every reader of `from`, graph outputs too, read `to` instead. */
void dml_graph_redirect (DmlGraph *graph, DmlValue *from, DmlValue *to);

/* The batch that the first input's declared shape fixes; 0 where it is free. */
size_t dml_graph_fixed_batch (const DmlGraph *graph);

/* Says what an input's free dimensions are. INVALID if it contradicts the ones
 * that are not free; dim[0] may stay DML_DIM_FREE. */
gboolean dml_graph_set_input_shape (DmlGraph *graph, unsigned input,
                                    const DmlShape *shape, GError **error);

/* Sets shape, type and, where they do not depend on the inputs' contents, data
 * (`known`) of every value, with the free batch dimension of the inputs set to
 * `batch` (ignored where it is fixed and equal; INVALID where it differs).
 * FORMAT or UNSUPPORTED name the node whose shapes do not fit. */
gboolean dml_graph_infer (DmlGraph *graph, size_t batch, GError **error);

/* Forgets what dml_graph_infer found. */
void dml_graph_forget (DmlGraph *graph);

/* Marks every weight that an operator can train (Conv, Gemm, BatchNormalization
 * ...) with the flags of its role. For graphs that were read from a file. */
void dml_graph_mark_params (DmlGraph *graph);

/* For graph.c and finish.c. */
void dml_value_free (gpointer value);
void dml_node_free (gpointer node);

static inline DmlNode *
dml_graph_node (const DmlGraph *graph, unsigned i)
{
  return (DmlNode *) g_ptr_array_index (graph->nodes, i);
}

static inline DmlValue *
dml_graph_value_at (const DmlGraph *graph, unsigned i)
{
  return (DmlValue *) g_ptr_array_index (graph->values, i);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlGraph, dml_graph_free)
