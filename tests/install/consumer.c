/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A program of somebody else's, built against the installed library. */
#include <dml/dml.h>
#include <stdio.h>
#include <string.h>

int
main (void)
{
  DmlEncoder *encoder = dml_encoder_get_default ();
  GError *error = NULL;

  if (strcmp (dml_version (), DML_VERSION_STRING) != 0) {
    fprintf (stderr, "headers %s, library %s\n", DML_VERSION_STRING,
             dml_version ());
    return 1;
  }
  if (dml_gallery_open ("/no/such.bin", DML_GALLERY_READ, encoder, &error) ||
      !g_error_matches (error, DML_ERROR, DML_ERROR_NOT_FOUND))
    return 1;
  printf ("%s: %u numbers; %s\n", dml_encoder_get_name (encoder),
          dml_encoder_get_dim (encoder), error->message);
  g_error_free (error);
  dml_encoder_unref (encoder);
  return 0;
}
