/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-gallery calibrate and verify. */
#include "gallery.h"

#include <math.h>
#include <stdio.h>

static struct {
  double false_accept_rate;
  char *encoder;
  gboolean json;
} options;

static const GOptionEntry calibrate_entries[] = {
  { "false-accept-rate", 'f', 0, G_OPTION_ARG_DOUBLE,
    &options.false_accept_rate,
    "Wished share of unknown things that get a name, " CLI_RATES " (0.05)",
    "RATE" },
  { "encoder", 'e', 0, G_OPTION_ARG_FILENAME, &options.encoder,
    "Encoder whose own thresholds stand in where the gallery has too few "
    "labels (built-in)",
    "FILE" },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json,
    "Print as JSON (dml-calibrate/1)", NULL },
  { NULL },
};

static const GOptionEntry verify_entries[] = {
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json,
    "Print as JSON (dml-verify/1)", NULL },
  { NULL },
};

/* The encoder to fall back on, where it is the gallery's; NULL is fine. */
static gboolean
calibrate_encoder (DmlGallery *gallery, DmlEncoder **encoder, GError **error)
{
  if (options.encoder != NULL) {
    *encoder = dml_encoder_open (options.encoder, error);
    if (*encoder == NULL)
      return FALSE;
  } else
    *encoder = dml_encoder_get_default ();
  if (g_strcmp0 (dml_encoder_get_fingerprint (*encoder),
                 dml_gallery_get_fingerprint (gallery)) == 0)
    return TRUE;
  if (options.encoder == NULL) {
    g_clear_pointer (encoder, dml_encoder_unref);
    return TRUE;
  }
  g_set_error (error, DML_ERROR, DML_ERROR_MISMATCH,
               "--encoder: %s (%.8s) is not the encoder of %s, which is %s "
               "(%.8s)",
               dml_encoder_get_name (*encoder),
               dml_encoder_get_fingerprint (*encoder), gallery_path,
               dml_gallery_get_encoder_name (gallery),
               dml_gallery_get_fingerprint (gallery));
  return FALSE;
}

/* What was stored, in the words of who uses it. */
static CliExit
describe (DmlGallery *gallery, double false_accept_rate)
{
  DmlMatcherOptions matching = DML_MATCHER_OPTIONS_INIT;
  g_autoptr (DmlSnapshot) snapshot = NULL;
  g_autoptr (DmlMatcher) matcher = NULL;
  g_autoptr (GError) error = NULL;

  matching.false_accept_rate = false_accept_rate;
  if ((snapshot = dml_gallery_get_snapshot (gallery, &error)) == NULL ||
      (matcher = dml_matcher_new (snapshot, NULL, &matching, &error)) == NULL)
    return cli_fail (error);
  printf ("%s\n", dml_matcher_describe_threshold (matcher));
  return CLI_OK;
}

CliExit
gallery_calibrate (int argc, char **argv)
{
  g_autoptr (DmlGallery) gallery = NULL;
  g_autoptr (DmlEncoder) encoder = NULL;
  g_autoptr (GError) error = NULL;
  DmlThreshold threshold;
  gboolean from_gallery;
  CliExit exit_code;

  options.false_accept_rate = DML_FALSE_ACCEPT_RATE;
  if (!cli_parse_alone (
        "Finds by how much the best label must lead for a thing not to be\n"
        "called unknown: its similarity over half the mean of the next\n"
        "labels'. Takes every label out in turn, shows its items to the rest\n"
        "as unknown things, and stores the lead in the gallery.",
        "Do it again after many changes to the gallery.\n\n"
        "Example:\n"
        "  dml-gallery shop.bin calibrate --false-accept-rate 0.01",
        calibrate_entries, &argc, &argv, &exit_code))
    return exit_code;
  if (!cli_check_rate (options.false_accept_rate))
    return CLI_USAGE;
  gallery = dml_gallery_open (gallery_path, DML_GALLERY_WRITE, NULL, &error);
  if (gallery == NULL || !calibrate_encoder (gallery, &encoder, &error) ||
      !dml_gallery_calibrate (gallery, encoder, options.false_accept_rate,
                              &threshold, &from_gallery, &error))
    return cli_fail (error);
  if (options.json) {
    JsonBuilder *json = cli_json_new ("dml-calibrate/1");

    cli_json_number (json, from_gallery ? "lead" : "threshold",
                     threshold.threshold);
    cli_json_number (json, "wished", options.false_accept_rate);
    cli_json_number (json, "false_accept_rate", threshold.false_accept_rate);
    cli_json_number (json, "lower", threshold.lower);
    cli_json_number (json, "upper", threshold.upper);
    cli_json_integer (json, "n_impostor", threshold.n_impostor);
    cli_json_text (json, "from", from_gallery ? "gallery" : "encoder");
    cli_json_print (json);
    return CLI_OK;
  }
  if (from_gallery)
    return describe (gallery, options.false_accept_rate);
  printf ("too few labels here to measure: the encoder's own threshold, a "
          "similarity of %.4f, holds for a false-accept rate of %g",
          threshold.threshold, threshold.false_accept_rate);
  if (fabs (threshold.false_accept_rate - options.false_accept_rate) >
      1e-9 * options.false_accept_rate)
    printf (
      "; it tells none for %g, and this is its %s", options.false_accept_rate,
      threshold.false_accept_rate < options.false_accept_rate ? "loosest"
                                                              : "strictest");
  putchar ('\n');
  return CLI_OK;
}

CliExit
gallery_verify (int argc, char **argv)
{
  g_autoptr (DmlGallery) gallery = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) problems = NULL;
  CliExit exit_code;
  guint n;

  if (!cli_parse_alone ("Reads the whole gallery and names what is wrong.",
                        "Example:\n  dml-gallery shop.bin verify",
                        verify_entries, &argc, &argv, &exit_code))
    return exit_code;
  gallery = dml_gallery_open (gallery_path, DML_GALLERY_READ, NULL, &error);
  if (gallery == NULL || !dml_gallery_verify (gallery, &problems, &error))
    return cli_fail (error);
  n = g_strv_length (problems);
  if (options.json) {
    JsonBuilder *json = cli_json_new ("dml-verify/1");

    cli_json_array (json, "problems");
    for (guint i = 0; i < n; i++)
      json_builder_add_string_value (json, problems[i]);
    json_builder_end_array (json);
    cli_json_print (json);
  } else if (n == 0)
    printf ("%s: sound\n", gallery_path);
  for (guint i = 0; !options.json && i < n; i++)
    printf ("%s\n", problems[i]);
  return n == 0 ? CLI_OK : CLI_BAD_DATA;
}
