/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Options, exit codes, talk and JSON. */
#include "cli.h"
#include "cli_output.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* NULL: the program's name. */
static char *spoken_name, *help_name;

void
cli_set_name (const char *spoken, const char *help)
{
  g_free (spoken_name);
  g_free (help_name);
  spoken_name = g_strdup (spoken);
  help_name = g_strdup (help);
}

static const char *
name_in_talk (void)
{
  return spoken_name != NULL ? spoken_name : g_get_prgname ();
}

void
cli_begin (const char *name)
{
  g_set_prgname (name);
  cli_watch_output (name_in_talk);
}

void
cli_say (const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  cli_progress_wipe ();
  fprintf (stderr, "%s: %s\n", name_in_talk (), text);
}

CliExit
cli_usage (const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  fprintf (stderr, "%s: %s\nTry '%s --help'.\n", name_in_talk (), text,
           help_name != NULL ? help_name : g_get_prgname ());
  return CLI_USAGE;
}

gboolean
cli_within (const char *option, gint64 value, gint64 least, gint64 most)
{
  if (value < least || value > most)
    cli_usage ("--%s: %" G_GINT64_FORMAT " is not within %" G_GINT64_FORMAT
               "..%" G_GINT64_FORMAT,
               option, value, least, most);
  return value >= least && value <= most;
}

gboolean
cli_within_reals (const char *option, double value, double least, double most)
{
  if (!(value >= least && value <= most)) /* NaN is not */
    cli_usage ("--%s: %.7g is not within %g..%g", option, value, least, most);
  return value >= least && value <= most;
}

gboolean
cli_check_rate (double rate)
{
  if (!(rate >= DML_FALSE_ACCEPT_RATE_LEAST &&
        rate <= DML_FALSE_ACCEPT_RATE_MOST)) {
    cli_usage ("--false-accept-rate: %.7g is not within " CLI_RATES, rate);
    return FALSE;
  }
  return TRUE;
}

CliExit
cli_fail (const GError *error)
{
  cli_say ("%s", error->message);
  if (error->domain == G_OPTION_ERROR)
    return CLI_USAGE;
  if (error->domain != DML_ERROR)
    return CLI_FAILED;
  switch (error->code) {
  case DML_ERROR_INVALID:
    return CLI_USAGE;
  case DML_ERROR_FORMAT:
  case DML_ERROR_UNSUPPORTED:
  case DML_ERROR_LIMIT:
    return CLI_BAD_DATA;
  case DML_ERROR_MISMATCH:
    return CLI_MISMATCH;
  case DML_ERROR_CANCELLED:
    return CLI_INTERRUPTED;
  default:
    return CLI_FAILED;
  }
}

/* Damerau and Levenshtein's distance with adjacent swaps, on bytes. */
static guint
edit_distance (const char *a, const char *b)
{
  const gsize n = strlen (a), m = strlen (b);
  g_autofree guint *rows = g_new (guint, 3 * (m + 1));
  guint *before = rows, *last = rows + m + 1, *row = rows + 2 * (m + 1);

  for (gsize j = 0; j <= m; j++)
    last[j] = (guint) j;
  for (gsize i = 1; i <= n; i++) {
    guint *spare = before;

    row[0] = (guint) i;
    for (gsize j = 1; j <= m; j++) {
      row[j] = MIN (last[j - 1] + (a[i - 1] != b[j - 1]),
                    MIN (last[j], row[j - 1]) + 1);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = MIN (row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
    row = spare;
  }
  return last[m];
}

const char *
cli_nearest (const char *word, const char *const *candidates)
{
  const char *nearest = NULL;
  const guint n = (guint) strlen (word);
  guint least = MIN (n, 1 + MAX (2, n / 3)); /* never all of the word */

  for (; *candidates != NULL; candidates++) {
    const guint distance = edit_distance (word, *candidates);

    if (distance < least) {
      least = distance;
      nearest = *candidates;
    }
  }
  return nearest;
}

/* The message of an unknown option, with the nearest one there is. */
static void
say_unknown_option (const char *word, const GOptionEntry *entries,
                    const GOptionEntry *settings)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autofree char *bare = g_strndup (word, strcspn (word, "="));
  const char *near;

  while (*bare == '-')
    memmove (bare, bare + 1, strlen (bare));
  for (; entries != NULL && entries->long_name != NULL; entries++)
    if (*entries->long_name != '\0')
      g_ptr_array_add (names, (gpointer) entries->long_name);
  for (; settings != NULL && settings->long_name != NULL; settings++)
    g_ptr_array_add (names, (gpointer) settings->long_name);
  g_ptr_array_add (names, (gpointer) "version");
  g_ptr_array_add (names, (gpointer) "help");
  g_ptr_array_add (names, NULL);
  near = cli_nearest (bare, (const char *const *) names->pdata);
  if (near != NULL)
    cli_usage ("%s: not an option; did you mean --%s?", word, near);
  else
    cli_usage ("%s: not an option", word);
}

static gboolean
is_text_option (const GOptionEntry *entries, const char *name, gsize n)
{
  for (; entries != NULL && entries->long_name != NULL; entries++)
    if (entries->arg == G_OPTION_ARG_STRING &&
        ((strlen (entries->long_name) == n - 2 &&
          strncmp (name, "--", 2) == 0 &&
          strncmp (entries->long_name, name + 2, n - 2) == 0) ||
         (n == 2 && name[0] == '-' && entries->short_name == name[1])))
      return TRUE;
  return FALSE;
}

/* The message of text that the locale cannot read. GOption's has no name in it.
 * FALSE: no option that wants text has such. */
static gboolean
say_bad_text (char **argv, const GOptionEntry *entries,
              const GOptionEntry *settings)
{
  for (guint i = 1; argv[i] != NULL; i++) {
    const char *name = argv[i], *value = strchr (name, '=');
    const gsize n = value != NULL ? (gsize) (value - name) : strlen (name);
    g_autofree char *shown = NULL, *bare = NULL;

    value = value != NULL ? value + 1 : argv[i + 1];
    if (n < 2 || value == NULL || g_utf8_validate (value, -1, NULL) ||
        !(is_text_option (entries, name, n) ||
          is_text_option (settings, name, n)))
      continue;
    shown = cli_printable (value);
    bare = g_strndup (name, n);
    cli_usage ("%s: %s is not UTF-8, which is expected", bare, shown);
    return TRUE;
  }
  return FALSE;
}

/* GOption leaves a "--" in place that stands before what looks like an option.
 */
static void
drop_separator (int *argc, char **argv)
{
  for (int i = 1; i < *argc; i++)
    if (strcmp (argv[i], "--") == 0) {
      memmove (argv + i, argv + i + 1,
               (gsize) (*argc - i) * sizeof *argv); /* with the NULL */
      --*argc;
      return;
    }
}

gboolean
cli_parse (const char *parameters, const char *summary, const char *description,
           const GOptionEntry *entries, int *argc, char ***argv,
           CliExit *exit_code)
{
  return cli_parse_settings (parameters, summary, description, entries, NULL,
                             argc, argv, exit_code);
}

gboolean
cli_parse_alone (const char *summary, const char *description,
                 const GOptionEntry *entries, int *argc, char ***argv,
                 CliExit *exit_code)
{
  if (!cli_parse ("", summary, description, entries, argc, argv, exit_code))
    return FALSE;
  if (*argc < 2)
    return TRUE;
  *exit_code = cli_usage ("%s: nothing is expected here", (*argv)[1]);
  return FALSE;
}

gboolean
cli_parse_settings (const char *parameters, const char *summary,
                    const char *description, const GOptionEntry *entries,
                    const GOptionEntry *settings, int *argc, char ***argv,
                    CliExit *exit_code)
{
  gboolean version = FALSE;
  const GOptionEntry common[] = {
    { "version", 0, 0, G_OPTION_ARG_NONE, &version,
      "Print version, build options and instruction set", NULL },
    { NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new (parameters);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) given = g_strdupv (*argv); /* parsing takes options out */

  setlocale (LC_ALL, "");
  setlocale (LC_NUMERIC, "C"); /* figures with a point, read and written */
  signal (SIGXFSZ, SIG_IGN);   /* a limit on files is told like a full disk */
  g_option_context_set_summary (context, summary);
  g_option_context_set_description (context, description);
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_main_entries (context, common, NULL);
  if (settings != NULL) {
    GOptionGroup *group = g_option_group_new (
      "settings", "Settings:", "Show all settings", NULL, NULL);

    g_option_group_add_entries (group, settings);
    g_option_context_add_group (context, group);
  }
  if (!g_option_context_parse (context, argc, argv, &error)) {
    if (g_error_matches (error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION))
      say_unknown_option (strrchr (error->message, ' ') + 1, entries, settings);
    else if (error->domain != G_CONVERT_ERROR ||
             !say_bad_text (given, entries, settings))
      cli_usage ("%s", error->message);
    *exit_code = CLI_USAGE;
    return FALSE;
  }
  if (version) {
    printf ("%s\n", dml_build_info ());
    *exit_code = CLI_OK;
    return FALSE;
  }
  drop_separator (argc, *argv);
  return TRUE;
}

const CliCommand *
cli_command (const CliCommand *commands, const char *word, CliExit *exit_code)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  const char *near;

  for (const CliCommand *c = commands; c->name != NULL; c++) {
    if (strcmp (c->name, word) == 0)
      return c;
    g_ptr_array_add (names, (gpointer) c->name);
  }
  g_ptr_array_add (names, NULL);
  near = cli_nearest (word, (const char *const *) names->pdata);
  if (near != NULL)
    *exit_code = cli_usage ("%s: not a command; did you mean %s?", word, near);
  else {
    g_autofree char *all = g_strjoinv (", ", (char **) names->pdata);

    *exit_code = cli_usage ("%s: not a command; there are %s", word, all);
  }
  return NULL;
}

char *
cli_commands_help (const CliCommand *commands)
{
  GString *text = g_string_new ("Commands:\n");

  for (; commands->name != NULL; commands++)
    g_string_append_printf (text, "  %-10s %s\n", commands->name,
                            commands->summary);
  return g_string_free (text, FALSE);
}

void
cli_print_json (JsonBuilder *builder)
{
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  g_autofree char *text = NULL;

  json_generator_set_root (generator, root);
  text = json_generator_to_data (generator, NULL);
  cli_progress_wipe ();
  printf ("%s\n", text);
  g_object_unref (builder);
}

void
cli_json_schema (JsonBuilder *builder, const char *schema)
{
  json_builder_set_member_name (builder, "schema");
  json_builder_add_string_value (builder, schema);
}

JsonBuilder *
cli_json_new (const char *schema)
{
  JsonBuilder *builder = json_builder_new ();

  json_builder_begin_object (builder);
  cli_json_schema (builder, schema);
  return builder;
}

void
cli_json_print (JsonBuilder *builder)
{
  json_builder_end_object (builder);
  cli_print_json (builder);
}

void
cli_json_integer (JsonBuilder *builder, const char *member, gint64 value)
{
  json_builder_set_member_name (builder, member);
  json_builder_add_int_value (builder, value);
}

void
cli_json_number (JsonBuilder *builder, const char *member, double value)
{
  json_builder_set_member_name (builder, member);
  json_builder_add_double_value (builder, value);
}

void
cli_json_boolean (JsonBuilder *builder, const char *member, gboolean value)
{
  json_builder_set_member_name (builder, member);
  json_builder_add_boolean_value (builder, value);
}

void
cli_json_nick (JsonBuilder *builder, const char *member, GType type, gint value)
{
  g_autoptr (GEnumClass) klass = g_type_class_ref (type);

  cli_json_text (builder, member, g_enum_get_value (klass, value)->value_nick);
}

void
cli_json_data (JsonBuilder *builder, const char *data)
{
  if (data == NULL)
    return;
  json_builder_set_member_name (builder, "data");
  json_builder_add_value (builder, json_from_string (data, NULL));
}

void
cli_json_array (JsonBuilder *builder, const char *member)
{
  json_builder_set_member_name (builder, member);
  json_builder_begin_array (builder);
}

void
cli_json_text (JsonBuilder *builder, const char *member, const char *text)
{
  g_autofree char *valid = text != NULL ? g_utf8_make_valid (text, -1) : NULL;

  if (member != NULL)
    json_builder_set_member_name (builder, member);
  json_builder_add_string_value (builder, valid);
}

/* As the library's messages have it. */
static gboolean
is_printable (gunichar c)
{
  return g_unichar_isprint (c) || c == 0x200C || c == 0x200D; /* joiners */
}

char *
cli_printable (const char *text)
{
  GString *out = g_string_new (NULL);

  for (const char *p = text, *next; *p != '\0'; p = next) {
    const gunichar c = g_utf8_get_char_validated (p, -1);
    const gboolean bad = c >= (gunichar) -2;

    next = bad ? p + 1 : g_utf8_next_char (p);
    if (!bad && is_printable (c))
      g_string_append_unichar (out, c);
    else
      for (; p < next; p++)
        g_string_append_printf (out, "\\x%02x", (guint8) *p);
  }
  return g_string_free (out, FALSE);
}

gboolean
cli_colour (void)
{
  const char *no = g_getenv ("NO_COLOR");

  return (no == NULL || *no == '\0') && isatty (STDOUT_FILENO);
}
