-- The table for open_bandit.csv.gz: one row an impression, `click` is 1 where it was clicked.
CREATE TABLE impressions (
  timestamp TIMESTAMP EVENT TIME,
  impression_id ID UNIQUE WITHIN '72 hours',
  campaign STRING DIMENSION,
  policy STRING DIMENSION,
  item_id STRING DIMENSION,
  position STRING DIMENSION,
  user_feature_0 STRING DIMENSION,
  user_feature_1 STRING DIMENSION,
  user_feature_2 STRING DIMENSION,
  user_feature_3 STRING DIMENSION,
  click INT64 FIELD,
  impressions MEASURE COUNT,
  clicks MEASURE SUM(click),
  ctr MEASURE AS clicks / impressions
);
