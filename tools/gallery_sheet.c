/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The sheet of dml-gallery search: a row a query, drawn with cairo and pango.
 *
 *   | query | nearest | second | ...     each a square cell with a caption
 */
#include "gallery.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <pango/pangocairo.h>
#include <string.h>

#define CELL 128   /* pixels a side of a picture */
#define CAPTION 34 /* pixels for two lines of text under it */
#define GAP 12
#define HITS_MAX 8
#define ROWS_MAX 200 /* a sheet of more is no sheet */

typedef struct {
  double r, g, b;
} Rgb;

/* Okabe and Ito's palette: told apart with any colour vision. */
static const Rgb decision_colour[] = {
  [DML_DECISION_UNKNOWN] = { 0.835, 0.369, 0.0 },
  [DML_DECISION_AMBIGUOUS] = { 0.902, 0.624, 0.0 },
  [DML_DECISION_KNOWN] = { 0.0, 0.62, 0.451 },
};

static void
draw_text (cairo_t *cr, double x, double y, const char *text, const Rgb *colour)
{
  PangoLayout *layout = pango_cairo_create_layout (cr);
  PangoFontDescription *font = pango_font_description_from_string ("Sans 8");

  pango_layout_set_font_description (layout, font);
  pango_layout_set_width (layout, CELL * PANGO_SCALE);
  pango_layout_set_ellipsize (layout, PANGO_ELLIPSIZE_END);
  pango_layout_set_text (layout, text, -1);
  cairo_set_source_rgb (cr, colour->r, colour->g, colour->b);
  cairo_move_to (cr, x, y);
  pango_cairo_show_layout (cr, layout);
  pango_font_description_free (font);
  g_object_unref (layout);
}

/* Fits the picture into the cell's square. */
static void
draw_picture (cairo_t *cr, double x, double y, const DmlPicture *picture)
{
  const DmlImage *image = dml_picture_get_image (picture);
  const int w = image->width, h = image->height;
  const int step = image->format == DML_PIXELS_RGBA ? 4 : 3;
  const double scale = (double) CELL / MAX (w, h);
  cairo_surface_t *surface =
    cairo_image_surface_create (CAIRO_FORMAT_RGB24, w, h);
  guint8 *rows = cairo_image_surface_get_data (surface);

  if (cairo_surface_status (surface) == CAIRO_STATUS_SUCCESS) {
    const int stride = cairo_image_surface_get_stride (surface);

    for (int j = 0; j < h; j++) {
      const guint8 *from = image->plane[0] + (gssize) j * image->stride[0];
      guint32 *to = (guint32 *) (void *) (rows + (gssize) j * stride);

      for (int i = 0; i < w; i++, from += step)
        to[i] = (guint32) from[0] << 16 | (guint32) from[1] << 8 | from[2];
    }
    cairo_surface_mark_dirty (surface);
    cairo_save (cr);
    cairo_translate (cr, x + (CELL - w * scale) / 2,
                     y + (CELL - h * scale) / 2);
    cairo_scale (cr, scale, scale);
    cairo_set_source_surface (cr, surface, 0, 0);
    cairo_paint (cr);
    cairo_restore (cr);
  }
  cairo_surface_destroy (surface);
}

static void
draw_frame (cairo_t *cr, double x, double y, const Rgb *colour)
{
  cairo_set_source_rgb (cr, colour->r, colour->g, colour->b);
  cairo_set_line_width (cr, 3);
  cairo_rectangle (cr, x - 1.5, y - 1.5, CELL + 3, CELL + 3);
  cairo_stroke (cr);
}

static void
draw_row (cairo_t *cr, double y, DmlGallery *gallery, const GalleryAnswer *a)
{
  static const Rgb grey = { 0.35, 0.35, 0.35 };
  const DmlDecision decision = dml_match_get_decision (a->match);
  const Rgb *colour = &decision_colour[decision];
  g_autoptr (DmlPicture) query = dml_picture_load (a->path, NULL);
  g_autoptr (DmlPicture) flat =
    query ? dml_picture_flatten (query, NULL, 0xFFFFFF, NULL) : NULL;
  g_autofree char *file = g_path_get_basename (a->path);
  g_autofree char *name = cli_printable (file);

  if (flat != NULL)
    draw_picture (cr, GAP, y, flat);
  draw_frame (cr, GAP, y, colour);
  draw_text (cr, GAP, y + CELL + 3, name, &grey);
  draw_text (cr, GAP, y + CELL + 17, dml_decision_to_string (decision), colour);
  for (guint i = 0; i < MIN (dml_match_get_n_hits (a->match), HITS_MAX); i++) {
    const double x = GAP + (i + 1) * (CELL + GAP);
    const char *label;
    gint64 item;
    double similarity;
    g_autoptr (GBytes) bytes = NULL;
    g_autoptr (DmlPicture) thumbnail = NULL;
    g_autofree char *shown = NULL, *figure = NULL;

    dml_match_get_hit (a->match, i, &label, &item, &similarity);
    bytes = dml_gallery_get_thumbnail (gallery, item, NULL);
    if (bytes != NULL)
      thumbnail = dml_picture_load_bytes (bytes, label, NULL);
    if (thumbnail != NULL)
      draw_picture (cr, x, y, thumbnail);
    if (item == dml_match_get_item (a->match) &&
        decision != DML_DECISION_UNKNOWN)
      draw_frame (cr, x, y, colour);
    shown = cli_printable (label);
    figure = g_strdup_printf ("%.3f", similarity);
    draw_text (cr, x, y + CELL + 3, shown, &grey);
    draw_text (cr, x, y + CELL + 17, figure, &grey);
  }
}

gboolean
gallery_write_sheet (const char *path, DmlGallery *gallery,
                     const GalleryAnswer *answers, guint n, GError **error)
{
  guint n_hits = 0;
  cairo_surface_t *surface;
  cairo_status_t status;
  cairo_t *cr;
  g_autofree char *aside = g_strdup_printf ("%s.tmp", path);

  n = MIN (n, ROWS_MAX);
  for (guint i = 0; i < n; i++)
    n_hits =
      MAX (n_hits, MIN (dml_match_get_n_hits (answers[i].match), HITS_MAX));
  surface = cairo_image_surface_create (
    CAIRO_FORMAT_RGB24, (int) (GAP + (n_hits + 1) * (CELL + GAP)),
    (int) (GAP + n * (CELL + CAPTION + GAP)));
  cr = cairo_create (surface);
  cairo_set_source_rgb (cr, 1, 1, 1);
  cairo_paint (cr);
  for (guint i = 0; i < n; i++)
    draw_row (cr, GAP + i * (CELL + CAPTION + GAP), gallery, &answers[i]);
  cairo_destroy (cr);
  status = cairo_surface_write_to_png (surface, aside);
  cairo_surface_destroy (surface);
  if (status != CAIRO_STATUS_SUCCESS || g_rename (aside, path) != 0) {
    g_set_error (
      error, DML_ERROR, DML_ERROR_IO, "%s: cannot be written: %s", path,
      status != CAIRO_STATUS_SUCCESS ? cairo_status_to_string (status)
                                     : g_strerror (errno));
    g_unlink (aside);
    return FALSE;
  }
  return TRUE;
}
