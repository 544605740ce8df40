/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Reading ONNX files: what is said about files that are none. */
#include "base/error.h"
#include "nn/onnx/onnx.h"

#include <glib/gstdio.h>
#include <string.h>

/* Expects an error of that code whose message holds `words`. */
static void
assert_refused (const void *data, size_t n, DmlError code, const char *words)
{
  g_autoptr (GError) error = NULL;
  DmlGraph *graph = dml_onnx_read (data, n, "model.onnx", NULL, &error);

  g_assert_null (graph);
  g_assert_error (error, DML_ERROR, (gint) code);
  g_assert_true (g_str_has_prefix (error->message, "model.onnx: "));
  if (strstr (error->message, words) == NULL)
    g_error ("\"%s\" does not say \"%s\"", error->message, words);
}

static void
test_read_names_what_is_not_onnx (void)
{
  assert_refused ("PK\003\004.......", 11, DML_ERROR_FORMAT, "zip archive");
  assert_refused ("version https://git-lfs.github.com", 34, DML_ERROR_FORMAT,
                  "git lfs pull");
  assert_refused ("<!DOCTYPE html>", 15, DML_ERROR_FORMAT, "HTML page");
  assert_refused ("x", 1, DML_ERROR_FORMAT, "not an ONNX model");
  assert_refused ("", 0, DML_ERROR_FORMAT, "no graph");
}

static void
test_read_names_a_missing_file (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (dml_onnx_read_file ("no/such.onnx", NULL, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_NOT_FOUND);
  g_assert_true (g_str_has_prefix (error->message, "no/such.onnx: "));
}

static void
test_read_refuses_what_is_no_file (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (dml_onnx_read_file ("/", NULL, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_FORMAT);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/onnx/read/names-what-is-not-onnx",
                   test_read_names_what_is_not_onnx);
  g_test_add_func ("/onnx/read/names-a-missing-file",
                   test_read_names_a_missing_file);
  g_test_add_func ("/onnx/read/refuses-what-is-no-file",
                   test_read_refuses_what_is_no_file);
  return g_test_run ();
}
