-- SPDX-License-Identifier: LGPL-2.1-or-later
-- A gallery, schema 1.1 (docs/gallery-schema.md). application_id and
-- user_version are set beside this.

-- About the file: fingerprint, encoder, dim, metric, created, revision.
CREATE TABLE gallery (
  key TEXT PRIMARY KEY NOT NULL,
  value NOT NULL
) WITHOUT ROWID;

-- A thing with a name. data: a JSON object of the user's (price, SKU).
-- AUTOINCREMENT: an id that was removed never names something else.
CREATE TABLE label (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE CHECK (length (name) > 0),
  data TEXT
);

-- An enrolled picture: its embedding as dim little-endian float32 (of unit
-- length where the metric is cosine), and what is known of it.
CREATE TABLE item (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  label_id INTEGER NOT NULL REFERENCES label (id),
  vector BLOB NOT NULL,
  quality REAL,           -- 0..1
  source TEXT,            -- a path, a camera
  added TEXT NOT NULL,    -- 2026-08-14T09:30:00Z
  thumbnail BLOB,         -- JPEG
  probe BLOB,             -- the thing as a camera may see it, as vector
  content TEXT,           -- SHA-256 of the photograph's file (1.1)
  views INTEGER           -- of it that vector is the mean of (1.1)
);
CREATE INDEX item_of_label ON item (label_id);

-- Readers copy the vectors they know and fetch only new ones.
CREATE TRIGGER item_vector_is_fixed BEFORE UPDATE OF id, vector, probe ON item
BEGIN
  SELECT raise (ABORT, 'a vector never changes: remove the item, enrol again');
END;

CREATE TABLE tag (
  item_id INTEGER NOT NULL REFERENCES item (id),
  tag TEXT NOT NULL CHECK (length (tag) > 0),
  PRIMARY KEY (item_id, tag)
) WITHOUT ROWID;

-- Thresholds: key 'item/0.01' (kind of similarity, false-accept rate), value a
-- JSON object that names the revision it was made for.
CREATE TABLE calibration (
  key TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL
) WITHOUT ROWID;
