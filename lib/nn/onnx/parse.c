/* SPDX-License-Identifier: LGPL-2.1-or-later
 * From bytes to the structs that protobuf-c generates, within a memory bound.
 * See parse.h. */
#include "nn/onnx/parse.h"
#include "base/mem.h"

#include <string.h>

/* ---- the bounded allocator ---- */

typedef struct {
  size_t used, limit; /* bytes asked for so far, nothing given back */
  gboolean over;      /* a request was refused for the limit */
  GError *error;      /* another one failed */
} ParseBudget;

static void *
parse_alloc (void *data, size_t size)
{
  ParseBudget *budget = data;

  /* What a small block really takes. */
  if (size > budget->limit || dml_mem_round (size) > budget->limit ||
      budget->used > budget->limit - dml_mem_round (size)) {
    budget->over = TRUE;
    return NULL;
  }
  budget->used += dml_mem_round (size);
  return dml_mem_alloc (size, 1, budget->error ? NULL : &budget->error);
}

static void
parse_dealloc (void *data, void *block)
{
  dml_mem_free (block);
}

/* ---- what a file that is not ONNX may be ---- */

static const struct {
  const char *magic;
  size_t n, offset;
  const char *what;
} LOOKS_LIKE[] = {
  { "PK\003\004", 4, 0,
    "a zip archive, perhaps a PyTorch checkpoint; export it with "
    "torch.onnx.export" },
  { "version https://git-lfs", 23, 0,
    "a Git LFS pointer; fetch the file itself with `git lfs pull`" },
  { "TFL3", 4, 4, "a TensorFlow Lite model; convert it to ONNX" },
  { "\x89HDF", 4, 0, "an HDF5 file, perhaps from Keras; convert it to ONNX" },
  { "\x89PNG", 4, 0, "a PNG picture" },
  { "\xff\xd8\xff", 3, 0, "a JPEG picture" },
  { "SQLite format 3", 15, 0, "an SQLite file, perhaps a gallery" },
  { "\x1f\x8b", 2, 0, "gzip-compressed; unpack it first" },
  { "<!DOCTYPE", 9, 0, "an HTML page; the download went wrong" },
  { "<html", 5, 0, "an HTML page; the download went wrong" },
  { "\x80\x02", 2, 0, "a Python pickle; export it with torch.onnx.export" },
};

static const char *
parse_looks_like (const uint8_t *data, size_t n)
{
  for (size_t i = 0; i < G_N_ELEMENTS (LOOKS_LIKE); i++)
    if (n >= LOOKS_LIKE[i].offset + LOOKS_LIKE[i].n &&
        memcmp (data + LOOKS_LIKE[i].offset, LOOKS_LIKE[i].magic,
                LOOKS_LIKE[i].n) == 0)
      return LOOKS_LIKE[i].what;
  return NULL;
}

static gboolean
parse_varint (const uint8_t *data, size_t n, size_t *at, guint64 *value)
{
  *value = 0;
  for (unsigned shift = 0; shift < 70 && *at < n; shift += 7) {
    const uint8_t byte = data[(*at)++];

    if (shift < 64)
      *value |= (guint64) (byte & 0x7f) << shift;
    if (byte < 0x80)
      return TRUE;
  }
  return FALSE;
}

/* Says in words why the bytes are no ModelProto: walks its top level, whose
 * graph is one field that reaches nearly to the end of any real file. */
static void
parse_explain (const uint8_t *data, size_t n, const char *name, GError **error)
{
  const char *looks = parse_looks_like (data, n);
  size_t at = 0;

  while (looks == NULL && at < n) {
    const size_t start = at;
    guint64 tag = 0, value = 0;
    gboolean whole = parse_varint (data, n, &at, &tag);
    const unsigned field = (unsigned) (tag >> 3), wire = tag & 7;

    if (!whole || field == 0 || field > 100 || (wire != 0 && wire != 2)) {
      g_set_error (error, DML_ERROR, DML_ERROR_FORMAT,
                   "%s: not an ONNX model: no field of one at byte %zu of %zu",
                   name, start, n);
      return;
    }
    whole = parse_varint (data, n, &at, &value);
    if (!whole || (wire == 2 && value > n - at)) {
      if (start == 0 || (field != 7 && field != 14))
        g_set_error (error, DML_ERROR, DML_ERROR_FORMAT,
                     "%s: not an ONNX model, or cut short: byte %zu of %zu "
                     "speaks of %" G_GUINT64_FORMAT " more",
                     name, start, n, value);
      else
        g_set_error (
          error, DML_ERROR, DML_ERROR_FORMAT,
          "%s: cut short: the part at byte %zu has %" G_GUINT64_FORMAT
          " bytes, of which %zu are there; copy the file again",
          name, start, value, n - at);
      return;
    }
    if (wire == 2)
      at += (size_t) value;
  }
  if (looks != NULL)
    g_set_error (error, DML_ERROR, DML_ERROR_FORMAT,
                 "%s: not an ONNX model but %s", name, looks);
  else
    g_set_error (error, DML_ERROR, DML_ERROR_FORMAT,
                 "%s: damaged: a part of the ONNX model inside its graph or "
                 "metadata does not parse",
                 name);
}

DmlOnnx__ModelProto *
dml_onnx_parse (const uint8_t *data, size_t n_bytes, const char *name,
                GError **error)
{
  ParseBudget budget = {
    .limit = DML_ONNX_PARSE_EXTRA + DML_ONNX_PARSE_FACTOR * n_bytes,
  };
  ProtobufCAllocator allocator = { parse_alloc, parse_dealloc, &budget };
  DmlOnnx__ModelProto *model =
    dml_onnx__model_proto__unpack (&allocator, n_bytes, data);

  if (model != NULL) {
    g_clear_error (&budget.error);
    return model;
  }
  if (budget.over)
    g_set_error (error, DML_ERROR, DML_ERROR_LIMIT,
                 "%s: its %zu bytes unfold to more than %zu; hostile or "
                 "damaged",
                 name, n_bytes, budget.limit);
  else if (budget.error != NULL) {
    g_propagate_prefixed_error (error, g_steal_pointer (&budget.error),
                                "%s: ", name);
  } else
    parse_explain (data, n_bytes, name, error);
  g_clear_error (&budget.error);
  return NULL;
}

void
dml_onnx_parse_free (DmlOnnx__ModelProto *model)
{
  ProtobufCAllocator allocator = { parse_alloc, parse_dealloc, NULL };

  if (model != NULL)
    dml_onnx__model_proto__free_unpacked (model, &allocator);
}
