/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Export and declaration macros of every installed header. */
#pragma once

#include <glib.h>
#include <glib-object.h>

#if defined(__GNUC__)
#define DML_API __attribute__ ((visibility ("default")))
#else
#define DML_API
#endif
