/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The names of docs/metadata.md: one spelling for structures, ROI parameters,
 * messages and JSON lines. */
#pragma once

/* where and when */
#define GST_DML_FIELD_REGION "region"
#define GST_DML_FIELD_ROI_TYPE "roi_type"
#define GST_DML_FIELD_ROI_ID "roi_id"
#define GST_DML_FIELD_TRACK_ID "track_id"
#define GST_DML_FIELD_X "x"
#define GST_DML_FIELD_Y "y"
#define GST_DML_FIELD_WIDTH "width"
#define GST_DML_FIELD_HEIGHT "height"
#define GST_DML_FIELD_FRAME_WIDTH "frame_width"
#define GST_DML_FIELD_FRAME_HEIGHT "frame_height"
#define GST_DML_FIELD_PTS "pts"
#define GST_DML_FIELD_RUNNING_TIME "running_time"
#define GST_DML_FIELD_STREAM_TIME "stream_time"
#define GST_DML_FIELD_TIME "time"
#define GST_DML_FIELD_REFERENCE_TIME "reference_time"
#define GST_DML_FIELD_REFERENCE "reference"
#define GST_DML_FIELD_REGIONS "regions"
#define GST_DML_FIELD_FRAMES_AGO "frames_ago"

/* by which encoder */
#define GST_DML_FIELD_ENCODER "encoder"
#define GST_DML_FIELD_FINGERPRINT "fingerprint"
#define GST_DML_FIELD_EMBEDDING "embedding"

/* what the gallery says */
#define GST_DML_FIELD_DECISION "decision"
#define GST_DML_FIELD_LABEL "label"
#define GST_DML_FIELD_LABEL_DATA "label_data"
#define GST_DML_FIELD_NEAREST "nearest"
#define GST_DML_FIELD_RUNNER_UP "runner_up"
#define GST_DML_FIELD_SIMILARITY "similarity"
#define GST_DML_FIELD_MARGIN "margin"
#define GST_DML_FIELD_THRESHOLD "threshold"
#define GST_DML_FIELD_CONFIDENCE "confidence"
#define GST_DML_FIELD_ITEM "item"
#define GST_DML_FIELD_REASON "reason"
#define GST_DML_FIELD_EXPLANATION "explanation"
#define GST_DML_FIELD_HITS "hits"
#define GST_DML_FIELD_RAW_DECISION "raw_decision"
#define GST_DML_FIELD_RAW_LABEL "raw_label"
#define GST_DML_FIELD_RAW_SIMILARITY "raw_similarity"

/* what became of an enrolment */
#define GST_DML_FIELD_OPERATION "operation"
#define GST_DML_FIELD_OK "ok"
#define GST_DML_FIELD_NEW_LABEL "new_label"
#define GST_DML_FIELD_COUNT "count"
#define GST_DML_FIELD_QUALITY "quality"
#define GST_DML_FIELD_OUTLIER "outlier"
