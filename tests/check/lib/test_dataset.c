/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Data sets in every state of order: folders, tar files, tables, bad pictures,
 * copies, splits. */
#include "train/dataset.h"
#include "train/source.h"
#include "base/error.h"
#include "folder_cases.h"
#include "shapes.h"

#include <glib/gstdio.h>
#include <string.h>

static char *
in_folder (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static DmlDataset *
open_set (const char *path, const char *second, GError **error)
{
  const char *sources[] = { path, second, NULL };
  const DmlDatasetOptions options = { .cache_scale = 1.25,
                                      .input = 16,
                                      .cache_bytes = (size_t) 1 << 30,
                                      .bad_share = 0.05 };

  return dml_dataset_open (sources, &options, NULL, NULL, NULL, error);
}

/* Fails where that does. */
static DmlDataset *
good_set (const char *path, const char *second)
{
  g_autoptr (GError) error = NULL;
  DmlDataset *set = open_set (path, second, &error);

  g_assert_no_error (error);
  return set;
}

/* Fails unless it fails so, in words that hold `words`. */
static void
assert_refused (const char *path, const char *second, DmlError code,
                const char *words)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (open_set (path, second, &error));
  g_assert_error (error, DML_ERROR, (gint) code);
  if (strstr (error->message, words) == NULL)
    g_error ("\"%s\" does not say \"%s\"", error->message, words);
}

static void
run_command (const char *command)
{
  g_autoptr (GError) error = NULL;
  int status = 1;

  g_spawn_command_line_sync (command, NULL, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
}

static void
copy (const char *from, const char *to)
{
  g_autofree char *a = in_folder (from), *b = in_folder (to), *bytes = NULL;
  gsize size;

  g_assert_true (g_file_get_contents (a, &bytes, &size, NULL));
  g_assert_true (g_file_set_contents (b, bytes, (gssize) size, NULL));
}

static void
write_text (const char *name, const char *text)
{
  g_autofree char *path = in_folder (name);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
test_folder_and_tar_are_the_same (void)
{
  g_autofree char *photos = in_folder ("photos"), *tar = in_folder ("p.tar.gz");
  g_autofree char *command =
    g_strdup_printf ("tar -C '%s' -czf '%s' .", photos, tar);
  g_autoptr (DmlDataset) one = NULL, two = NULL;

  shapes_make (photos, 3, 4, 40);
  run_command (command);
  one = good_set (photos, NULL);
  two = good_set (tar, NULL);
  g_assert_cmpuint (one->samples->len, ==, 12);
  g_assert_cmpuint (two->samples->len, ==, 12);
  g_assert_cmpuint (one->labels->len, ==, 3);
  for (guint i = 0; i < 12; i++) {
    const DmlSample *a = dml_dataset_sample (one, i);
    const DmlSample *b = dml_dataset_sample (two, i);

    g_assert_cmpint (a->width, ==, 20);
    g_assert_cmpuint (a->hash[0], ==, b->hash[0]);
    g_assert_cmpstr (dml_dataset_label (one, a->label)->name, ==,
                     dml_dataset_label (two, b->label)->name);
  }
}

static void
test_two_sources_keep_their_labels_apart (void)
{
  g_autofree char *one = in_folder ("one"), *two = in_folder ("two");
  g_autoptr (DmlDataset) set = NULL;

  shapes_make (one, 2, 3, 24);
  shapes_make (two, 2, 5, 24);
  set = good_set (one, two);
  /* the first three pictures of each class are the same in both: they say two
   * things at once and are left out */
  g_assert_cmpuint (set->report.n_contradict, ==, 12);
  g_assert_cmpuint (set->samples->len, ==, 4);
  g_assert_cmpstr (
    dml_dataset_label (set, dml_dataset_sample (set, 0)->label)->name, ==,
    "two/class-00");
}

/* "a/photos" and "b/photos" */
static void
test_sources_of_one_name (void)
{
  g_autofree char *one = in_folder ("one/photos");
  g_autofree char *two = in_folder ("two/photos");
  g_autofree char *again = in_folder ("two/../one/photos");
  g_autoptr (DmlDataset) set = NULL;

  shapes_make (one, 2, 1, 24);
  shapes_make (two, 2, 2, 24);
  for (guint i = 0; i < 2; i++) { /* what would contradict */
    g_autofree char *copy_ = g_strdup_printf ("%s/class-%02u/00.png", two, i);

    g_assert_cmpint (g_unlink (copy_), ==, 0);
  }
  set = good_set (one, two);
  g_assert_cmpuint (set->labels->len, ==, 4);
  g_assert_cmpstr (dml_dataset_label (set, 0)->name, ==, "photos-2/class-00");
  g_assert_cmpstr (dml_dataset_label (set, 3)->name, ==, "photos/class-01");
  assert_refused (one, again, DML_ERROR_INVALID, "the same data as");
  assert_refused (one, one, DML_ERROR_INVALID, "photos: is named twice");
}

static void
assert_same_labels (DmlDataset *one, const char *tar, const char *second,
                    const char *prefix)
{
  g_autoptr (DmlDataset) two = good_set (tar, second);
  guint at = 0;

  g_assert_cmpint (two->unlabelled, ==, one->unlabelled);
  g_assert_cmpuint (two->report.n_unlabelled, ==, one->report.n_unlabelled);
  for (guint i = 0; i < two->samples->len; i++) {
    const DmlSample *b = dml_dataset_sample (two, i);
    const char *name = dml_dataset_label (two, b->label)->name;

    if (*prefix != '\0' && !g_str_has_prefix (name, prefix))
      continue;
    g_assert_cmpuint (at, <, one->samples->len);
    const DmlSample *a = dml_dataset_sample (one, at++);

    g_assert_cmpuint (a->hash[0], ==, b->hash[0]);
    if (!one->unlabelled)
      g_assert_cmpstr (dml_dataset_label (one, a->label)->name, ==,
                       name + strlen (prefix));
  }
  g_assert_cmpuint (at, ==, one->samples->len);
}

/* However the archive was made: of the folder, in it, of what is in it; with
 * loose pictures, hidden ones and what a Mac leaves. */
static void
test_tar_has_the_labels_of_its_folder (void)
{
  static const char *const commands[] = {
    "tar -C '%s' -cf '%s' photos",
    "tar -C '%s' -cf '%s' ./photos",
    "tar -C '%s/photos' -cf '%s' .",
    "sh -c 'cd %s/photos && tar -cf %s *'",
    "sh -c 'cd %s && find photos -type f | tar -cf %s -T -'",
  };
  g_autofree char *photos = in_folder ("photos"), *tar = in_folder ("x.tar");
  g_autofree char *other = in_folder ("other"), *hidden = NULL, *mac = NULL;
  g_autoptr (DmlDataset) one = NULL;

  shapes_make (photos, 3, 2, 24);
  shapes_make (other, 1, 4, 24);
  hidden = in_folder ("photos/class-00/.thumbs");
  mac = in_folder ("photos/__MACOSX");
  g_assert_cmpint (g_mkdir (hidden, 0777), ==, 0);
  g_assert_cmpint (g_mkdir (mac, 0777), ==, 0);
  g_assert_cmpint (g_rename (other, mac), ==, 0);
  copy ("photos/__MACOSX/class-00/03.png", "photos/class-00/.thumbs/3.png");
  copy ("photos/__MACOSX/class-00/02.png", "photos/loose.png");
  one = good_set (photos, NULL);
  g_assert_cmpuint (one->report.n_unlabelled, ==, 1);
  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++) {
    g_auto (GStrv) parts = g_strsplit (commands[i], "%s", 3);
    g_autofree char *command =
      g_strconcat (parts[0], folder, parts[1], tar, parts[2], NULL);

    run_command (command);
    assert_same_labels (one, tar, NULL, "");
  }
}

/* A folder with nothing but pictures: a class each, in a tar of it too. */
static void
test_tar_of_loose_pictures (void)
{
  g_autofree char *photos = in_folder ("photos"), *tar = in_folder ("x.tar");
  g_autofree char *class = in_folder ("photos/class-00");
  g_autofree char *more = in_folder ("more");
  g_autofree char *command =
    g_strdup_printf ("tar -C '%s' -cf '%s' class-00", photos, tar);
  g_autoptr (DmlDataset) one = NULL;

  shapes_make (photos, 2, 3, 24);
  run_command (command);
  one = good_set (class, NULL);
  assert_same_labels (one, tar, NULL, "");
  g_clear_pointer (&one, dml_dataset_free);
  g_free (command);
  command = g_strdup_printf ("tar -C '%s' -cf '%s' photos", folder, tar);
  run_command (command);
  one = good_set (photos, NULL);
  shapes_make (more, 6, 1, 24); /* classes 0 and 1 would contradict */
  g_autofree char *rest =
    g_strdup_printf ("rm -r '%s/class-00' '%s/class-01'", more, more);

  run_command (rest);
  assert_same_labels (one, tar, more, "x/");
}

static void
test_table_with_boxes_and_split (void)
{
  g_autofree char *photos = in_folder ("photos"), *table = in_folder ("t.csv");
  g_autoptr (DmlDataset) set = NULL;

  shapes_make (photos, 2, 3, 40);
  write_text ("t.csv", "\xef\xbb\xbfpath,label,split,x,y,w,h\r\n"
                       "photos/class-00/00.png,\"a, \"\"b\"\"\",train\r\n"
                       "photos/class-00/01.png,\"a, \"\"b\"\"\",val,4,4,10,20\n"
                       "\n# a comment\n"
                       "photos/class-01/01.png,c,test\n");
  set = good_set (table, NULL);
  g_assert_cmpuint (set->samples->len, ==, 3);
  g_assert_cmpstr (dml_dataset_label (set, 0)->name, ==, "a, \"b\"");
  g_assert_cmpint (dml_dataset_sample (set, 0)->width, ==, 20);
  g_assert_cmpint (dml_dataset_sample (set, 1)->width, ==, 19);
  g_assert_cmpint (dml_dataset_sample (set, 1)->split, ==, DML_SPLIT_VAL);
  g_assert_cmpint (dml_dataset_sample (set, 2)->split, ==, DML_SPLIT_TEST);
}

/* What an encoder of this fit mode will see of a box, and no more. */
static void
test_fit_says_what_is_kept (void)
{
  static const int size[][2] = {
    [DML_FIT_CONTEXT] = { 20, 20 },
    [DML_FIT_COVER] = { 10, 10 },
    [DML_FIT_STRETCH] = { 10, 20 },
  };
  g_autofree char *photos = in_folder ("photos"), *table = in_folder ("t.csv");
  const char *sources[] = { table, NULL };

  shapes_make (photos, 1, 1, 40);
  write_text ("t.csv", "photos/class-00/00.png,a,train,14,4,10,20\n");
  for (int fit = 0; fit < 3; fit++) {
    const DmlDatasetOptions options = { .cache_scale = 1.25,
                                        .input = 40,
                                        .fit = (DmlFit) fit,
                                        .cache_bytes = (size_t) 1 << 30 };
    g_autoptr (GError) error = NULL;
    g_autoptr (DmlDataset) set =
      dml_dataset_open (sources, &options, NULL, NULL, NULL, &error);

    g_assert_no_error (error);
    g_assert_cmpint (dml_dataset_sample (set, 0)->width, ==, size[fit][0]);
    g_assert_cmpint (dml_dataset_sample (set, 0)->height, ==, size[fit][1]);
  }
}

static void
test_table_names_its_bad_line (void)
{
  static const struct {
    const char *text, *word;
  } cases[] = {
    { "path,label\nx.png,\"a\n", "t.csv:2: a quote is not closed" },
    { "path,label,split\nx.png,a,trial\n", "t.csv:2: split is 'trial'" },
    { "x.png,a,train,1,2,3\n", "t.csv:1: x,y,w,h is no box" },
    { "x.png,a,train,1,2,-3,4\n", "t.csv:1: x,y,w,h is no box" },
    { "x.png,a\n,b\n", "t.csv:2: no path" },
    { "path;label\nx.png;a\n", "t.csv:1: columns are separated by ';'" },
    { "x.png;a\n", "t.csv:1: columns are separated by ';'" },
    { "x.png\ta, b\n", "t.csv:1: columns are separated by tabs" },
    { "file,class\nx.png,a\n", "t.csv:1: 'file' is no picture; a first line" },
    { "path,class\nx.png,a\n", "path,label[,split][,x,y,w,h]" },
  };
  g_autofree char *table = in_folder ("t.csv");

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    write_text ("t.csv", cases[i].text);
    assert_refused (table, NULL, DML_ERROR_FORMAT, cases[i].word);
  }
}

static void
test_table_with_gaps (void)
{
  g_autofree char *photos = in_folder ("photos"), *table = in_folder ("t.csv");
  g_autoptr (DmlDataset) set = NULL, other = NULL;

  shapes_make (photos, 2, 3, 24);
  write_text ("t.csv", "id, Label,path ,price\n"
                       "1,a,photos/class-00/00.png,2\n"
                       "2,b,photos/class-01/00.png,3\n"
                       "3,,photos/class-01/01.png,3\n");
  set = good_set (table, NULL);
  g_assert_cmpuint (set->samples->len, ==, 2);
  g_assert_cmpuint (set->report.notes->len, ==, 2);
  g_assert_true (g_str_has_suffix (
    set->report.notes->pdata[0],
    "t.csv: columns that are not known and not read: id, price"));
  g_assert_true (g_str_has_suffix (set->report.notes->pdata[1],
                                   "t.csv: 1 of 3 rows has no label"));
  copy ("photos/class-00/00.png", "a;b.dat"); /* odd, but there */
  write_text ("t.csv", "a;b.dat\nphotos/class-01/01.png\n");
  other = good_set (table, NULL);
  g_assert_true (other->unlabelled);
  g_assert_true (g_str_has_suffix (other->report.notes->pdata[0],
                                   "2 of 2 rows have no label"));
}

static void
test_one_bad_picture_among_many_is_skipped (void)
{
  g_autofree char *photos = in_folder ("photos");
  g_autoptr (DmlDataset) set = NULL;

  shapes_make (photos, 5, 6, 24);
  write_text ("photos/class-01/02.png", "this is no picture");
  write_text ("photos/class-01/notes.txt", "nor is this");
  write_text ("photos/class-01/._03.png", "a Mac's shadow");
  set = good_set (photos, NULL);
  g_assert_cmpuint (set->report.n_bad, ==, 1);
  g_assert_cmpuint (set->report.n_other, ==, 1);
  g_assert_cmpuint (set->samples->len, ==, 29);
  g_assert_nonnull (strstr (set->report.bad[0], "class-01/02.png"));
  g_autoptr (GPtrArray) lines = dml_dataset_describe (set, TRUE);

  g_assert_cmpstr (lines->pdata[1], ==, "1 cannot be read and is skipped:");
}

static void
test_many_bad_pictures_stop (void)
{
  g_autofree char *photos = in_folder ("photos");

  shapes_make (photos, 2, 3, 24);
  write_text ("photos/class-01/02.png", "");
  assert_refused (photos, NULL, DML_ERROR_FORMAT,
                  "1 of 6 pictures cannot be read");
  assert_refused (photos, NULL, DML_ERROR_FORMAT, "02.png: empty file");
}

static void
test_copies (void)
{
  g_autofree char *photos = in_folder ("photos");
  g_autoptr (DmlDataset) set = NULL;

  shapes_make (photos, 3, 4, 24);
  copy ("photos/class-00/00.png", "photos/class-00/copy.png");
  copy ("photos/class-01/01.png", "photos/class-02/wrong.png");
  set = good_set (photos, NULL);
  g_assert_cmpuint (set->report.n_copies, ==, 1);
  g_assert_cmpuint (set->report.n_contradict, ==, 2);
  g_assert_cmpuint (set->samples->len, ==, 11);
}

static void
test_no_folders_make_every_picture_a_class (void)
{
  g_autofree char *photos = in_folder ("photos");
  g_autoptr (DmlDataset) set = NULL, mixed = NULL;
  g_autofree char *class = in_folder ("photos/class-00");

  shapes_make (photos, 2, 3, 24);
  set = good_set (class, NULL);
  g_assert_true (set->unlabelled);
  g_assert_cmpuint (set->labels->len, ==, 3);
  copy ("photos/class-00/00.png", "photos/stray.png");
  mixed = good_set (photos, NULL);
  g_assert_false (mixed->unlabelled);
  g_assert_cmpuint (mixed->report.n_unlabelled, ==, 1);
}

static void
test_memory_bound_packs (void)
{
  g_autofree char *photos = in_folder ("photos");
  const char *sources[] = { photos, NULL };
  const DmlDatasetOptions options = {
    .cache_scale = 1.25, .input = 32, .cache_bytes = 20000, .bad_share = 0.05
  };
  g_autoptr (DmlDataset) set = NULL;
  g_autoptr (DmlPicture) hold = NULL;
  DmlImage view;

  shapes_make (photos, 2, 4, 64);
  set = dml_dataset_open (sources, &options, NULL, NULL, NULL, NULL);
  g_assert_cmpuint (set->report.n_packed, ==, 4);
  g_assert_true (dml_dataset_view (set, 7, &view, &hold, NULL));
  g_assert_nonnull (hold);
  g_assert_cmpint (view.width, ==, 40);
}

static void
test_split_holds_classes_out (void)
{
  g_autofree char *photos = in_folder ("photos");
  g_autoptr (DmlDataset) set = NULL;
  guint n[DML_N_SPLITS] = { 0 };

  shapes_make (photos, 20, 2, 16);
  set = good_set (photos, NULL);
  g_assert_true (dml_dataset_split (set, "", 0.4, 7, NULL));
  for (guint i = 0; i < set->labels->len; i++) {
    const DmlLabel *label = dml_dataset_label (set, i);
    guint n_splits = 0;

    for (int s = 0; s < DML_N_SPLITS; s++) {
      n[s] += label->n[s] > 0;
      n_splits += label->n[s] > 0;
    }
    g_assert_cmpuint (n_splits, ==, 1);
  }
  g_assert_cmpuint (n[DML_SPLIT_VAL], ==, 4);
  g_assert_cmpuint (n[DML_SPLIT_TEST], ==, 4);
}

static void
test_split_by_file (void)
{
  g_autofree char *photos = in_folder ("photos"), *file = in_folder ("split");
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlDataset) set = NULL;

  shapes_make (photos, 6, 2, 16);
  set = good_set (photos, NULL);
  write_text ("split", "# held out\nval  class-00\ntest *-01\ndrop class-02\n");
  g_assert_true (dml_dataset_split (set, file, 0.5, 1, &error));
  g_assert_cmpint (dml_dataset_sample (set, 0)->split, ==, DML_SPLIT_VAL);
  g_assert_cmpint (dml_dataset_sample (set, 3)->split, ==, DML_SPLIT_TEST);
  g_assert_cmpint (dml_dataset_sample (set, 5)->split, ==, DML_SPLIT_DROP);
  g_assert_cmpint (dml_dataset_sample (set, 7)->split, ==, DML_SPLIT_TRAIN);
  write_text ("split", "val class-00\nval clas-01\n");
  g_assert_false (dml_dataset_split (set, file, 0.5, 1, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "split:2"));
}

static void
test_wrong_sources (void)
{
  g_autofree char *none = in_folder ("none"), *text = in_folder ("a.txt");
  g_autofree char *empty = in_folder ("empty");

  assert_refused (none, NULL, DML_ERROR_NOT_FOUND, "none");
  write_text ("a.txt", "neither folder nor tar");
  assert_refused (text, NULL, DML_ERROR_FORMAT, "a.txt");
  g_mkdir (empty, 0777);
  assert_refused (empty, NULL, DML_ERROR_FORMAT, "no picture found");
}

int
main (int argc, char **argv)
{
  static const FolderCase cases[] = {
    { "folder-and-tar-are-the-same", test_folder_and_tar_are_the_same },
    { "two-sources-keep-their-labels-apart",
      test_two_sources_keep_their_labels_apart },
    { "sources-of-one-name", test_sources_of_one_name },
    { "tar-has-the-labels-of-its-folder",
      test_tar_has_the_labels_of_its_folder },
    { "tar-of-loose-pictures", test_tar_of_loose_pictures },
    { "table-with-boxes-and-split", test_table_with_boxes_and_split },
    { "fit-says-what-is-kept", test_fit_says_what_is_kept },
    { "table-names-its-bad-line", test_table_names_its_bad_line },
    { "table-with-gaps", test_table_with_gaps },
    { "one-bad-picture-among-many-is-skipped",
      test_one_bad_picture_among_many_is_skipped },
    { "many-bad-pictures-stop", test_many_bad_pictures_stop },
    { "copies", test_copies },
    { "no-folders-make-every-picture-a-class",
      test_no_folders_make_every_picture_a_class },
    { "memory-bound-packs", test_memory_bound_packs },
    { "split-holds-classes-out", test_split_holds_classes_out },
    { "split-by-file", test_split_by_file },
    { "wrong-sources", test_wrong_sources },
  };

  g_test_init (&argc, &argv, NULL);
  folder_cases_add ("dataset", cases, G_N_ELEMENTS (cases));
  return g_test_run ();
}
