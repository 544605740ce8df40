/* SPDX-License-Identifier: LGPL-2.1-or-later
 * From bytes to the structs that protobuf-c generates from onnx.proto, within a
 * memory bound. */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#include "nn/onnx/onnx.pb-c.h"

/* Parsing may ask for this much beyond DML_ONNX_PARSE_FACTOR times the file's
 * size, all requests summed. A byte of a file can become 40 of memory (an empty
 * node is two bytes), so a size alone says nothing. Real models stay far below:
 * their bytes are weights, which are copied once. */
#define DML_ONNX_PARSE_EXTRA ((size_t) 64 << 20)
#define DML_ONNX_PARSE_FACTOR 3

/* Protobuf's own limit. */
#define DML_ONNX_MAX_FILE ((size_t) G_MAXINT32)

/* `name` stands in messages. FORMAT (what it looks like instead, or where it is
 * cut short), LIMIT, NO_MEMORY. */
DmlOnnx__ModelProto *dml_onnx_parse (const uint8_t *data, size_t n_bytes,
                                     const char *name, GError **error);
void dml_onnx_parse_free (DmlOnnx__ModelProto *model);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlOnnx__ModelProto, dml_onnx_parse_free)
