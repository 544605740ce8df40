/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Which items of a label in one gallery are which of the label in another. */
#pragma once

#include "gallery/marks.h"

/* Whether vectors of the two can be compared. */
gboolean dml_space_equal (const DmlSpace *a, const DmlSpace *b);

/* For the rows of label @la of @a, in their order, pair[i] is the row of @b, of
 * label @lb, that is the same picture, or -1; each row of @b is in one pair at
 * most. The same is: in one encoder's galleries an equal vector, the same
 * photograph, or a similarity above DML_SAME_PICTURE; in two encoders' the same
 * photograph, else the same thumbnail, else the same source. */
void dml_pair_items (const DmlMarks *a, guint la, const DmlMarks *b, guint lb,
                     gint *pair);
