/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What GeM pooling and its expansion in the ONNX writer agree on. */
#pragma once

#define GEM_EPS 1e-6
#define GEM_P_MIN 1.0
#define GEM_P_MAX 8.0
