/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A quadrilateral of a picture as a rectangle of floats. */
#include "image/warp.h"
#include "image/colour.h"
#include "base/error.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

/* Below this the picture is sampled as it is: filtering to its own density
 * would only blur it. */
#define SHRINKS 1.2

#define MAX_GRID                                                               \
  16384 /* samples a side; beyond it the last one is repeated                  \
         */

/* x = (m[0] u + m[1] v + m[2]) / w, y = (m[3] u + m[4] v + m[5]) / w,
 * w = m[6] u + m[7] v + 1 */
typedef struct {
  double m[8];
} Projection;

/* Unit square to quadrilateral (Heckbert 1989, "Fundamentals of Texture Mapping
 * and Image Warping", section 2.2.3). */
static Projection
project_square (const DmlPoint p[4])
{
  const double dx1 = p[1].x - p[2].x, dx2 = p[3].x - p[2].x;
  const double dy1 = p[1].y - p[2].y, dy2 = p[3].y - p[2].y;
  const double sx = p[0].x - p[1].x + p[2].x - p[3].x;
  const double sy = p[0].y - p[1].y + p[2].y - p[3].y;
  const double det = dx1 * dy2 - dx2 * dy1;
  const double g = (sx * dy2 - dx2 * sy) / det;
  const double h = (dx1 * sy - sx * dy1) / det;

  return (Projection){ {
    p[1].x - p[0].x + g * p[1].x,
    p[3].x - p[0].x + h * p[3].x,
    p[0].x,
    p[1].y - p[0].y + g * p[1].y,
    p[3].y - p[0].y + h * p[3].y,
    p[0].y,
    g,
    h,
  } };
}

/* Source pixels that one output pixel spans, along x and along y, at the middle
 * of the output. */
static void
pixel_span (const Projection *p, int width, int height, double *span_x,
            double *span_y)
{
  const double *m = p->m;
  const double w = m[6] / 2 + m[7] / 2 + 1;
  const double x = (m[0] / 2 + m[1] / 2 + m[2]) / w;
  const double y = (m[3] / 2 + m[4] / 2 + m[5]) / w;

  *span_x =
    hypot ((m[0] - x * m[6]) / w / width, (m[1] - x * m[7]) / w / height);
  *span_y =
    hypot ((m[3] - y * m[6]) / w / width, (m[4] - y * m[7]) / w / height);
}

/* Premultiplied RGB, then a plane of alpha. */
static gboolean
take_apart (DmlWarp *self, const DmlImage *image, DmlImage *rgb,
            DmlImage *alpha, GError **error)
{
  const size_t n = (size_t) image->width * (size_t) image->height;
  uint8_t *colour, *a;

  if (self->apart_size < 4 * n) {
    dml_mem_free (self->apart);
    self->apart_size = 0;
    self->apart = dml_mem_alloc (n, 4, error);
    if (self->apart == NULL)
      return FALSE;
    self->apart_size = 4 * n;
  }
  colour = self->apart;
  a = self->apart + 3 * n;
  for (int y = 0; y < image->height; y++) {
    const uint8_t *in = image->plane[0] + (ptrdiff_t) y * image->stride[0];

    for (int x = 0; x < image->width; x++, in += 4, colour += 3) {
      for (int c = 0; c < 3; c++) /* x / 255, rounded */
        colour[c] = (uint8_t) ((in[c] * in[3] * 257u + 32896) >> 16);
      *a++ = in[3];
    }
  }
  *rgb = (DmlImage){ .format = DML_PIXELS_RGB,
                     .outside = DML_OUTSIDE_CLEAR,
                     .width = image->width,
                     .height = image->height,
                     .plane = { self->apart },
                     .stride = { 3 * image->width } };
  *alpha = (DmlImage){ .format = DML_PIXELS_GRAY8,
                       .outside = DML_OUTSIDE_CLEAR,
                       .width = image->width,
                       .height = image->height,
                       .plane = { self->apart + 3 * n },
                       .stride = { image->width } };
  return TRUE;
}

/* A box to n_planes planes of floats. */
static gboolean
box_to_planes (DmlWarp *self, const DmlImage *image, const DmlBox *box,
               int width, int height, int n_planes, float *out, GError **error)
{
  const DmlKernels *kernels = dml_kernels ();
  const size_t plane = (size_t) width * (size_t) height;
  DmlResampler *resampler = &self->resampler;
  DmlColour colour;
  float m[3][4] = { { 0 } };

  if (!dml_resampler_set (resampler, image, box, width, height, error))
    return FALSE;
  dml_colour_init (&colour, image, 3);
  for (int k = 0; k < 3; k++) {
    for (int c = 0; c < resampler->pixels->n_components; c++)
      m[k][c] = (float) (colour.m[k][c] * dml_resampler_unit (resampler, c));
    m[k][3] = (float) colour.m[k][3];
  }
  for (int y = 0; y < height; y++, out += width) {
    dml_resampler_row (resampler, y);
    for (int k = 0; k < n_planes; k++)
      kernels->colour_f32 (out + (size_t) k * plane, resampler->sum[0],
                           resampler->sum[1], resampler->sum[2], m[k], 1, 0,
                           (size_t) width);
  }
  return TRUE;
}

gboolean
dml_warp_box (DmlWarp *self, const DmlImage *image, const DmlBox *box,
              int width, int height, int n_planes, float *out, GError **error)
{
  const size_t plane = (size_t) width * (size_t) height;
  DmlImage rgb, alpha;

  if (n_planes < 4)
    return box_to_planes (self, image, box, width, height, n_planes, out,
                          error);
  return take_apart (self, image, &rgb, &alpha, error) &&
         box_to_planes (self, &rgb, box, width, height, 3, out, error) &&
         box_to_planes (self, &alpha, box, width, height, 1, out + 3 * plane,
                        error);
}

/* Bilinear, grid sample (i, j) standing at (i, j); outside, the edge. */
static void
sample_grid (const float *grid, int n_x, int n_y, int n_planes,
             const Projection *p, int width, int height, float *out)
{
  const size_t grid_plane = (size_t) n_x * (size_t) n_y;
  const size_t plane = (size_t) width * (size_t) height;
  const float max_x = (float) (n_x - 1), max_y = (float) (n_y - 1);
  float m[8];

  for (int i = 0; i < 8; i++)
    m[i] = (float) p->m[i];
  for (int j = 0; j < height; j++) {
    const float v = (float) j + 0.5f;
    const float row_x = m[1] * v + m[2], row_y = m[4] * v + m[5];
    const float row_w = m[7] * v + 1;

    for (int i = 0; i < width; i++, out++) {
      const float u = (float) i + 0.5f;
      const float w = 1 / (m[6] * u + row_w);
      float x = (m[0] * u + row_x) * w, y = (m[3] * u + row_y) * w;

      x = CLAMP (x, 0, max_x);
      y = CLAMP (y, 0, max_y);
      const int left = MIN ((int) x, n_x - 2), top = MIN ((int) y, n_y - 2);
      const float fx = x - (float) left, fy = y - (float) top;
      const float *g = grid + (size_t) top * (size_t) n_x + left;

      for (int k = 0; k < n_planes; k++, g += grid_plane) {
        const float above = g[0] + fx * (g[1] - g[0]);
        const float below = g[n_x] + fx * (g[n_x + 1] - g[n_x]);

        out[(size_t) k * plane] = above + fy * (below - above);
      }
    }
  }
}

/* One axis of the grid: where it begins and how many samples of which pitch. At
 * the picture's own density it lies on the picture's pixels, so that filtering
 * changes nothing. */
typedef struct {
  double origin, pitch;
  int n;
} Axis;

static Axis
grid_axis (double low, double high, double span)
{
  Axis axis = { floor (low) - 1, 1, 0 };

  if (span >= SHRINKS) {
    axis.pitch = MAX (1, span / G_SQRT2);
    axis.origin = low - axis.pitch;
  }
  axis.n = (int) MIN (ceil ((high - axis.origin) / axis.pitch) + 1, MAX_GRID);
  return axis;
}

gboolean
dml_warp_run (DmlWarp *self, const DmlImage *image, const DmlPoint corner[4],
              int width, int height, int n_planes, float *out, GError **error)
{
  Projection p = project_square (corner);
  DmlPoint low = corner[0], high = corner[0];
  double span_x, span_y;

  for (int i = 1; i < 4; i++) {
    low.x = MIN (low.x, corner[i].x);
    low.y = MIN (low.y, corner[i].y);
    high.x = MAX (high.x, corner[i].x);
    high.y = MAX (high.y, corner[i].y);
  }
  pixel_span (&p, width, height, &span_x, &span_y);
  const Axis across = grid_axis (low.x, high.x, span_x);
  const Axis down = grid_axis (low.y, high.y, span_y);
  const DmlBox box = { across.origin, down.origin, across.n * across.pitch,
                       down.n * down.pitch };
  const size_t size = (size_t) across.n * (size_t) down.n * (size_t) n_planes;

  if (self->grid_size < size) {
    dml_mem_free (self->grid);
    self->grid_size = 0;
    self->grid = dml_mem_new (float, size + size / 4, error);
    if (self->grid == NULL)
      return FALSE;
    self->grid_size = size + size / 4;
  }
  if (!dml_warp_box (self, image, &box, across.n, down.n, n_planes, self->grid,
                     error))
    return FALSE;
  /* From output pixels to grid samples; sample 0 stands half a pitch in. */
  for (int i = 0; i < 3; i++) {
    const double w = i == 2 ? 1 : p.m[6 + i];

    p.m[i] = (p.m[i] - across.origin * w) / across.pitch - w / 2;
    p.m[3 + i] = (p.m[3 + i] - down.origin * w) / down.pitch - w / 2;
  }
  for (int i = 0; i < 8; i++)
    p.m[i] /= i % 3 == 0 ? width : i % 3 == 1 ? height : 1;
  sample_grid (self->grid, across.n, down.n, n_planes, &p, width, height, out);
  return TRUE;
}

void
dml_warp_clear (DmlWarp *self)
{
  dml_resampler_clear (&self->resampler);
  dml_mem_free (self->grid);
  dml_mem_free (self->apart);
  *self = (DmlWarp){ .grid = NULL };
}
