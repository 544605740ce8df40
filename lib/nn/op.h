/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What an operator is, and what it sees of a node and of a running executor.
 *
 * A file an operator in ops/, forward directly above backward; one row in
 * ops.def makes it known. Whatever can fail fails in configure, infer_shape or
 * prepare; forward and backward return void. */
#pragma once

#include "base/error.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include "nn/graph.h"

typedef struct _DmlExec DmlExec;

typedef enum {
  /* Output 0 may lie where input 0 lies, element upon element. */
  DML_OP_INPLACE = 1 << 0,
  /* Output 0 is input 0's data in another shape. Executors give both the same
   * place where they can; forward then sees equal pointers. */
  DML_OP_VIEW = 1 << 1,
  /* Result depends on more than the inputs (Dropout): never folded, and no
   * view when training. */
  DML_OP_RANDOM = 1 << 2,
  /* Not in ONNX: the writer expands it (domain "dml"). */
  DML_OP_OURS = 1 << 3,
  /* Forward ends with the node's epilogue: clamp, and residual if it has that
   * flag too. The residual is the last input, behind the three of ONNX. */
  DML_OP_EPILOGUE = 1 << 4,
  DML_OP_RESIDUAL = 1 << 5,
} DmlOpFlags;

/* Memory that a node wants from the executor, in bytes. */
typedef struct {
  size_t kept;   /* from forward to backward; asked for in training only */
  size_t state;  /* as long as the executor, zeroed; in training only */
  size_t shared; /* during forward or backward, one for the node */
  size_t worker; /* the same, one for each thread of the pool */
} DmlOpSizes;

#define DML_OP_MAX_ROLES 6

struct DmlOp {
  const char *onnx_name;
  const char *domain;                        /* NULL = ONNX's own */
  unsigned min_in, max_in, min_out, max_out; /* checked by dml_graph_finish */
  size_t config_size; /* plain data without pointers: clones copy its bytes */

  /* Parses node->attrs (and node->graph->opset) into node->config, which is
   * zeroed. May be NULL. */
  gboolean (*configure) (DmlNode *node, GError **error);

  /* Sets dtype and shape of every output from those of the inputs, which are
   * whole. Inputs that must be known have in[i]->known. May call
   * dml_value_set_known for an output that depends on shapes alone. */
  gboolean (*infer_shape) (DmlNode *node, GError **error);

  /* Packs weights into node->prepared, once, for inference; may be NULL. Called
   * after the passes, before any executor, and again never. */
  gboolean (*prepare) (DmlNode *node, GError **error);

  /* Fills *sizes, which is zeroed; may be NULL. */
  void (*sizes) (const DmlNode *node, gboolean training, DmlOpSizes *sizes);

  void (*forward) (const DmlNode *node, DmlExec *exec);

  /* Adds to the gradients of the inputs (dml_exec_din; NULL where nobody wants
   * it) and of the parameters. NULL where the operator cannot be trained
   * through. */
  void (*backward) (const DmlNode *node, DmlExec *exec);

  /* Re-estimation of running statistics: begin clears what forward in
   * DML_EXEC_TRAIN_ESTIMATE then gathers in dml_exec_state, end writes it. */
  void (*estimate_begin) (const DmlNode *node, DmlExec *exec);
  void (*estimate_end) (const DmlNode *node, DmlExec *exec);

  /* Bit i: backward reads the data of input (output) i. */
  uint8_t backward_in, backward_out;

  /* DmlValueFlags of input i when it is a constant that can be trained. */
  uint8_t roles[DML_OP_MAX_ROLES];

  unsigned flags; /* DmlOpFlags */
};

/* NULL if there is none. `domain` "" and "ai.onnx" are ONNX's own. */
const DmlOp *dml_op_find (const char *domain, const char *name);

/* Every operator, sorted as in ops.def; NULL at the end. */
const DmlOp *const *dml_op_table (void);

/* --- what an operator sees of its node --- */

static inline const DmlShape *
dml_node_in_shape (const DmlNode *node, unsigned i)
{
  return &node->in[i]->shape;
}

static inline const DmlShape *
dml_node_out_shape (const DmlNode *node, unsigned i)
{
  return &node->out[i]->shape;
}

/* Whether optional input i is there. */
static inline gboolean
dml_node_has_in (const DmlNode *node, unsigned i)
{
  return i < node->n_in && node->in[i] != NULL;
}

/* Gives the node other inputs; for passes. */
void dml_node_set_inputs (DmlNode *node, DmlValue *const *in, unsigned n_in);

/* An error that begins `node 12 (Conv "layer1.0")`. */
void dml_node_set_error (const DmlNode *node, GError **error, DmlError code,
                         const char *format, ...) G_GNUC_PRINTF (4, 5);
#define dml_node_fail(node, error, code, ...)                                  \
  (dml_node_set_error ((node), (error), DML_ERROR_##code, __VA_ARGS__), FALSE)

/* Attributes with a fallback; FORMAT where the file gives another type. */
gboolean dml_node_get_int (const DmlNode *node, const char *name,
                           int64_t fallback, int64_t *value, GError **error);
gboolean dml_node_get_float (const DmlNode *node, const char *name,
                             float fallback, float *value, GError **error);
/* *s belongs to the node; fallback may be NULL. */
gboolean dml_node_get_string (const DmlNode *node, const char *name,
                              const char *fallback, const char **s,
                              GError **error);
/* Up to `max` integers into `ints`; *n = 0 where there is no such attribute. */
gboolean dml_node_get_ints (const DmlNode *node, const char *name, size_t max,
                            int64_t *ints, size_t *n, GError **error);

/* Input i as up to `max` int64 that are known at inference (INT32 is taken
 * too). *n = 0 where the input is left out; UNSUPPORTED where it is not known.
 */
gboolean dml_node_known_ints (const DmlNode *node, unsigned i, size_t max,
                              int64_t *ints, size_t *n, GError **error);

/* axis in [-rank, rank) to [0, rank); FORMAT otherwise. */
gboolean dml_node_axis (const DmlNode *node, int64_t axis, int rank, int *out,
                        GError **error);

/* Fails with the input's type and shape unless it is float32 of that rank
 * (rank < 0: any). */
gboolean dml_node_want_f32 (const DmlNode *node, unsigned i, int rank,
                            GError **error);

/* Output i gets type and shape; LIMIT where that is too large. */
gboolean dml_node_set_out (DmlNode *node, unsigned i, DmlDtype dtype,
                           const DmlShape *shape, GError **error);

/* The data of an output, known without running: takes the tensor over, and its
 * type and shape. */
void dml_value_set_known (DmlValue *value, DmlTensor *tensor);

/* --- what an operator sees of the executor --- */

typedef enum {
  DML_EXEC_INFER,          /* statistics as stored, nothing kept */
  DML_EXEC_EVAL,           /* the same numbers, in a training executor */
  DML_EXEC_TRAIN,          /* batch statistics; running ones move */
  DML_EXEC_TRAIN_QUIET,    /* batch statistics; running ones stay */
  DML_EXEC_TRAIN_ESTIMATE, /* batch statistics, gathered for re-estimation */
} DmlExecMode;

struct _DmlExec {
  const DmlKernels *kernels;
  unsigned n_threads; /* for dml_parallel_for; 0 = all */
  DmlExecMode mode;
  uint64_t seed, step;  /* name the random streams of a training step */
  void **data;          /* by value->index; NULL where the value has no place */
  float **grad;         /* by value->index; NULL when not training */
  void **kept, **state; /* by node->index; NULL when not training */
  uint8_t *shared, *worker;
  size_t worker_stride;
};

/* Batch statistics are wanted, and backward will follow. */
static inline gboolean
dml_exec_training (const DmlExec *exec)
{
  return exec->mode >= DML_EXEC_TRAIN;
}

static inline void *
dml_exec_in (const DmlExec *exec, const DmlNode *node, unsigned i)
{
  return dml_node_has_in (node, i) ? exec->data[node->in[i]->index] : NULL;
}

static inline void *
dml_exec_out (const DmlExec *exec, const DmlNode *node, unsigned i)
{
  return i < node->n_out && node->out[i] ? exec->data[node->out[i]->index]
                                         : NULL;
}

/* Gradient of input i, to be added to; NULL where nobody wants it. */
static inline float *
dml_exec_din (const DmlExec *exec, const DmlNode *node, unsigned i)
{
  return dml_node_has_in (node, i) ? exec->grad[node->in[i]->index] : NULL;
}

/* Gradient of output i, complete when backward runs; never NULL for output 0.
 */
static inline const float *
dml_exec_dout (const DmlExec *exec, const DmlNode *node, unsigned i)
{
  return exec->grad[node->out[i]->index];
}

/* sizes.kept bytes, from forward to backward; NULL when only inferring. */
static inline void *
dml_exec_kept (const DmlExec *exec, const DmlNode *node)
{
  return exec->kept ? exec->kept[node->index] : NULL;
}

/* sizes.state bytes, zero to begin with; NULL when only inferring. */
static inline void *
dml_exec_state (const DmlExec *exec, const DmlNode *node)
{
  return exec->state ? exec->state[node->index] : NULL;
}

/* sizes.shared bytes until the operator returns, unset. */
static inline void *
dml_exec_shared (const DmlExec *exec)
{
  return exec->shared;
}

/* Runs fn (data, first, n) over spans of [0, n), in parallel, of one fixed
 * size; for element-wise work. */
typedef void (*DmlSpan) (void *data, size_t first, size_t n);
void dml_exec_spans (const DmlExec *exec, size_t n, DmlSpan fn, void *data);

/* sizes.worker bytes of one thread of dml_parallel_for. */
static inline void *
dml_exec_worker (const DmlExec *exec, unsigned worker)
{
  return exec->worker + worker * exec->worker_stride;
}
