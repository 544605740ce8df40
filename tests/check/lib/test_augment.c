/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Augmented views: repeatable, and each range does what its description says.
 */
#include "memory_faults.h"
#include "view_maker.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void
test_none_is_preprocessing_to_the_bit (void)
{
  for (int variant = 0; variant < 4; variant++) {
    g_autoptr (DmlPicture) picture = soft_picture (90, 61, 3 + variant % 2, 1);
    DmlImage view = *dml_picture_get_image (picture);
    const DmlImage *image = &view;

    view.range = variant < 2 ? DML_RANGE_FULL : DML_RANGE_LIMITED;
    g_autofree float *want = plain_view (&view_usual, image);
    g_autofree float *got =
      view_of_policy ("none", &view_usual, image, NULL, 3);
    /* nothing is drawn with these either, but the floats go all the way */
    g_autofree float *far =
      view_of_policy ("none,erase=0.000001", &view_usual, image, NULL, 3);

    g_assert_cmpmem (got, 12 * N, want, 12 * N);
    g_assert_cmpmem (far, 12 * N, want, 12 * N);
  }
}

static void
test_stream_alone_decides (void)
{
  g_autoptr (DmlPicture) a = soft_picture (90, 61, 3, 1);
  g_autoptr (DmlPicture) b = soft_picture (30, 200, 4, 2);
  const DmlImage *image = dml_picture_get_image (a);
  const DmlImage *other = dml_picture_get_image (b);
  DmlAugment policy;

  dml_augment_parse ("strong", &policy, NULL);
  g_autoptr (DmlAugmenter) busy =
    dml_augmenter_new (&policy, &view_usual, NULL);

  for (uint64_t stream = 0; stream < 40; stream++) {
    g_autofree float *fresh =
      view_of_policy ("strong", &view_usual, image, other, stream);
    g_autofree float *noise = view_with (busy, other, image, 1000 + stream);
    g_autofree float *again = view_with (busy, image, other, stream);

    g_assert_cmpmem (again, 12 * N, fresh, 12 * N);
    g_assert_true (memcmp (again, noise, 12 * N) != 0);
  }
}

/* With erasing off, whatever was not erased is as it was. */
static void
test_a_range_switched_off_leaves_the_others (void)
{
  g_autoptr (DmlPicture) a = soft_picture (90, 61, 3, 1);
  g_autoptr (DmlPicture) b = soft_picture (80, 80, 3, 2);
  const DmlImage *image = dml_picture_get_image (a);
  const DmlImage *other = dml_picture_get_image (b);

  for (uint64_t stream = 0; stream < 20; stream++) {
    g_autofree float *with =
      view_of_policy ("strong,erase=1", &view_usual, image, other, stream);
    g_autofree float *without =
      view_of_policy ("strong,erase=0", &view_usual, image, other, stream);
    int n_changed = 0;

    for (int i = 0; i < N; i++)
      n_changed += with[i] != without[i] || with[N + i] != without[N + i] ||
                   with[2 * N + i] != without[2 * N + i];
    g_assert_cmpint (n_changed, >, 0.01 * N);
    g_assert_cmpint (n_changed, <=, 0.21 * N);
  }
}

static DmlPicture *
flat_picture (int r, int g, int b, int a)
{
  DmlPicture *picture = dml_picture_new_rgb (70, 50, a < 0 ? 3 : 4, NULL);
  uint8_t *p = dml_picture_get_pixels (picture, NULL);

  for (int i = 0; i < 70 * 50; i++) {
    *p++ = (uint8_t) r;
    *p++ = (uint8_t) g;
    *p++ = (uint8_t) b;
    if (a >= 0)
      *p++ = (uint8_t) a;
  }
  return picture;
}

/* Geometry does nothing to a plain colour; light multiplies it. */
static void
test_flat_colour_through_geometry_and_light (void)
{
  g_autoptr (DmlPicture) picture = flat_picture (100, 60, 140, -1);
  const DmlImage *image = dml_picture_get_image (picture);
  double least = 9, most = 0;

  for (uint64_t stream = 0; stream < 200; stream++) {
    g_autofree float *still =
      view_of_policy ("none,crop=0.2,aspect=0.3,flip=0.5,flip-vertical=0.5,"
                      "rotate=180,perspective=0.4",
                      &view_plain, image, NULL, stream);
    g_autofree float *lit =
      view_of_policy ("none,brightness=0.5", &view_plain, image, NULL, stream);
    g_autofree float *tinted =
      view_of_policy ("none,cast=0.2", &view_plain, image, NULL, stream);
    g_autofree float *grey = view_of_policy ("none,saturation=3,contrast=3",
                                             &view_plain, image, NULL, stream);

    for (int i = 0; i < N; i++) {
      g_assert_cmpfloat_with_epsilon (still[i], 100 / 255.f, 1e-4);
      g_assert_cmpfloat_with_epsilon (still[N + i], 60 / 255.f, 1e-4);
      g_assert_cmpfloat_with_epsilon (still[2 * N + i], 140 / 255.f, 1e-4);
      g_assert_cmpfloat_with_epsilon (lit[i] / lit[N + i], 100 / 60.f, 1e-4);
    }
    least = MIN (least, view_code (lit[0]) / 100);
    most = MAX (most, view_code (lit[0]) / 100);
    for (int c = 0; c < 3; c++) {
      const float was = (float[]){ 100, 60, 140 }[c] / 255;

      g_assert_cmpfloat (tinted[c * N], <=, was * 1.2001f);
      g_assert_cmpfloat (tinted[c * N], >=, was / 1.2001f);
    }
    /* luma is kept by both */
    if (grey[0] > 0 && grey[N] > 0 && grey[2 * N] < 1)
      g_assert_cmpfloat_with_epsilon (0.299f * grey[0] + 0.587f * grey[N] +
                                        0.114f * grey[2 * N],
                                      (29.9f + 35.22f + 15.96f) / 255, 1e-4);
  }
  g_assert_cmpfloat (least, >=, 1 / 1.5001);
  g_assert_cmpfloat (least, <, 0.7);
  g_assert_cmpfloat (most, <=, 1.5001);
  g_assert_cmpfloat (most, >, 1.43);
}

/* Through alpha 0 the other picture, before alpha 255 this one, and round a
 * picture with alpha nothing of it. */
static void
test_background_through_alpha (void)
{
  g_autoptr (DmlPicture) clear = flat_picture (200, 10, 10, 0);
  g_autoptr (DmlPicture) solid = flat_picture (200, 10, 10, 255);
  g_autoptr (DmlPicture) half = flat_picture (200, 10, 10, 102);
  g_autoptr (DmlPicture) behind = flat_picture (20, 220, 20, -1);
  const DmlPicture *fronts[] = { clear, solid, half };
  const double opacity[] = { 0, 1, 0.4 };

  for (int i = 0; i < 6; i++) {
    const char *policy =
      i % 2 ? "none,background=1,rotate=20" : "none,background=1";
    const DmlImage *front = dml_picture_get_image (fronts[i / 2]);
    g_autofree float *out = view_of_policy (policy, &view_plain, front,
                                            dml_picture_get_image (behind), 2);
    g_autofree float *alone =
      view_of_policy (policy, &view_plain, front, NULL, 2);

    for (int k = 0; k < N; k++) { /* 70 x 50: seen in the middle rows */
      const int x = k % SIDE, y = k / SIDE;
      const gboolean inside =
        abs (x - SIDE / 2) < SIDE / 4 && abs (y - SIDE / 2) < SIDE / 6;
      const gboolean outside = i % 2 == 0 && (y < 5 || y >= SIDE - 5);
      const double a = opacity[i / 2] * inside;

      if (!inside && !outside)
        continue;
      g_assert_cmpfloat_with_epsilon (view_code (out[k]),
                                      200 * a + 20 * (1 - a), 1);
      g_assert_cmpfloat_with_epsilon (view_code (out[N + k]),
                                      10 * a + 220 * (1 - a), 1);
      g_assert_cmpfloat_with_epsilon (view_code (alone[k]),
                                      200 * a + 128 * (1 - a), 1);
    }
  }
}

/* The middle shows the picture, the corners what lies behind, in most views. */
static void
test_background_outside_a_super_ellipse (void)
{
  g_autoptr (DmlPicture) front = flat_picture (200, 200, 200, -1);
  g_autoptr (DmlPicture) behind = flat_picture (0, 0, 0, -1);
  int n_corners = 0, n_replaced = 0;
  double kept = 0;

  for (uint64_t stream = 0; stream < 300; stream++) {
    g_autofree float *out = view_of_policy (
      "none,background=0.6", &view_plain, dml_picture_get_image (front),
      dml_picture_get_image (behind), stream);
    double sum = 0;

    g_assert_cmpfloat_with_epsilon (view_code (out[N / 2 + SIDE / 2]), 200, 1);
    for (int i = 0; i < N; i++)
      sum += view_code (out[i]) / 200 / N;
    if (sum > 0.999)
      continue;
    n_replaced++;
    kept += sum;
    n_corners += out[0] < 0.01f;
  }
  g_assert_cmpint (n_replaced, >, 150);
  g_assert_cmpint (n_replaced, <, 210);
  g_assert_cmpint (n_corners, >, n_replaced * 3 / 4);
  g_assert_cmpfloat (kept / n_replaced, >, 0.3);
  g_assert_cmpfloat (kept / n_replaced, <, 0.7);
}

static void
test_every_size_and_layout (void)
{
  static const int sizes[][2] = { { 1, 1 },   { 1, 50 },  { 2, 1 },
                                  { 300, 2 }, { 33, 47 }, { 700, 500 } };
  const uint8_t grey[35] = { 0, 10, 200 };
  const DmlImage grey_image = { .format = DML_PIXELS_GRAY8,
                                .width = 7,
                                .height = 5,
                                .plane = { grey },
                                .stride = { 7 } };

  for (unsigned i = 0; i < G_N_ELEMENTS (sizes); i++) {
    for (int nc = 3; nc <= 4; nc++) {
      g_autoptr (DmlPicture) picture =
        soft_picture (sizes[i][0], sizes[i][1], nc, i);
      const DmlImage *image = dml_picture_get_image (picture);

      for (uint64_t stream = 0; stream < 10; stream++) {
        g_autofree float *a =
          view_of_policy ("strong", &view_usual, image, &grey_image, stream);
        g_autofree float *b = view_of_policy (
          "strong,background=1", &view_usual, &grey_image, image, stream);

        for (int k = 0; k < 3 * N; k++) {
          g_assert_cmpfloat (fabsf (a[k]), <, 3);
          g_assert_cmpfloat (fabsf (b[k]), <, 3);
        }
      }
    }
  }
}

static void
test_one_channel (void)
{
  g_autoptr (DmlPicture) picture = soft_picture (90, 61, 3, 1);
  const DmlImage *image = dml_picture_get_image (picture);
  DmlPreprocess grey = view_plain;

  grey.channels = 1;
  g_autofree float *colour =
    view_of_policy ("none,rotate=10", &view_plain, image, NULL, 4);
  g_autofree float *one =
    view_of_policy ("none,rotate=10", &grey, image, NULL, 4);

  for (int i = 0; i < N; i++)
    g_assert_cmpfloat_with_epsilon (
      one[i],
      0.299f * colour[i] + 0.587f * colour[N + i] + 0.114f * colour[2 * N + i],
      1e-6);
}

static void
test_policy_text (void)
{
  static const struct {
    const char *text, *word;
  } wrong[] = {
    { "", "begins with no policy" },
    { "heavy", "begins with no policy" },
    { "default,rotat=3", "did you mean \"rotate\"" },
    { "default,colour=3", "there are crop" },
    { "default,rotate", "expected a change" },
    { "default,rotate=", "0 to 180" },
    { "default,rotate=-1", "0 to 180" },
    { "default,rotate=181", "0 to 180" },
    { "default,rotate=nan", "0 to 180" },
    { "default,rotate=3x", "0 to 180" },
  };
  DmlAugment policy = { .crop = 0.5f };

  for (unsigned i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (dml_augment_parse (wrong[i].text, &policy, &error));
    g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
    g_assert_nonnull (strstr (error->message, wrong[i].word));
    g_assert_cmpfloat (policy.crop, ==, 0.5f); /* untouched */
  }
  g_assert_true (
    dml_augment_parse (" default , flip = 0,rotate=12.5", &policy, NULL));
  g_assert_cmpfloat (policy.flip, ==, 0);
  g_assert_cmpfloat (policy.rotate, ==, 12.5f);
  g_assert_cmpfloat (policy.crop, ==, 0.35f);
  g_autofree char *text = dml_augment_to_string (&policy);
  DmlAugment again;

  g_assert_cmpstr (
    text, ==,
    "none,crop=0.35,widen=1,aspect=0.25,rotate=12.5,brightness=0.5,"
    "contrast=0.3,saturation=0.3,cast=0.15,blur=1,noise=0.04,"
    "jpeg=0.1,erase=0.25,background=0.6,shrink=1,plain=0.25");
  g_assert_true (dml_augment_parse (text, &again, NULL));
  g_assert_cmpmem (&again, sizeof again, &policy, sizeof policy);
}

/* Every float of the struct has its row, and the presets are within bounds. */
static void
test_policy_table_is_whole (void)
{
  static const char *const presets[] = { "none", "light", "default", "strong" };

  g_assert_cmpuint (dml_augment_n_fields * sizeof (float), ==,
                    sizeof (DmlAugment));
  for (size_t i = 0; i < dml_augment_n_fields; i++)
    g_assert_cmpuint (dml_augment_fields[i].offset, ==, i * sizeof (float));
  for (unsigned i = 0; i < G_N_ELEMENTS (presets); i++) {
    DmlAugment policy;

    g_assert_true (dml_augment_parse (presets[i], &policy, NULL));
    g_autoptr (DmlAugmenter) augmenter =
      dml_augmenter_new (&policy, &view_plain, NULL);

    g_assert_nonnull (augmenter);
  }
}

static void
test_bad_input_is_refused (void)
{
  DmlAugment policy = { .rotate = 200 };
  g_autoptr (GError) error = NULL, other = NULL;
  uint8_t pixels[64] = { 0 };
  const DmlImage yuv = { .format = DML_PIXELS_YUY2,
                         .width = 4,
                         .height = 4,
                         .plane = { pixels },
                         .stride = { 8 },
                         .matrix = DML_MATRIX_BT601 };
  float out[3 * N];
  DmlRng rng;

  g_assert_null (dml_augmenter_new (&policy, &view_plain, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
  policy.rotate = 20;
  g_autoptr (DmlAugmenter) augmenter =
    dml_augmenter_new (&policy, &view_plain, NULL);

  dml_rng_init (&rng, 1, 1);
  g_assert_false (dml_augmenter_run (augmenter, &yuv, NULL, &rng, out, &other));
  g_assert_error (other, DML_ERROR, DML_ERROR_UNSUPPORTED);
}

static void
test_sheet (void)
{
  g_autoptr (DmlPicture) a = soft_picture (90, 61, 3, 1);
  g_autoptr (DmlPicture) b = soft_picture (50, 80, 4, 2);
  const DmlImage *pictures[] = { dml_picture_get_image (a),
                                 dml_picture_get_image (b) };
  g_autoptr (GError) error = NULL;
  DmlAugment policy;

  dml_augment_parse ("default", &policy, NULL);
  g_autoptr (DmlPicture) sheet =
    dml_augment_sheet (&policy, &view_usual, pictures, 2, 5, 3, &error);

  g_assert_no_error (error);
  g_assert_cmpint (dml_picture_get_width (sheet), ==, 6 * (SIDE + 2) - 2);
  g_assert_cmpint (dml_picture_get_height (sheet), ==, 2 * (SIDE + 2) - 2);
  g_autofree float *first = plain_view (&view_plain, pictures[0]);
  const uint8_t *p = dml_picture_get_pixels (sheet, NULL);

  for (int c = 0; c < 3; c++)
    g_assert_cmpfloat_with_epsilon (p[c], view_code (first[c * N]), 0.51);
}

static void
test_no_memory (void)
{
  g_autoptr (DmlPicture) picture = soft_picture (90, 61, 4, 1);
  const DmlImage *image = dml_picture_get_image (picture);
  g_autofree float *out = g_new (float, 3 * N);
  DmlAugment policy;

  dml_augment_parse ("strong,background=1,jpeg=1", &policy, NULL);
  for (MemoryFault fault = { .least = 6 }; memory_fault_left (&fault);) {
    g_autoptr (GError) error = NULL;
    DmlRng rng;
    gboolean done = FALSE;

    dml_rng_init (&rng, 1, 1);
    memory_fault_arm (&fault);
    g_autoptr (DmlAugmenter) augmenter =
      dml_augmenter_new (&policy, &view_usual, &error);

    if (augmenter != NULL)
      done = dml_augmenter_run (augmenter, image, image, &rng, out, &error);
    memory_fault_check (&fault, done, error);
    /* the same augmenter goes on once there is memory again */
    if (augmenter != NULL)
      g_assert_true (
        dml_augmenter_run (augmenter, image, image, &rng, out, NULL));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/augment/none-is-preprocessing-to-the-bit",
                   test_none_is_preprocessing_to_the_bit);
  g_test_add_func ("/augment/stream-alone-decides", test_stream_alone_decides);
  g_test_add_func ("/augment/a-range-switched-off-leaves-the-others",
                   test_a_range_switched_off_leaves_the_others);
  g_test_add_func ("/augment/flat-colour-through-geometry-and-light",
                   test_flat_colour_through_geometry_and_light);
  g_test_add_func ("/augment/background-through-alpha",
                   test_background_through_alpha);
  g_test_add_func ("/augment/background-outside-a-super-ellipse",
                   test_background_outside_a_super_ellipse);
  g_test_add_func ("/augment/every-size-and-layout",
                   test_every_size_and_layout);
  g_test_add_func ("/augment/one-channel", test_one_channel);
  g_test_add_func ("/augment/policy-text", test_policy_text);
  g_test_add_func ("/augment/policy-table-is-whole",
                   test_policy_table_is_whole);
  g_test_add_func ("/augment/bad-input-is-refused", test_bad_input_is_refused);
  g_test_add_func ("/augment/sheet", test_sheet);
  g_test_add_func ("/augment/no-memory", test_no_memory);
  return g_test_run ();
}
