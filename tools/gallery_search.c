/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-gallery search: what is this, and why. */
#include "gallery.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct {
  char *encoder, *classifier, *sheet;
  int k;
  double threshold, false_accept_rate, margin;
  gboolean json, force;
} options;

/* NaN stands for none, and is nothing that one may ask for. */
static gboolean
set_threshold (const char *name, const char *value, gpointer data,
               GError **error)
{
  char *end;

  options.threshold = g_ascii_strtod (value, &end);
  if (end != value && *end == '\0' && fabs (options.threshold) <= 1.0)
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               "%s: %s is not within -1..1", name, value);
  return FALSE;
}

static const GOptionEntry entries[] = {
  { "encoder", 'e', 0, G_OPTION_ARG_FILENAME, &options.encoder,
    "ONNX file that made the gallery's embeddings (built-in)", "FILE" },
  { "k", 'k', 0, G_OPTION_ARG_INT, &options.k,
    "Nearest items to look at, 1..100 (5)", "K" },
  { "classifier", 'c', 0, G_OPTION_ARG_STRING, &options.classifier,
    "auto, knn, prototype, svm or bayes (auto)", "NAME" },
  { "threshold", 't', 0, G_OPTION_ARG_CALLBACK, (gpointer) set_threshold,
    "Similarity that must be exceeded, -1..1 (calibrated)", "S" },
  { "false-accept-rate", 'f', 0, G_OPTION_ARG_DOUBLE,
    &options.false_accept_rate,
    "Rate that the calibrated threshold is for, " CLI_RATES " (0.05)", "RATE" },
  { "margin", 'm', 0, G_OPTION_ARG_DOUBLE, &options.margin,
    "By how much the best label must lead, 0..2 (0)", "S" },
  { "sheet", 's', 0, G_OPTION_ARG_FILENAME, &options.sheet,
    "Also draw queries and hits into a picture", "FILE.png" },
  { "force", 0, 0, G_OPTION_ARG_NONE, &options.force,
    "Write over a sheet that is there", NULL },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json,
    "Print a JSON line a picture (dml-search/1)", NULL },
  { NULL },
};

static void
answer_as_json (const char *path, const DmlMatch *match)
{
  JsonBuilder *json = cli_json_new ("dml-search/1");

  cli_json_text (json, "picture", path);
  cli_json_text (json, "decision",
                 dml_decision_to_string (dml_match_get_decision (match)));
  cli_json_text (json, "reason",
                 dml_reason_to_string (dml_match_get_reason (match)));
  cli_json_text (json, "explanation", dml_match_get_explanation (match));
  if (dml_match_get_label (match) != NULL) {
    cli_json_text (json, "label", dml_match_get_label (match));
    cli_json_number (json, "similarity", dml_match_get_similarity (match));
    cli_json_number (json, "margin", dml_match_get_margin (match));
    cli_json_number (json, "confidence", dml_match_get_confidence (match));
    cli_json_integer (json, "item", dml_match_get_item (match));
  }
  cli_json_number (json, "threshold", dml_match_get_threshold (match));
  cli_json_data (json, dml_match_get_label_data (match));
  cli_json_array (json, "hits");
  for (guint i = 0; i < dml_match_get_n_hits (match); i++) {
    const char *label;
    gint64 item;
    double similarity;

    dml_match_get_hit (match, i, &label, &item, &similarity);
    json_builder_begin_object (json);
    cli_json_text (json, "label", label);
    cli_json_integer (json, "item", item);
    cli_json_number (json, "similarity", similarity);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
  cli_json_print (json);
}

static void
answer_as_table (const char *path, const DmlMatch *match)
{
  static const char *const colours[] = { "\033[33m", "\033[36m", "\033[32m" };
  const DmlDecision decision = dml_match_get_decision (match);
  const gboolean colour = cli_colour ();
  g_autofree char *shown = cli_printable (path);
  g_autofree char *name = decision == DML_DECISION_UNKNOWN
                            ? g_strdup ("")
                            : cli_printable (dml_match_get_label (match));
  g_autofree char *why = cli_printable (dml_match_get_explanation (match));

  printf ("%s: %s%s%s%s%s\n  %s\n", shown, colour ? colours[decision] : "",
          dml_decision_to_string (decision), *name ? " " : "", name,
          colour ? "\033[0m" : "", why);
  for (guint i = 0; i < dml_match_get_n_hits (match); i++) {
    const char *label;
    gint64 item;
    double similarity;
    g_autofree char *printable = NULL;

    dml_match_get_hit (match, i, &label, &item, &similarity);
    printable = cli_printable (label);
    printf ("  %2u  %7.4f  %s (item %" G_GINT64_FORMAT ")\n", i + 1, similarity,
            printable, item);
  }
}

static gboolean
classifier_from_name (const char *name, DmlClassifier *classifier)
{
  static const char *const names[] = { "auto", "knn",   "prototype",
                                       "svm",  "bayes", NULL };

  for (guint i = 0; names[i] != NULL; i++)
    if (strcmp (names[i], name) == 0) {
      *classifier = (DmlClassifier) i;
      return TRUE;
    }
  return FALSE;
}

typedef struct {
  DmlEncoder *encoder;
  DmlSession *session;
  DmlMatcher *matcher;
} Searcher;

static DmlMatch *
answer (const Searcher *searcher, const CliPicture *from, GError **error)
{
  g_autoptr (DmlPicture) picture = cli_picture_check (from, error)
                                     ? dml_picture_load (from->path, error)
                                     : NULL;
  g_autofree float *query = NULL;
  DmlMatch *match;

  if (picture == NULL)
    return NULL;
  query = g_new (float, dml_encoder_get_dim (searcher->encoder));
  if (!cli_embed (searcher->session, picture, from->path, 1, query, error))
    return NULL;
  dml_matcher_match (searcher->matcher, query, 1, &match);
  return match;
}

static void
answers_free (GArray *answers)
{
  for (guint i = 0; i < answers->len; i++) {
    GalleryAnswer *a = &g_array_index (answers, GalleryAnswer, i);

    g_free (a->path);
    dml_match_unref (a->match);
  }
  g_array_unref (answers);
}

/* Every picture in turn; how many could not be read. */
static guint
search_all (const Searcher *searcher, GPtrArray *pictures, GArray *answers)
{
  guint n_failed = 0;

  for (guint i = 0; i < pictures->len; i++) {
    const CliPicture *picture = g_ptr_array_index (pictures, i);
    g_autoptr (GError) failure = NULL;
    DmlMatch *match = answer (searcher, picture, &failure);
    GalleryAnswer kept;

    if (match == NULL) {
      cli_say ("%s", failure->message);
      n_failed++;
      continue;
    }
    if (options.json)
      answer_as_json (picture->path, match);
    else
      answer_as_table (picture->path, match);
    kept = (GalleryAnswer){ g_strdup (picture->path), match };
    g_array_append_val (answers, kept);
  }
  return n_failed;
}

/* Options that can be told wrong before anything is opened. */
static gboolean
check_options (DmlMatcherOptions *matcher_options, CliExit *exit_code)
{
  if (options.classifier != NULL &&
      !classifier_from_name (options.classifier,
                             &matcher_options->classifier)) {
    *exit_code = cli_usage ("--classifier: %s is none of auto, knn, prototype, "
                            "svm, bayes",
                            options.classifier);
    return FALSE;
  }
  if (options.sheet != NULL && !options.force &&
      g_file_test (options.sheet, G_FILE_TEST_EXISTS)) {
    *exit_code = cli_usage ("--sheet: %s is there already; --force writes over "
                            "it",
                            options.sheet);
    return FALSE;
  }
  if (!cli_within ("k", options.k, 1, 100) ||
      !cli_check_rate (options.false_accept_rate) ||
      !cli_within_reals ("margin", options.margin, 0.0, 2.0)) {
    *exit_code = CLI_USAGE;
    return FALSE;
  }
  matcher_options->k = (guint) options.k;
  matcher_options->threshold = options.threshold;
  matcher_options->false_accept_rate = options.false_accept_rate;
  matcher_options->margin = options.margin;
  return TRUE;
}

CliExit
gallery_search (int argc, char **argv)
{
  DmlMatcherOptions matcher_options = DML_MATCHER_OPTIONS_INIT;
  g_autoptr (DmlEncoder) encoder = NULL;
  g_autoptr (DmlSession) session = NULL;
  g_autoptr (DmlGallery) gallery = NULL;
  g_autoptr (DmlSnapshot) snapshot = NULL;
  g_autoptr (DmlMatcher) matcher = NULL;
  g_autoptr (GPtrArray) pictures = NULL;
  g_autoptr (GError) error = NULL;
  GArray *answers;
  CliExit exit_code;
  guint n_failed;

  options.k = 5;
  options.threshold = (double) NAN;
  options.false_accept_rate = DML_FALSE_ACCEPT_RATE;
  if (!cli_parse ("PICTURES…", "Recognises photographs.",
                  "Examples:\n"
                  "  dml-gallery shop.bin search query.jpg\n"
                  "  dml-gallery shop.bin search --sheet hits.png basket/",
                  entries, &argc, &argv, &exit_code) ||
      !check_options (&matcher_options, &exit_code))
    return exit_code;
  if (argc < 2)
    return cli_usage ("no picture named");
  if ((pictures = cli_pictures (argv + 1, NULL, &error)) == NULL ||
      (encoder = gallery_encoder (options.encoder, &error)) == NULL ||
      (gallery = dml_gallery_open (gallery_path, DML_GALLERY_READ, encoder,
                                   &error)) == NULL ||
      (snapshot = dml_gallery_get_snapshot (gallery, &error)) == NULL ||
      (matcher = dml_matcher_new (snapshot, encoder, &matcher_options,
                                  &error)) == NULL ||
      (session = dml_encoder_session_new (encoder, 0, &error)) == NULL)
    return gallery_fail (error);
  if (dml_matcher_get_warning (matcher) != NULL)
    cli_say ("%s", dml_matcher_get_warning (matcher));
  if (dml_snapshot_get_n_items (snapshot) == 0)
    cli_say ("%s: nothing is enrolled yet, so everything is unknown",
             gallery_path);

  answers = g_array_new (FALSE, FALSE, sizeof (GalleryAnswer));
  n_failed =
    search_all (&(Searcher){ encoder, session, matcher }, pictures, answers);
  exit_code = n_failed > 0 || answers->len == 0 ? CLI_BAD_DATA : CLI_OK;
  if (options.sheet != NULL && answers->len > 0 &&
      !gallery_write_sheet (options.sheet, gallery,
                            (GalleryAnswer *) (void *) answers->data,
                            answers->len, &error))
    exit_code = cli_fail (error);
  answers_free (answers);
  return exit_code;
}
