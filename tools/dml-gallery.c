/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-gallery: the life of a gallery. */
#include "gallery.h"

#include <stdio.h>
#include <string.h>

const char *gallery_path;

static const CliCommand commands[] = {
  { "enroll", "PICTURES_OR_FOLDERS…", "add photographs", gallery_enroll },
  { "list", "", "labels with their numbers of items", gallery_list },
  { "show", "LABEL", "one label's items and data", gallery_show },
  { "search", "PICTURES…", "what is this, and why", gallery_search },
  { "remove", "LABELS…", "take labels or items out for good", gallery_remove },
  { "rename", "LABEL NEW", "rename or merge", gallery_rename },
  { "data", "LABEL [JSON]", "store JSON with a label, or print it",
    gallery_data },
  { "calibrate", "", "find the threshold for a false-accept rate",
    gallery_calibrate },
  { "verify", "", "read everything and name what is wrong", gallery_verify },
  { "diff", "OTHER", "what another gallery has not, or has beside",
    gallery_diff },
  { "merge", "OTHER", "take another gallery's labels and items in",
    gallery_merge },
  { "re-embed", "-o NEW", "the same photographs, another encoder",
    gallery_reembed },
  { "export", "", "vectors or JSON lines, for other programs", gallery_export },
  { NULL },
};

DmlEncoder *
gallery_encoder (const char *path, GError **error)
{
  DmlEncoder *encoder =
    path ? dml_encoder_open (path, error) : dml_encoder_get_default ();

  if (encoder != NULL && dml_encoder_is_placeholder (encoder))
    cli_say ("the encoder is a placeholder that was never trained: its answers "
             "mean little; name another with --encoder");
  return encoder;
}

DmlSnapshot *
gallery_snapshot (DmlGallery **gallery, GError **error)
{
  DmlSnapshot *snapshot;

  *gallery = dml_gallery_open (gallery_path, DML_GALLERY_READ, NULL, error);
  if (*gallery == NULL)
    return NULL;
  snapshot = dml_gallery_get_snapshot (*gallery, error);
  if (snapshot == NULL)
    g_clear_pointer (gallery, dml_gallery_unref);
  return snapshot;
}

gboolean
gallery_open_two (DmlGalleryFlags flags, DmlGallery **gallery,
                  const char *other_path, DmlGallery **other, GError **error)
{
  *gallery = dml_gallery_open (gallery_path, flags, NULL, error);
  if (*gallery == NULL)
    return FALSE;
  *other = dml_gallery_open (other_path, DML_GALLERY_READ, NULL, error);
  return *other != NULL;
}

gboolean
gallery_views_allowed (int views, CliExit *exit_code)
{
  if (cli_within ("views", views, 1, 256))
    return TRUE;
  *exit_code = CLI_USAGE;
  return FALSE;
}

CliExit
gallery_fail (const GError *error)
{
  const CliExit exit_code = cli_fail (error);

  if (exit_code == CLI_MISMATCH)
    cli_say ("--encoder FILE names the gallery's encoder; 're-embed' makes a "
             "gallery of another one");
  return exit_code;
}

/* As it can be typed. */
static char *
shell_word (const char *word)
{
  return *word != '\0' &&
             word[strspn (word, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS
                          "._/+-")] == '\0'
           ? g_strdup (word)
           : g_shell_quote (word);
}

static CliExit
print_help (void)
{
  g_autofree char *list = cli_commands_help (commands);

  printf ("Usage:\n  dml-gallery FILE COMMAND [OPTION…] …\n\n%s\n"
          "Examples:\n"
          "  dml-gallery shop.bin enroll photos/     a folder a product\n"
          "  dml-gallery shop.bin search query.jpg\n"
          "  dml-gallery shop.bin calibrate --false-accept-rate 0.01\n"
          "  dml-gallery shop.bin rename apple \"red apple\"\n\n"
          "'dml-gallery FILE COMMAND --help' tells a command's options,\n"
          "'dml-gallery --version' version, build options and instruction "
          "set.\n",
          list);
  return CLI_OK;
}

int
main (int argc, char **argv)
{
  g_autofree char *name = NULL, *spoken = NULL, *word = NULL, *help = NULL;
  const CliCommand *command;
  CliExit exit_code = CLI_OK;

  cli_begin ("dml-gallery");
  if (argc < 2)
    return cli_usage ("a gallery file and a command are needed");
  if (strcmp (argv[1], "--help") == 0 || strcmp (argv[1], "-h") == 0)
    return print_help ();
  if (strcmp (argv[1], "--version") == 0) {
    printf ("%s\n", dml_build_info ());
    return CLI_OK;
  }
  if (argc < 3)
    return cli_usage ("%s: a command is needed behind the file", argv[1]);
  gallery_path = argv[1];
  command = cli_command (commands, argv[2], &exit_code);
  if (command == NULL)
    return exit_code;
  name = g_strconcat ("dml-gallery FILE ", command->name, NULL);
  argv[2] = name;
  g_set_prgname (name);
  spoken = g_strconcat ("dml-gallery ", command->name, NULL);
  word = shell_word (gallery_path);
  help = g_strjoin (" ", "dml-gallery", word, command->name, NULL);
  cli_set_name (spoken, help);
  return command->run (argc - 2, argv + 2);
}
