/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What every program shares: options, exit codes, talk on stderr, JSON on
 * stdout, progress, interruption, and finding pictures (docs/programs.md). */
#pragma once

#include <dml/dml.h>
#include <json-glib/json-glib.h>

typedef enum {
  CLI_OK = 0,
  CLI_FAILED = 1,
  CLI_USAGE = 2,
  CLI_BAD_DATA = 3,
  CLI_MISMATCH = 4,
  CLI_DIFFERENT = 5,
  CLI_INTERRUPTED = 130,
} CliExit;

/* First in main: the program's name, and a watch over its standard output. */
void cli_begin (const char *name);

/* Parses options. Answers --version and --help. A mistyped option gets a
 * suggestion. FALSE: leave main with *exit_code. `description` is what stands
 * behind the options in --help: examples. */
gboolean cli_parse (const char *parameters, const char *summary,
                    const char *description, const GOptionEntry *entries,
                    int *argc, char ***argv, CliExit *exit_code);

/* The same for what takes options and nothing else. */
gboolean cli_parse_alone (const char *summary, const char *description,
                          const GOptionEntry *entries, int *argc, char ***argv,
                          CliExit *exit_code);

/* The same with options that only --help-settings and --help-all show. */
gboolean cli_parse_settings (const char *parameters, const char *summary,
                             const char *description,
                             const GOptionEntry *entries,
                             const GOptionEntry *settings, int *argc,
                             char ***argv, CliExit *exit_code);

/* One row of a program's table of subcommands. */
typedef struct {
  const char *name;
  const char *parameters;                 /* as --help shows them */
  const char *summary;                    /* one line */
  CliExit (*run) (int argc, char **argv); /* argv[0] is "program command" */
} CliCommand;

/* The row that argv names, or NULL after words on stderr (*exit_code then says
 * how to leave). Rows end in one without a name. */
const CliCommand *cli_command (const CliCommand *commands, const char *word,
                               CliExit *exit_code);

/* For a program's --help: a line each. Free with g_free. */
char *cli_commands_help (const CliCommand *commands);

/* Where talk has another name in front than usage shows ("dml-gallery list",
 * not "dml-gallery FILE list"), and how to ask for that --help. */
void cli_set_name (const char *spoken, const char *help);

/* stderr, with the program's name in front. */
void cli_say (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* Says an error and returns the exit code that fits it. */
CliExit cli_fail (const GError *error);

/* A wrong use in words, and CLI_USAGE. */
CliExit cli_usage (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* "--k: 0 is not within 1..100" on stderr, and FALSE. */
gboolean cli_within (const char *option, gint64 value, gint64 least,
                     gint64 most);
gboolean cli_within_reals (const char *option, double value, double least,
                           double most);

/* The range of every --false-accept-rate, which dmlmatch's property has, too.
 */
gboolean cli_check_rate (double false_accept_rate);
#define CLI_RATES                                                              \
  G_STRINGIFY (DML_FALSE_ACCEPT_RATE_LEAST)                                    \
  ".." G_STRINGIFY (DML_FALSE_ACCEPT_RATE_MOST)

/* Of every --threads; the process's pool takes no more. */
#define CLI_THREADS_MOST 256

/* The candidate nearest to a mistyped word, or NULL if none is near. */
const char *cli_nearest (const char *word, const char *const *candidates);

/* Printed on stdout in one line, the newline behind it. Takes the builder. */
void cli_print_json (JsonBuilder *builder);

/* A number as "schema": "dml-<what>/<version>" in the object being built. */
void cli_json_schema (JsonBuilder *builder, const char *schema);

/* An object that begins with its schema, and cli_print_json() at its end. */
JsonBuilder *cli_json_new (const char *schema);
void cli_json_print (JsonBuilder *builder);

/* Text of any bytes, as UTF-8; @member NULL: of an array. */
void cli_json_text (JsonBuilder *builder, const char *member, const char *text);
void cli_json_integer (JsonBuilder *builder, const char *member, gint64 value);
void cli_json_number (JsonBuilder *builder, const char *member, double value);
void cli_json_boolean (JsonBuilder *builder, const char *member,
                       gboolean value);
/* The nick of a value of an enumeration. */
void cli_json_nick (JsonBuilder *builder, const char *member, GType type,
                    gint value);
/* A label's data: JSON in itself. Left out where there is none (NULL). */
void cli_json_data (JsonBuilder *builder, const char *data);
/* What follows is in it; ended by json_builder_end_array(). */
void cli_json_array (JsonBuilder *builder, const char *member);

/* "1 item", "2 items" */
#define CLI_S(n) ((n) == 1 ? "" : "s")

/* Text as it may be shown on a terminal: what is no character to be seen, a
 * line break among them, as \x0a, as the library's messages have it. */
char *cli_printable (const char *text);

/* A bar on stderr where that is a terminal, else nothing. */
typedef struct _CliProgress CliProgress;
CliProgress *cli_progress_new (const char *what, gsize total);
void cli_progress_set (CliProgress *progress, gsize done, const char *note);
/* The caller's words instead of the rate and the time left. */
void cli_progress_say (CliProgress *progress, gsize done, const char *words);
void cli_progress_free (CliProgress *progress); /* wipes the line */

/* Before a line on either output while a bar may stand: it comes back with its
 * next step. cli_say() and cli_print_json() do it. */
void cli_progress_wipe (void);

/* From here on Ctrl-C only sets a flag, the second one ends the program. */
void cli_catch_interrupt (void);
gboolean cli_interrupted (void);

/* As cli_catch_interrupt(); Ctrl-C also cancels what waits for `cancellable`,
 * by a thread: a signal handler may not. */
void cli_cancel_on_interrupt (GCancellable *cancellable);

/* Colour on stdout is wanted: a terminal, and no NO_COLOR. */
gboolean cli_colour (void);

/* A picture file and the label that its place gives it. */
typedef struct {
  char *path;
  char *label;   /* see cli_pictures */
  char *problem; /* why it is not to be opened, or NULL */
} CliPicture;

/* Finds pictures: a file as it is, a folder with all below it, in the order of
 * their names. Label: of a picture in a sub-folder, the sub-folder's path; of
 * one that lies in the named folder itself or was named, its own name without
 * the ending. Hidden files are passed over, others that do not look like
 * pictures counted in *n_others. What cannot be read (a folder below, a pipe in
 * one) is among the pictures, with its problem; a link that leads back up is
 * told and passed over. A path that is not there is an error. */
GPtrArray *cli_pictures (char **paths, guint *n_others, GError **error);

/* FALSE with the picture's problem, where it has one. */
gboolean cli_picture_check (const CliPicture *picture, GError **error);

/* dml_session_embed_enrolment(), with the picture's path before an error. */
gboolean cli_embed (DmlSession *session, const DmlPicture *picture,
                    const char *path, guint n_views, float *out,
                    GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliProgress, cli_progress_free)
