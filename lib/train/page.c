/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A run as a page for a browser. The curves are SVG in the page itself. */
#include "train/page.h"
#include "train/report.h"
#include "base/file.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#define LINES_MAX ((size_t) 256 << 20)
#define CHART_W 340
#define CHART_H 190
#define LEFT 48   /* of a chart, for numbers */
#define BOTTOM 22 /* for epochs */

static const char HEAD[] =
  "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
  "<meta name=\"viewport\" content=\"width=device-width\">\n"
  "<style>\n"
  "body{font:15px/1.5 system-ui,sans-serif;max-width:72em;margin:2em auto;"
  "padding:0 1em;color:#222;background:#fff}\n"
  "table{border-collapse:collapse;margin:1em 0;"
  "font-variant-numeric:tabular-nums}\n"
  "td,th{padding:.15em .8em;text-align:right;border-bottom:1px solid #ddd}\n"
  "td:first-child,th:first-child{text-align:left}\n"
  "tr.best{background:#e8f3ea;font-weight:600}\n"
  "code{background:#f4f4f4;padding:.1em .3em;overflow-wrap:anywhere}\n"
  "svg{margin-right:1em}svg text{font-size:11px;fill:#555}\n"
  ".note{color:#666}\n"
  "</style>\n";

/* A number of a line of run.jsonl, by the path of its members. */
typedef struct {
  const char *title;
  const char *in; /* the object that holds it, NULL: the line itself */
  const char *member;
} Figure;

static const Figure figures[] = {
  { "recall@1", "held_out", "recall_1" },
  { "MAP@R", "held_out", "map_r" },
  { "AUROC", "held_out", "auroc" },
  { "DIR at 1 %", "held_out", "dir_fpir_1" },
  { "one photograph", "one_photograph", "right" },
  { "loss", NULL, "loss" },
  { "minutes", NULL, "seconds" },
};
#define N_FIGURES G_N_ELEMENTS (figures)
#define FIGURE_LOSS 5
#define FIGURE_MINUTES 6

typedef struct {
  gint64 epoch;
  gboolean best;
  double value[N_FIGURES]; /* NaN: not there */
} Line;

/* ---- reading ---- */

static double
number_of (JsonObject *object, const Figure *figure)
{
  JsonObject *in = object;
  JsonNode *node;

  if (figure->in != NULL) {
    if (!json_object_has_member (object, figure->in))
      return (double) NAN;
    in = json_object_get_object_member (object, figure->in);
  }
  node = in ? json_object_get_member (in, figure->member) : NULL;
  return node != NULL && JSON_NODE_HOLDS_VALUE (node)
           ? json_node_get_double (node)
           : (double) NAN;
}

static GArray *
read_lines (const DmlTrainer *t, GError **error)
{
  g_autofree char *path = g_build_filename (t->run, "run.jsonl", NULL);
  g_autoptr (GBytes) bytes = dml_file_read (path, LINES_MAX, error);
  g_autofree char *text = NULL;
  g_auto (GStrv) rows = NULL;
  GArray *lines;

  if (bytes == NULL)
    return NULL;
  text = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  rows = g_strsplit (text, "\n", -1);
  lines = g_array_new (FALSE, FALSE, sizeof (Line));
  for (char **row = rows; *row != NULL; row++) {
    g_autoptr (JsonParser) parser = json_parser_new ();
    JsonNode *root;
    Line line;

    if (**row == '\0' || !json_parser_load_from_data (parser, *row, -1, NULL))
      continue; /* somebody wrote into it */
    root = json_parser_get_root (parser);
    if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
      continue;
    line.epoch = json_object_get_int_member_with_default (
      json_node_get_object (root), "epoch", 0);
    line.best = json_object_get_boolean_member_with_default (
      json_node_get_object (root), "best", FALSE);
    for (size_t i = 0; i < N_FIGURES; i++)
      line.value[i] = number_of (json_node_get_object (root), &figures[i]);
    line.value[FIGURE_MINUTES] /= 60;
    g_array_append_val (lines, line);
  }
  return lines;
}

/* ---- curves ---- */

/* FALSE: there are no two points to draw a line between. */
static gboolean
range_of (const GArray *lines, size_t figure, double *low, double *high)
{
  guint n = 0;

  *low = G_MAXDOUBLE;
  *high = -G_MAXDOUBLE;
  for (guint i = 0; i < lines->len; i++) {
    const double v = g_array_index (lines, Line, i).value[figure];

    if (isfinite (v)) {
      *low = MIN (*low, v);
      *high = MAX (*high, v);
      n++;
    }
  }
  if (n > 1 && *high <= *low) { /* flat */
    *low -= 0.5;
    *high += 0.5;
  }
  return n > 1;
}

static void
draw_curve (GString *page, const GArray *lines, size_t figure)
{
  const double last =
    (double) MAX (1, g_array_index (lines, Line, lines->len - 1).epoch);
  const int w = CHART_W - LEFT - 8, h = CHART_H - BOTTOM - 24;
  double low, high;

  if (!range_of (lines, figure, &low, &high))
    return;
  g_string_append_printf (
    page,
    "<svg width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"%s by epoch\">"
    "<text x=\"%d\" y=\"14\" style=\"font-weight:600\">%s</text>"
    "<path d=\"M%d 24V%dH%d\" fill=\"none\" stroke=\"#999\"/>"
    "<text x=\"2\" y=\"30\">%.3g</text><text x=\"2\" y=\"%d\">%.3g</text>"
    "<text x=\"%d\" y=\"%d\">0</text>"
    "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">epoch %.0f</text>"
    "<polyline fill=\"none\" stroke=\"#1a6b3c\" stroke-width=\"2\" points=\"",
    CHART_W, CHART_H, figures[figure].title, LEFT, figures[figure].title, LEFT,
    24 + h, LEFT + w, high, 24 + h, low, LEFT, CHART_H - 6, LEFT + w,
    CHART_H - 6, last);
  for (guint i = 0; i < lines->len; i++) {
    const Line *line = &g_array_index (lines, Line, i);
    const double v = line->value[figure];

    if (isfinite (v)) /* three digits, whatever the locale: as integers */
      g_string_append_printf (
        page, "%d,%d ", LEFT + (int) lround ((double) line->epoch / last * w),
        24 + (int) lround ((high - v) / (high - low) * h));
  }
  g_string_append (page, "\"/></svg>\n");
}

/* ---- tables ---- */

static void
cell (GString *page, double value, const char *format)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  if (isfinite (value))
    g_ascii_formatd (number, sizeof number, format, value);
  else
    g_strlcpy (number, "&ndash;", sizeof number);
  g_string_append_printf (page, "<td>%s</td>", number);
}

static void
write_epochs (GString *page, const GArray *lines, const DmlTrainer *t)
{
  guint best = lines->len;

  for (guint i = 0; i < lines->len; i++)
    if (g_array_index (lines, Line, i).best)
      best = i; /* the last one that was */
  g_string_append (page,
                   "<h2>Every evaluation</h2>\n<table><tr><th>epoch</th>");
  for (size_t i = 0; i < N_FIGURES; i++)
    g_string_append_printf (page, "<th>%s</th>", figures[i].title);
  g_string_append (page, "</tr>\n");
  for (guint i = 0; i < lines->len; i++) {
    const Line *line = &g_array_index (lines, Line, i);

    g_string_append_printf (page, "<tr%s><td>%" G_GINT64_FORMAT "%s</td>",
                            i == best ? " class=\"best\"" : "", line->epoch,
                            line->epoch == 0 ? " (before)"
                            : line->epoch == (gint64) t->kept.epoch ? " (kept)"
                                                                    : "");
    for (size_t j = 0; j < N_FIGURES; j++)
      cell (page, line->value[j], j < FIGURE_MINUTES ? "%.3f" : "%.1f");
    g_string_append (page, "</tr>\n");
  }
  g_string_append (page, "</table>\n");
}

static void
write_test (GString *page, const DmlMeasures *m)
{
  g_string_append_printf (
    page,
    "<h2>Test: %u classes never seen and never chosen by</h2>\n"
    "<table><tr><th>figure</th><th>value</th><th>from</th><th>to</th></tr>\n",
    m->n_classes);
  const struct {
    const char *name;
    double value;
    DmlInterval range;
  } rows[] = {
    { "recall@1", dml_measures_closed (m, m->retrieval.recall[DML_RECALL_AT_1]),
      m->recall_1 },
    { "MAP@R", dml_measures_closed (m, m->retrieval.map_at_r), m->map_r },
    { "AUROC", m->open ? m->auroc : (double) NAN, m->auroc_range },
    { "DIR at 1 % false alarms", m->open ? m->dir_1 : (double) NAN,
      m->dir_1_range },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_string_append_printf (page, "<tr><td>%s</td>", rows[i].name);
    cell (page, rows[i].value, "%.3f");
    cell (page, isnan (rows[i].value) ? (double) NAN : rows[i].range.low,
          "%.3f");
    cell (page, isnan (rows[i].value) ? (double) NAN : rows[i].range.high,
          "%.3f");
    g_string_append (page, "</tr>\n");
  }
  g_string_append (page, "</table>\n<p class=\"note\">From, to: 95 %, classes "
                         "resampled.</p>\n");
}

static void
write_thresholds (GString *page, const DmlKept *kept)
{
  if (!kept->open)
    return;
  g_string_append (page, "<h2>Thresholds in encoder.onnx</h2>\n<table><tr><th>"
                         "false accepts</th><th>similarity above</th></tr>\n");
  for (int i = 0; i < DML_N_FARS; i++) {
    if (!kept->calibrated[i].there)
      continue;
    g_string_append_printf (page, "<tr><td>%g %%</td>", 100 * dml_fars[i]);
    cell (page, kept->calibrated[i].threshold, "%.3f");
    g_string_append (page, "</tr>\n");
  }
  g_string_append (page, "</table>\n");
}

static void
write_settings (GString *page, const DmlTrainer *t)
{
  g_autofree char *command = dml_report_command (t);
  g_autofree char *shown = g_markup_escape_text (command, -1);
  g_autofree char *terms = g_markup_escape_text (t->config->s.data_terms, -1);

  g_string_append_printf (
    page,
    "<h2>How to make it again</h2>\n<p><code>%s</code></p>\n"
    "<p class=\"note\">Every setting: config.ini beside this page.</p>\n",
    shown);
  if (*terms != '\0')
    g_string_append_printf (page, "<p>Trained on: %s</p>\n", terms);
}

gboolean
dml_page_write (const DmlTrainer *t, const DmlMeasures *test, GError **error)
{
  g_autofree char *path = g_build_filename (t->run, "report.html", NULL);
  g_autofree char *base = g_path_get_basename (t->run);
  g_autofree char *name =
    g_markup_escape_text (*t->config->s.name ? t->config->s.name : base, -1);
  g_autoptr (GArray) lines = read_lines (t, error);
  g_autoptr (GString) page = NULL;

  if (lines == NULL)
    return FALSE;
  page = g_string_new (HEAD);
  g_string_append_printf (
    page,
    "<title>%s</title>\n<h1>%s</h1>\n<p>%s, %d x %d pixels in, %zu numbers "
    "out, %.4g M weights; %u training pictures. Step %" G_GUINT64_FORMAT
    " of %" G_GUINT64_FORMAT ".</p>\n",
    name, name, *t->config->s.init ? "fine-tuned" : t->config->s.arch,
    t->model->width, t->model->height, t->model->d,
    (double) t->model->n_weights / 1e6, (guint) t->feed.n, t->step, t->n_steps);
  if (test != NULL)
    write_test (page, test);
  if (lines->len > 0) {
    if (t->val->len > 0)
      g_string_append_printf (
        page, "<h2>On classes held out to choose by (%u pictures)</h2>\n<p>\n",
        t->val->len);
    else
      g_string_append (page,
                       "<h2>Training</h2>\n<p class=\"note\">No class is held "
                       "out, so only the loss is measured (hold-out, "
                       "split).</p>\n<p>\n");
    for (size_t i = 0; i <= FIGURE_LOSS; i++)
      draw_curve (page, lines, i);
    g_string_append (page, "</p>\n");
    write_epochs (page, lines, t);
  }
  write_thresholds (page, &t->kept);
  write_settings (page, t);
  g_string_append (page, "</html>\n");
  return dml_file_replace (path, page->str, page->len, error);
}
