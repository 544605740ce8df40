/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What a later minor of the schema added, in a file of an earlier one: it is
 * asked for, not told by the version, since a file may have been made by hand
 * or by a program of a newer minor. */
#include "gallery/store.h"

gboolean
dml_store_has_origin (DmlStore *store, gboolean *has, GError **error)
{
  g_autoptr (DmlStmt) stmt =
    dml_store_prepare (store,
                       "SELECT count (*) FROM pragma_table_info ('item')"
                       " WHERE name IN ('content', 'views')",
                       "reading", error);
  gboolean row;

  if (stmt == NULL || !dml_store_step (store, stmt, &row, "reading", error))
    return FALSE;
  *has = row && sqlite3_column_int (stmt, 0) == 2;
  return TRUE;
}

static gboolean
raise_version (DmlStore *store, GError **error)
{
  const int ours = 100 * STORE_VERSION_MAJOR + STORE_VERSION_MINOR;
  g_autoptr (DmlStmt) stmt =
    dml_store_prepare (store, "PRAGMA user_version", "reading", error);
  g_autofree char *sql = g_strdup_printf ("PRAGMA user_version = %d", ours);
  gboolean row;

  if (stmt == NULL || !dml_store_step (store, stmt, &row, "reading", error))
    return FALSE;
  if (row && sqlite3_column_int (stmt, 0) >= ours)
    return TRUE;
  sqlite3_reset (stmt);
  return dml_store_exec (store, sql, "changing", error);
}

gboolean
dml_store_add_origin (DmlStore *store, GError **error)
{
  gboolean has;

  if (!dml_store_has_origin (store, &has, error))
    return FALSE;
  return has || (dml_store_exec (store,
                                 "ALTER TABLE item ADD COLUMN content TEXT;"
                                 "ALTER TABLE item ADD COLUMN views INTEGER",
                                 "changing", error) &&
                 raise_version (store, error));
}
