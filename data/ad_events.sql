-- The table of `tally generate --profile ad`, which makes it by itself where it is missing.
CREATE TABLE ad_events (
  ts TIMESTAMP EVENT TIME,
  event_id ID UNIQUE WITHIN '72 hours',
  event_type STRING FIELD,
  advertiser_id STRING DIMENSION,
  campaign_id STRING DIMENSION,
  ad_group_id STRING DIMENSION,
  creative_id STRING DIMENSION,
  publisher_id STRING DIMENSION,
  country STRING DIMENSION,
  region STRING DIMENSION,
  device_type STRING DIMENSION,
  os STRING DIMENSION,
  user_id STRING FIELD,
  cost DECIMAL(18,6) FIELD,
  revenue DECIMAL(18,6) FIELD,
  impressions MEASURE COUNT WHERE event_type = 'impression',
  clicks MEASURE COUNT WHERE event_type = 'click',
  conversions MEASURE COUNT WHERE event_type = 'conversion',
  spend MEASURE SUM(cost),
  income MEASURE SUM(revenue),
  users MEASURE UNIQUE(user_id),
  ctr MEASURE AS clicks / impressions,
  cvr MEASURE AS conversions / clicks,
  cpc MEASURE AS spend / clicks,
  cpm MEASURE AS 1000 * spend / impressions
)
RETENTION raw '7 days'
LATENESS '30 days' WHERE event_type = 'conversion'
ROLLUP by_campaign (advertiser_id, campaign_id, country, device_type)
  RETENTION minute '7 days', hour '730 days', day '730 days'
ROLLUP by_geo (country, device_type, os) RETENTION hour '730 days'
ROLLUP campaigns_daily (advertiser_id, campaign_id) RETENTION day '730 days'
ROLLUP advertisers_daily (advertiser_id, country, device_type, os)
  MEASURES (impressions, clicks, conversions, spend, income) RETENTION day '730 days'
ROLLUP devices_hourly (device_type) RETENTION hour '730 days';
