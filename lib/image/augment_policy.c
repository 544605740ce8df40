/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Augmentation policies: the table of ranges, and their text. */
#include "image/augment.h"
#include "base/error.h"
#include "base/suggest.h"

#include <math.h>
#include <string.h>

#define FIELD(member, name, max, blurb)                                        \
  {                                                                            \
    name, offsetof (DmlAugment, member), max, blurb                            \
  }

const DmlAugmentField dml_augment_fields[] = {
  FIELD (crop, "crop", 1,
         "smallest share of the area that a view shows; the share is uniform "
         "from here to 1"),
  FIELD (widen, "widen", 8,
         "round a picture with alpha a view may show more: up to 1 + this"),
  FIELD (aspect, "aspect", 1, "width to height, a factor within 1 + this"),
  FIELD (flip, "flip", 1,
         "probability of a mirror image; 0 for text, logos, characters"),
  FIELD (flip_vertical, "flip-vertical", 1,
         "probability of turning it upside down, for pictures from above"),
  FIELD (rotate, "rotate", 180, "degrees, uniform to either side"),
  FIELD (perspective, "perspective", 0.4f,
         "how far each corner moves, as a share of the side, uniform"),
  FIELD (brightness, "brightness", 3, "a factor within 1 + this"),
  FIELD (contrast, "contrast", 3,
         "a factor within 1 + this, about the view's mean"),
  FIELD (saturation, "saturation", 3, "a factor within 1 + this"),
  FIELD (cast, "cast", 1,
         "colour of the light: a factor within 1 + this for R, G and B each"),
  FIELD (blur, "blur", 4,
         "largest standard deviation in pixels of the view; half of the views"),
  FIELD (noise, "noise", 0.5f,
         "largest standard deviation, of values 0..1; half of the views"),
  FIELD (jpeg, "jpeg", 1,
         "probability of compression at a quality of 25 to 85"),
  FIELD (erase, "erase", 1,
         "probability of a rectangle of 2 to 20 % that hides the picture"),
  FIELD (background, "background", 1,
         "probability of another picture behind: where there is an alpha "
         "channel through it, else outside a soft super-ellipse"),
  FIELD (shrink, "shrink", 4,
         "with another background: half of the views show a picture without "
         "alpha smaller, its sides by a factor of up to 1 + this"),
  FIELD (plain, "plain", 1,
         "share of the other backgrounds that are a softly shaded colour"),
};
const size_t dml_augment_n_fields = G_N_ELEMENTS (dml_augment_fields);

/* "default" is the recipe that doubled recognition from one photograph:
 * docs/images.md. */
static const struct {
  const char *name;
  DmlAugment policy;
} presets[] = {
  { "none", { .crop = 0 } },
  { "light",
    { .crop = 0.6f,
      .widen = 0.5f,
      .aspect = 0.1f,
      .flip = 0.5f,
      .rotate = 7,
      .brightness = 0.2f,
      .contrast = 0.2f,
      .saturation = 0.2f,
      .cast = 0.06f } },
  { "default",
    { .crop = 0.35f,
      .widen = 1,
      .aspect = 0.25f,
      .flip = 0.5f,
      .rotate = 17,
      .brightness = 0.5f,
      .contrast = 0.3f,
      .saturation = 0.3f,
      .cast = 0.15f,
      .blur = 1,
      .noise = 0.04f,
      .jpeg = 0.1f,
      .erase = 0.25f,
      .background = 0.6f,
      .shrink = 1,
      .plain = 0.25f } },
  { "strong",
    { .crop = 0.2f,
      .widen = 2,
      .aspect = 0.33f,
      .flip = 0.5f,
      .rotate = 30,
      .perspective = 0.2f,
      .brightness = 0.8f,
      .contrast = 0.5f,
      .saturation = 0.6f,
      .cast = 0.3f,
      .blur = 1.5f,
      .noise = 0.08f,
      .jpeg = 0.3f,
      .erase = 0.4f,
      .background = 0.8f,
      .shrink = 1.5f,
      .plain = 0.25f } },
};

static float *
field_of (DmlAugment *policy, size_t i)
{
  return (float *) ((uint8_t *) policy + dml_augment_fields[i].offset);
}

static gboolean
unknown_range (const char *name, GError **error)
{
  g_autoptr (GString) all = g_string_new (NULL);
  g_autofree char *quoted = dml_error_quote (name);
  g_autofree const char **names = g_new (const char *, dml_augment_n_fields);
  const char *nearest;

  for (size_t i = 0; i < dml_augment_n_fields; i++) {
    const char *known = dml_augment_fields[i].name;

    g_string_append_printf (all, "%s%s", i > 0 ? ", " : "", known);
    names[i] = known;
  }
  nearest = dml_suggest (name, names, dml_augment_n_fields);
  if (nearest != NULL)
    return dml_fail (error, INVALID,
                     "augment: there is no \"%s\"; did you mean \"%s\"?",
                     quoted, nearest);
  return dml_fail (error, INVALID, "augment: there is no \"%s\"; there are %s",
                   quoted, all->str);
}

/* "name=value" */
static gboolean
parse_change (char *text, DmlAugment *policy, GError **error)
{
  char *value = strchr (text, '='), *end = NULL;
  size_t i = 0;

  if (value == NULL)
    return dml_fail (error, INVALID,
                     "augment: \"%s\": expected a change such as rotate=10",
                     text);
  *value++ = '\0';
  g_strstrip (text);
  while (i < dml_augment_n_fields &&
         strcmp (dml_augment_fields[i].name, text) != 0)
    i++;
  if (i == dml_augment_n_fields)
    return unknown_range (text, error);
  const double number = g_ascii_strtod (g_strstrip (value), &end);

  if (end == value || *end != '\0' || !isfinite (number) || number < 0 ||
      number > (double) dml_augment_fields[i].max)
    return dml_fail (error, INVALID,
                     "augment: %s=%s: expected a number from 0 to %g", text,
                     value, (double) dml_augment_fields[i].max);
  *field_of (policy, i) = (float) number;
  return TRUE;
}

gboolean
dml_augment_parse (const char *text, DmlAugment *policy, GError **error)
{
  g_auto (GStrv) words = g_strsplit (text, ",", -1);
  DmlAugment parsed = { .crop = 0 };
  size_t i = 0;

  while (words[0] != NULL && i < G_N_ELEMENTS (presets) &&
         strcmp (presets[i].name, g_strstrip (words[0])) != 0)
    i++;
  if (words[0] == NULL || i == G_N_ELEMENTS (presets))
    return dml_fail (error, INVALID,
                     "augment: \"%s\" begins with no policy; expected none, "
                     "light, default or strong, then changes: "
                     "default,flip=0,rotate=10",
                     text);
  parsed = presets[i].policy;
  for (i = 1; words[i] != NULL; i++) {
    if (!parse_change (words[i], &parsed, error))
      return FALSE;
  }
  *policy = parsed;
  return TRUE;
}

/* The fewest digits that read back as the same float. */
static void
append_number (GString *text, float value)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE], format[] = "%.1g";

  do {
    g_ascii_formatd (number, sizeof number, format, (double) value);
    format[2]++;
  } while ((float) g_ascii_strtod (number, NULL) != value && format[2] <= '9');
  g_string_append (text, number);
}

char *
dml_augment_to_string (const DmlAugment *policy)
{
  GString *text = g_string_new ("none");

  for (size_t i = 0; i < dml_augment_n_fields; i++) {
    const float value = *(const float *) ((const uint8_t *) policy +
                                          dml_augment_fields[i].offset);

    if (value > 0) {
      g_string_append_printf (text, ",%s=", dml_augment_fields[i].name);
      append_number (text, value);
    }
  }
  return g_string_free (text, FALSE);
}
