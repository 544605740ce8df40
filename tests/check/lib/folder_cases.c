/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A folder a case. */
#include "folder_cases.h"

#include "shapes.h"

char *folder;

static void
run_case (gconstpointer data)
{
  const FolderCase *c = data;

  folder = g_dir_make_tmp ("dml-XXXXXX", NULL);
  c->run ();
  shapes_remove (folder);
  g_clear_pointer (&folder, g_free);
}

void
folder_cases_add (const char *module, const FolderCase *cases, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    g_autofree char *path = g_strdup_printf ("/%s/%s", module, cases[i].name);

    g_test_add_data_func (path, &cases[i], run_case);
  }
}
