/* SPDX-License-Identifier: LGPL-2.1-or-later
 * ONNX's own operator tests (Debian's libonnx-testdata), for every operator
 * that the table of operators has. Each test either passes or stands in SKIPPED
 * with its reason and what is said about it; one that is refused otherwise, or
 * that passes although it stands there, fails.
 *
 * Shapes, axes, indices and the like must be known before a picture comes
 * (docs/onnx.md), while these tests give them as inputs. A test that is refused
 * for that is run again with all inputs but the first as constants, and if need
 * be with all of them. --table prints the counts of each operator. */
#include "nn/exec.h"
#include "nn/onnx/convert.h"
#include "nn/onnx/onnx.h"

#include <math.h>
#include <string.h>

#define RELATIVE 1e-4 /* ONNX's own runner allows 1e-3 */
#define ABSOLUTE 1e-6

/* Names of tests (with * and ?), why they are skipped, and a part of what is
 * then said. */
static const struct {
  const char *pattern, *reason, *words;
} SKIPPED[] = {
  /* element types */
  { "test_*_uint8", "uint8 arithmetic", "uint8" },
  { "test_m??_*int16", "16-bit integers", "int16" },
  { "test_m??_uint32", "unsigned integers", "uint32" },
  { "test_m??_uint64", "unsigned integers", "uint64" },
  { "test_m??_int8", "int8 arithmetic", "int8" },
  { "test_m??_int32", "int32 in Min and Max", "int32" },
  { "test_m??_float16", "float16 arithmetic", "float16" },
  { "test_m??_float64", "float64 arithmetic", "float64" },
  { "test_clip_default_int8_*", "int8 arithmetic", "" },
  { "test_pow_types_*_uint??", "unsigned integers", "uint" },
  { "test_reduce_log_sum_exp_*", "float64 arithmetic", "float64" },
  { "test_cast*BFLOAT16*", "bfloat16", "16" },
  { "test_cast*STRING*", "strings", "8" },
  { "test_identity_*", "values that are no tensors", "not a tensor" },
  { "test_operator_add_*", "float64 arithmetic", "float64" },
  { "test_operator_addconstant", "float64 arithmetic", "float64" },
  /* what only training needs */
  { "test_*dropout*mask*", "the mask of Dropout", "mask" },
  { "test_training_dropout_default", "Dropout never drops when inferring",
    "output 0" },
  { "test_training_dropout", "Dropout never drops when inferring", "output 0" },
  { "test_batchnorm_*_training_mode", "batch statistics", "training mode" },
  /* what no CNN of docs/onnx.md has */
  { "test_maxpool_1d_default", "pooling of one or three dimensions",
    "kernel_shape" },
  { "test_maxpool_3d_default", "pooling of one or three dimensions",
    "kernel_shape" },
  { "test_averagepool_1d_default", "pooling of one or three dimensions",
    "kernel_shape" },
  { "test_averagepool_3d_default", "pooling of one or three dimensions",
    "kernel_shape" },
  { "test_Conv1d*", "convolution of one dimension", "kernel_shape" },
  { "test_Conv3d*", "convolution of three dimensions", "kernel_shape" },
  { "test_MaxPool1d*", "pooling of one dimension", "kernel_shape" },
  { "test_???Pool3d*", "pooling of three dimensions", "kernel_shape" },
  { "test_operator_maxpool", "pooling of one dimension", "kernel_shape" },
  { "test_PReLU_?d_multiparam", "opset 6, where one slope was a channel's",
    "slope" },
  { "test_maxpool_with_argmax_*", "indices of the maxima", "outputs" },
  { "test_prelu_*", "slopes that are not one a channel", "slope" },
  { "test_resize_*_cubic*", "cubic interpolation", "cubic" },
  { "test_resize_tf_crop_and_resize", "tf_crop_and_resize", "tf_crop" },
  /* Wants 0.6 of 2 x 4 pixels to be 1.2 x 2.4 long; ONNX Runtime leaves it out
   * as well. */
  { "test_resize_downsample_scales_linear_align_corners",
    "against the operator's text", "output 0[1] is 4, expected 3.14" },
};

typedef struct {
  const char *name;
  GBytes *model;
  GHashTable *operators;       /* set of names */
  GPtrArray *inputs, *outputs; /* of DmlTensor */
  GPtrArray *input_names;      /* of char * */
} Case;

/* ---- reading a test ---- */

static GBytes *
file_bytes (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  gsize n;
  char *data;

  return g_file_get_contents (path, &data, &n, NULL)
           ? g_bytes_new_take (data, n)
           : NULL;
}

/* NULL where there is no such file, or it is no tensor that we have. */
static DmlTensor *
read_tensor (const char *folder, const char *kind, unsigned i)
{
  g_autofree char *name = g_strdup_printf ("test_data_set_0/%s_%u.pb", kind, i);
  g_autoptr (GBytes) bytes = file_bytes (folder, name);
  DmlOnnx__TensorProto *proto;
  DmlTensor *tensor;

  if (bytes == NULL)
    return NULL;
  proto = dml_onnx__tensor_proto__unpack (NULL, g_bytes_get_size (bytes),
                                          g_bytes_get_data (bytes, NULL));
  tensor = proto ? dml_onnx_tensor_read (proto, NULL) : NULL;
  if (proto != NULL)
    dml_onnx__tensor_proto__free_unpacked (proto, NULL);
  return tensor;
}

static GPtrArray *
read_tensors (const char *folder, const char *kind)
{
  GPtrArray *tensors =
    g_ptr_array_new_with_free_func ((GDestroyNotify) dml_tensor_unref);

  for (unsigned i = 0;; i++) {
    DmlTensor *tensor = read_tensor (folder, kind, i);

    if (tensor == NULL)
      return tensors;
    g_ptr_array_add (tensors, tensor);
  }
}

/* Whether the table of operators has every operator of the model; fills in
 * which they are and the names of the model's inputs. */
static gboolean
is_ours (GBytes *model, GHashTable *operators, GPtrArray *input_names)
{
  gsize n;
  const uint8_t *data = g_bytes_get_data (model, &n);
  g_autoptr (DmlOnnx__ModelProto) proto = dml_onnx_parse (data, n, "", NULL);
  gboolean ours = proto != NULL && proto->graph->n_node > 0;

  for (size_t i = 0; ours && i < proto->graph->n_node; i++) {
    const DmlOnnx__NodeProto *node = proto->graph->node[i];

    ours = strcmp (node->op_type, "Constant") == 0 ||
           dml_op_find (node->domain, node->op_type) != NULL;
    g_hash_table_add (operators, g_strdup (node->op_type));
  }
  for (size_t i = 0; ours && i < proto->graph->n_input; i++)
    g_ptr_array_add (input_names, g_strdup (proto->graph->input[i]->name));
  return ours;
}

/* ---- inputs as constants ---- */

static void
put_field (GByteArray *to, unsigned field, const void *data, size_t n)
{
  guint8 head[12];
  guint k = 0;

  head[k++] = (guint8) (field << 3 | 2);
  for (size_t rest = n; k == 1 || rest > 0; rest >>= 7)
    head[k++] = (guint8) ((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
  g_byte_array_append (to, head, k);
  g_byte_array_append (to, data, (guint) n);
}

/* The newest version of some of these operators is older than the oldest opset
 * that is read; that version is what opset 9 means as well. */
static GBytes *
with_opset_9 (GBytes *model)
{
  static const guint8 opset_9[] = { 0x42, 0x02, 0x10, 0x09 };
  GByteArray *file = g_bytes_unref_to_array (model);

  g_byte_array_append (file, opset_9, sizeof opset_9);
  return g_byte_array_free_to_bytes (file);
}

/* Messages of one field that stand twice in protobuf are merged, so what is
 * appended to the file is appended to the graph. */
static GBytes *
with_constants (const Case *test, unsigned first)
{
  GByteArray *file = g_bytes_unref_to_array (g_bytes_ref (test->model));
  g_autoptr (GByteArray) graph = g_byte_array_new ();

  for (unsigned i = first; i < test->inputs->len; i++) {
    DmlOnnx__TensorProto proto = DML_ONNX__TENSOR_PROTO__INIT;
    g_autofree uint8_t *packed = NULL;
    size_t n;

    dml_onnx_tensor_write (&proto, g_ptr_array_index (test->inputs, i));
    proto.name = g_ptr_array_index (test->input_names, i);
    packed = g_malloc (dml_onnx__tensor_proto__get_packed_size (&proto));
    n = dml_onnx__tensor_proto__pack (&proto, packed);
    put_field (graph, 5, packed, n);
    g_free (proto.dims);
  }
  if (first == 0) { /* a graph needs an input: "unused", float32 of 1 */
    static const char unused[] =
      "\x0a\x06unused\x12\x0a\x0a\x08\x08\x01\x12\x04"
      "\x0a\x02\x08\x01";

    put_field (graph, 11, unused, sizeof unused - 1);
  }
  put_field (file, 7, graph->data, graph->len);
  return g_byte_array_free_to_bytes (file);
}

/* ---- running ---- */

static double
element (const DmlTensor *t, size_t i)
{
  switch (t->dtype) {
  case DML_F32:
    return (double) ((const float *) t->data)[i];
  case DML_F64:
    return ((const double *) t->data)[i];
  case DML_I64:
    return (double) ((const int64_t *) t->data)[i];
  case DML_I32:
    return (double) ((const int32_t *) t->data)[i];
  case DML_I8:
    return (double) ((const int8_t *) t->data)[i];
  case DML_F16: /* compared by their bits */
    return (double) ((const uint16_t *) t->data)[i];
  default:
    return (double) ((const uint8_t *) t->data)[i];
  }
}

static gboolean
is_near (double got, double wanted)
{
  return got == wanted || (isnan (got) && isnan (wanted)) ||
         fabs (got - wanted) <= ABSOLUTE + RELATIVE * fabs (wanted);
}

/* NULL where output i is what the test wants, otherwise words. */
static char *
compare (DmlInfer *infer, unsigned i, const DmlTensor *wanted)
{
  const DmlShape *shape = dml_infer_output_shape (infer, i);
  const DmlTensor got = { .dtype = dml_infer_output_dtype (infer, i),
                          .data = (void *) dml_infer_output (infer, i) };
  g_autofree char *a = dml_shape_to_string (shape);
  g_autofree char *b = dml_shape_to_string (&wanted->shape);

  if (got.dtype != wanted->dtype || !dml_shape_equal (shape, &wanted->shape))
    return g_strdup_printf ("output %u is %s %s, expected %s %s", i,
                            dml_dtype_name (got.dtype), a,
                            dml_dtype_name (wanted->dtype), b);
  for (size_t k = 0; k < wanted->n; k++)
    if (!is_near (element (&got, k), element (wanted, k)))
      return g_strdup_printf ("output %u[%zu] is %.9g, expected %.9g", i, k,
                              element (&got, k), element (wanted, k));
  return NULL;
}

/* NULL where it passes. */
static char *
run_model (const Case *test, GBytes *model, unsigned n_inputs, GError **error)
{
  gsize n;
  const uint8_t *data = g_bytes_get_data (model, &n);
  g_autoptr (DmlGraph) graph = dml_onnx_read (data, n, test->name, NULL, error);
  g_autoptr (DmlInfer) infer = NULL;
  char *wrong = NULL;
  size_t batch;

  if (graph == NULL)
    return NULL;
  batch = dml_graph_fixed_batch (graph);
  infer = dml_infer_new (graph, batch ? batch : 1, 2, error);
  if (infer == NULL)
    return NULL;
  for (unsigned i = 0; i < n_inputs; i++) {
    const DmlTensor *input = g_ptr_array_index (test->inputs, i);

    memcpy (dml_infer_input (infer, i), input->data, dml_tensor_bytes (input));
  }
  dml_infer_run (infer);
  for (unsigned i = 0; i < test->outputs->len && wrong == NULL; i++)
    wrong = compare (infer, i, g_ptr_array_index (test->outputs, i));
  return wrong;
}

typedef struct {
  unsigned n_passed, n_constant, n_skipped, n_failed, n_other;
  GString *skipped;
  GHashTable *of_operator; /* name to Counts */
} Tally;

typedef struct {
  unsigned n_passed, n_skipped;
} Counts;

/* Adds a test to the counts of every operator in it. */
static void
count_operators (const Case *test, Tally *tally, gboolean passed)
{
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, test->operators);
  while (g_hash_table_iter_next (&iter, &name, NULL)) {
    Counts *counts = g_hash_table_lookup (tally->of_operator, name);

    if (counts == NULL) {
      counts = g_new0 (Counts, 1);
      g_hash_table_insert (tally->of_operator, g_strdup (name), counts);
    }
    counts->n_passed += passed;
    counts->n_skipped += !passed;
  }
}

/* A line an operator of ours, for docs/onnx.md. */
static void
print_table (const Tally *tally)
{
  for (const DmlOp *const *op = dml_op_table (); *op != NULL; op++) {
    const Counts *counts =
      g_hash_table_lookup (tally->of_operator, (*op)->onnx_name);

    g_print ("| `%s` | %s | %u | %u |\n", (*op)->onnx_name,
             (*op)->backward ? "yes" : "", counts ? counts->n_passed : 0,
             counts ? counts->n_skipped : 0);
  }
}

static void
run_case (const Case *test, Tally *tally)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *wrong =
    run_model (test, test->model, test->inputs->len, &error);
  const char *what;
  int skip = -1;
  unsigned keep = test->inputs->len;

  for (size_t i = 0; i < G_N_ELEMENTS (SKIPPED) && skip < 0; i++)
    if (g_pattern_match_simple (SKIPPED[i].pattern, test->name))
      skip = (int) i;
  /* Inputs that must be known: all but the first, or all. */
  for (int round = 0; round < 2 && error != NULL; round++) {
    g_autoptr (GBytes) model = NULL;

    keep = round == 0 && test->inputs->len > 1 ? 1 : 0;
    model = with_constants (test, keep);
    g_clear_error (&error);
    g_free (wrong);
    wrong = run_model (test, model, keep, &error);
  }
  what = error ? error->message : wrong;
  if (skip >= 0 && what != NULL && strstr (what, SKIPPED[skip].words) != NULL) {
    tally->n_skipped++;
    count_operators (test, tally, FALSE);
    g_string_append_printf (tally->skipped, "#   %s: %s\n", test->name,
                            SKIPPED[skip].reason);
  } else if (skip < 0 && error == NULL && wrong == NULL) {
    tally->n_passed++;
    count_operators (test, tally, TRUE);
    tally->n_constant += keep < test->inputs->len;
  } else {
    tally->n_failed++;
    g_printerr ("%s: %s%s\n", test->name,
                skip >= 0 ? "stands in SKIPPED, but " : "",
                what ? what : "passes");
  }
}

static void
run_folder (const char *root, const char *name, Tally *tally)
{
  g_autofree char *folder = g_build_filename (root, name, NULL);
  g_autoptr (GBytes) model = file_bytes (folder, "model.onnx");
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GHashTable) operators =
    g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Case test = { .name = name, .operators = operators, .input_names = names };

  if (model == NULL)
    return;
  test.model = model = with_opset_9 (model);
  if (!is_ours (model, operators, names)) {
    tally->n_other++;
    return;
  }
  test.inputs = read_tensors (folder, "input");
  test.outputs = read_tensors (folder, "output");
  run_case (&test, tally);
  g_ptr_array_unref (test.inputs);
  g_ptr_array_unref (test.outputs);
}

static gboolean
run_folders (const char *root, const char *kind, Tally *tally)
{
  g_autofree char *path = g_build_filename (root, kind, NULL);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    run_folder (path, name, tally);
  return dir != NULL;
}

int
main (int argc, char **argv)
{
  const char *root = g_getenv ("DML_ONNX_TESTDATA");
  Tally tally = { .skipped = g_string_new (NULL),
                  .of_operator = g_hash_table_new_full (g_str_hash, g_str_equal,
                                                        g_free, g_free) };

  if (root == NULL)
    root = "/usr/share/libonnx-testdata/data";
  if (!run_folders (root, "node", &tally) ||
      !run_folders (root, "pytorch-operator", &tally) ||
      !run_folders (root, "pytorch-converted", &tally)) {
    g_print ("%s is not there; install libonnx-testdata, or name its folder in "
             "DML_ONNX_TESTDATA\n",
             root);
    return 77;
  }
  g_print ("# %u passed (%u of them with inputs as constants), %u skipped, %u "
           "failed; %u are of operators that dml has not\n%s",
           tally.n_passed, tally.n_constant, tally.n_skipped, tally.n_failed,
           tally.n_other, tally.skipped->str);
  if (argc > 1 && strcmp (argv[1], "--table") == 0)
    print_table (&tally);
  g_hash_table_unref (tally.of_operator);
  g_string_free (tally.skipped, TRUE);
  return tally.n_failed > 0 || tally.n_passed == 0;
}
