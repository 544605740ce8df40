/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What operators with DML_OP_VIEW share; in identity.c. */
#pragma once

#include "nn/op.h"

void dml_view_forward (const DmlNode *node, DmlExec *exec);
void dml_view_backward (const DmlNode *node, DmlExec *exec);
