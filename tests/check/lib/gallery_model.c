/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What a gallery should hold. */
#include "gallery_model.h"

#include "gallery/calibrate.h"

#define DIM 8

void
model_init (Model *model)
{
  model->label_of =
    g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
}

void
model_clear (Model *model)
{
  g_clear_pointer (&model->label_of, g_hash_table_unref);
}

static void
put (Model *model, guint64 number, const char *label)
{
  g_hash_table_insert (model->label_of, g_memdup2 (&number, sizeof number),
                       g_strdup (label));
}

void
model_copy (Model *model, const Model *from)
{
  GHashTableIter iter;
  gpointer number, label;

  g_hash_table_iter_init (&iter, from->label_of);
  while (g_hash_table_iter_next (&iter, &number, &label))
    put (model, *(guint64 *) number, label);
}

/* Renames a label, or removes it where @to is NULL. */
static gboolean
change_label (Model *model, const char *from, const char *to)
{
  GHashTableIter iter;
  gpointer key, label;
  gboolean any = FALSE;

  g_hash_table_iter_init (&iter, model->label_of);
  while (g_hash_table_iter_next (&iter, &key, &label))
    if (strcmp (label, from) == 0) {
      any = TRUE;
      if (to != NULL)
        g_hash_table_iter_replace (&iter, g_strdup (to));
      else
        g_hash_table_iter_remove (&iter);
    }
  return any;
}

gboolean
model_apply (Model *model, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);
  guint64 number;

  switch (words[0][0]) {
  case 'E':
    for (char **w = words + 2; *w != NULL; w++)
      put (model, g_ascii_strtoull (*w, NULL, 10), words[1]);
    return TRUE;
  case 'I':
    number = g_ascii_strtoull (words[1], NULL, 10);
    return g_hash_table_remove (model->label_of, &number);
  case 'L':
    return change_label (model, words[1], NULL);
  case 'N':
    return change_label (model, words[1], words[2]);
  default:
    return FALSE;
  }
}

void
model_read (Model *model, DmlGallery *gallery)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlSnapshot) snapshot = dml_gallery_get_snapshot (gallery, &error);
  g_autoptr (GPtrArray) items = dml_gallery_get_items (gallery, NULL, NULL);

  g_assert_no_error (error);
  g_assert_cmpuint (items->len, ==, dml_snapshot_get_n_items (snapshot));
  for (guint i = 0; i < items->len; i++) {
    const DmlItem *item = items->pdata[i];
    const guint64 number = g_ascii_strtoull (item->source, NULL, 10);
    float want[DIM];
    gint64 id;
    guint label;
    const float *row = dml_snapshot_get_item (snapshot, i, &id, &label);

    fixture_vector (want, DIM, number);
    for (guint d = 0; d < DIM; d++)
      g_assert_cmpfloat (fabsf (row[d] - want[d]), <, 1e-6f);
    g_assert_cmpint (id, ==, item->id);
    g_assert_cmpstr (dml_snapshot_get_label (snapshot, label, NULL, NULL), ==,
                     item->label);
    put (model, number, item->label);
  }
  g_assert_cmpuint (g_hash_table_size (model->label_of), ==, items->len);
}

gboolean
model_equal (const Model *a, const Model *b)
{
  GHashTableIter iter;
  gpointer number, label;

  if (g_hash_table_size (a->label_of) != g_hash_table_size (b->label_of))
    return FALSE;
  g_hash_table_iter_init (&iter, a->label_of);
  while (g_hash_table_iter_next (&iter, &number, &label))
    if (g_strcmp0 (g_hash_table_lookup (b->label_of, number), label) != 0)
      return FALSE;
  return TRUE;
}

static gint
compare_lines (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

char *
model_print (const Model *model)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  gpointer number, label;

  g_hash_table_iter_init (&iter, model->label_of);
  while (g_hash_table_iter_next (&iter, &number, &label))
    g_ptr_array_add (lines,
                     g_strdup_printf ("%s:%" G_GUINT64_FORMAT, (char *) label,
                                      *(guint64 *) number));
  g_ptr_array_sort (lines, compare_lines);
  g_ptr_array_add (lines, NULL);
  return g_strjoinv (" ", (char **) lines->pdata);
}

/* ---- changing the file --------------------------------------------------- */

static gboolean
enrol (char **words, DmlGallery *gallery, GError **error)
{
  const guint n = g_strv_length (words) - 2;
  g_autofree float *vectors = g_malloc_n (n, DIM * sizeof (float));
  g_autofree DmlItemInfo *infos = g_new0 (DmlItemInfo, n);

  for (guint i = 0; i < n; i++) {
    fixture_vector (vectors + i * DIM, DIM,
                    g_ascii_strtoull (words[2 + i], NULL, 10));
    infos[i] = (DmlItemInfo){ 0.5, words[2 + i], NULL };
  }
  return dml_gallery_enroll (gallery, words[1], vectors, infos, n, NULL, error);
}

static gboolean
remove_by_source (const char *source, DmlGallery *gallery, GError **error)
{
  g_autoptr (GPtrArray) items = dml_gallery_get_items (gallery, NULL, error);

  for (guint i = 0; items != NULL && i < items->len; i++) {
    const DmlItem *item = items->pdata[i];

    if (g_strcmp0 (item->source, source) == 0)
      return dml_gallery_remove_item (gallery, item->id, error);
  }
  if (items != NULL)
    g_set_error (error, DML_ERROR, DML_ERROR_NOT_FOUND, "no item %s", source);
  return FALSE;
}

gboolean
model_change_file (const char *line, DmlGallery *gallery, GError **error)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);

  switch (words[0][0]) {
  case 'E':
    return enrol (words, gallery, error);
  case 'I':
    return remove_by_source (words[1], gallery, error);
  case 'L':
    return dml_gallery_remove_label (gallery, words[1], NULL, error);
  case 'N':
    return dml_gallery_rename (gallery, words[1], words[2], TRUE, error);
  default:
    g_assert_cmpstr (words[0], ==, "C");
    return dml_gallery_calibrate_with (gallery, NULL, 0.2, NULL, NULL, error);
  }
}

/* ---- drawing changes ----------------------------------------------------- */

static const char *const names[] = { "ant", "bee", "cat", "dog", "eel",
                                     "fox", "gnu", "hen", "ibex" };

static const char *
draw_name (DmlRng *rng)
{
  return names[dml_rng_below (rng, G_N_ELEMENTS (names))];
}

/* Any item of the model, NULL where there is none. */
static const guint64 *
draw_number (const Model *model, DmlRng *rng)
{
  const guint n = g_hash_table_size (model->label_of);
  guint64 least = G_MAXUINT64, want;
  const guint64 *found = NULL;
  GHashTableIter iter;
  gpointer number;

  if (n == 0)
    return NULL;
  /* By value, for a hash table has no order that could be repeated. */
  want = dml_rng_u32 (rng);
  g_hash_table_iter_init (&iter, model->label_of);
  while (g_hash_table_iter_next (&iter, &number, NULL)) {
    const guint64 far = dml_rng_stream (want, *(guint64 *) number);

    if (far < least) {
      least = far;
      found = number;
    }
  }
  return found;
}

char *
model_draw (const Model *model, DmlRng *rng, guint64 *number)
{
  const guint n = g_hash_table_size (model->label_of);
  const guint dice = dml_rng_below (rng, 20);
  const guint64 *item = draw_number (model, rng);

  if (item == NULL || dice < (n < 60 ? 12 : 6)) {
    GString *line = g_string_new ("E ");

    g_string_append (line, draw_name (rng));
    for (guint i = dml_rng_below (rng, 3) + 1; i > 0; i--)
      g_string_append_printf (line, " %" G_GUINT64_FORMAT, (*number)++);
    return g_string_free (line, FALSE);
  }
  if (dice < 15)
    return g_strdup_printf ("I %" G_GUINT64_FORMAT, *item);
  if (dice == 15)
    return g_strdup_printf (
      "L %s", (char *) g_hash_table_lookup (model->label_of, item));
  if (dice < 19)
    return g_strdup_printf (
      "N %s %s", (char *) g_hash_table_lookup (model->label_of, item),
      draw_name (rng));
  return g_strdup ("C");
}
