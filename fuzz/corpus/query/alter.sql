CREATE TABLE ads (
  ts TIMESTAMP EVENT TIME, event_id ID UNIQUE WITHIN '72 hours', event_type STRING FIELD,
  campaign STRING DIMENSION, country STRING DIMENSION, cost DECIMAL(18,6) FIELD,
  clicks MEASURE COUNT WHERE event_type = 'click', spend MEASURE SUM(cost))
  ROLLUP by_country (country) RETENTION hour '90 days', day '730 days';
ALTER TABLE ads ADD DIMENSION region STRING LIMIT 1000;
ALTER TABLE ads ADD FIELD price DECIMAL(12,4);
ALTER TABLE ads ADD MEASURE views MEASURE COUNT;
ALTER TABLE ads ADD MEASURE views COUNT WHERE event_type = 'view';
ALTER TABLE ads ADD MEASURE cpc AS spend / clicks;
ALTER TABLE ads ADD ROLLUP by_campaign (campaign, country) MEASURES (clicks) RETENTION minute '7 days', hour '90 days';
ALTER TABLE ads ADD DIMENSION country STRING;
ALTER TABLE ads ADD ROLLUP by_country (country) RETENTION day '30 days';
ALTER TABLE ads ADD COLUMN region STRING;
ALTER TABLE ads DROP MEASURE spend;
ALTER TABLE ads DROP MEASURE spent;
ALTER TABLE ads DROP DIMENSION cost;
ALTER TABLE ads DROP ROLLUP by_county;
ALTER TABLE ads SET RETENTION raw '30 days' DRY RUN;
ALTER TABLE ads SET RETENTION by_country hour '30 days', day '365 days';
ALTER TABLE ads SET RETENTION by_region hour '30 days';
ALTER TABLE ads SET RETENTION raw '1 month';
ALTER TABLE ads SET LATENESS '30 days' WHERE event_type = 'conversion', LATENESS '3 days';
ALTER TABLE ads SET LATENESS '30 days' WHERE event_typ = 'conversion';
ALTER TABLE ads SET LATENESS '30';
ALTER TABLE ads SET GRACE '10 minutes';
ALTER TABLE ads SET DURABILITY interval;
ALTER TABLE ads SET DURABILITY never;
ALTER TABLE ads SET COLOUR 'red';
ALTER TABLE ads RENAME TO adverts;
ALTER TABLE adds ADD FIELD price INT64;
ALTER TABLE ads ADD FIELD price;
ALTER ads ADD FIELD price INT64;
DROP TABLE ads;
DROP TABLE adds;
DROP TABLE IF EXISTS adds;
DROP ads;
