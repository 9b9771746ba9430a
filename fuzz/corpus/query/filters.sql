CREATE TABLE ads (
  ts TIMESTAMP EVENT TIME, event_id ID UNIQUE WITHIN '72 hours', event_type STRING FIELD,
  campaign STRING DIMENSION, country STRING DIMENSION, slot INT64 DIMENSION,
  user_id STRING FIELD, cost DECIMAL(18,6) FIELD, seconds INT64 FIELD,
  impressions MEASURE COUNT WHERE event_type = 'impression', clicks MEASURE COUNT WHERE event_type = 'click',
  spend MEASURE SUM(cost), longest MEASURE MAX(seconds), shortest MEASURE MIN(seconds) WHERE event_type IN ('click', 'view'),
  users MEASURE UNIQUE(user_id), ctr MEASURE AS clicks / impressions, cpm MEASURE AS 1000 * spend / impressions);
SELECT SUM(events) FROM ads WHERE country = 'DE';
SELECT SUM(events) FROM ads WHERE country <> 'DE';
SELECT SUM(events) FROM ads WHERE NOT country = 'DE';
SELECT SUM(events) FROM ads WHERE country IN ('DE', 'FR');
SELECT SUM(events) FROM ads WHERE country NOT IN ('DE', 'FR');
SELECT SUM(events) FROM ads WHERE country NOT IN ('DE', NULL);
SELECT SUM(events) FROM ads WHERE country IS NULL;
SELECT SUM(events) FROM ads WHERE country IS NOT NULL AND campaign IS NOT NULL;
SELECT SUM(events) FROM ads WHERE country IS DISTINCT FROM 'DE';
SELECT SUM(events) FROM ads WHERE country LIKE '_E' OR country LIKE 'F%';
SELECT SUM(events) FROM ads WHERE country NOT LIKE '%S' AND country ILIKE 'd%';
SELECT SUM(events) FROM ads WHERE country > 'DE' AND country <= 'FR';
SELECT SUM(events) FROM ads WHERE country BETWEEN 'DE' AND 'ES';
SELECT SUM(events) FROM ads WHERE country NOT BETWEEN 'DE' AND 'ES';
SELECT SUM(events) FROM ads WHERE slot = 1;
SELECT SUM(events) FROM ads WHERE slot BETWEEN -10 AND 1;
SELECT SUM(events) FROM ads WHERE slot IN (1, 2.0, '3');
SELECT SUM(events) FROM ads WHERE slot % 2 = 1;
SELECT SUM(events) FROM ads WHERE campaign = 'c1' AND (country = 'FR' OR slot = 2);
SELECT SUM(events) FROM ads WHERE (country = 'DE') IS NOT TRUE;
SELECT SUM(events) FROM ads WHERE TRUE;
SELECT SUM(events) FROM ads WHERE NULL;
SELECT SUM(events) FROM ads WHERE upper(lower(campaign)) || '!' = 'C1!';
SELECT SUM(events) FROM ads WHERE length(country) = 2;
SELECT SUM(events) FROM ads WHERE ts >= '2024-03-15 11:00:00';
SELECT SUM(events) FROM ads WHERE ts >= '2024-03-15T12:00:00+01:00' AND ts < '2024-03-15 11:31:00Z';
SELECT SUM(events) FROM ads WHERE ts >= now() - INTERVAL '1 minute';
SELECT SUM(events) FROM ads WHERE '2024-03-15 10:10' >= ts;
SELECT SUM(events) FROM ads WHERE ts = '2024-03-15 10:10';
SELECT SUM(events) FROM ads WHERE ts > '2025-01-01';
SELECT event_id FROM ads.raw WHERE cost > 0.1 ORDER BY event_id;
SELECT event_id FROM ads.raw WHERE cost IS NULL;
SELECT event_id FROM ads.raw WHERE event_type = 'click' AND seconds BETWEEN 5 AND 8;
SELECT event_id FROM ads.raw WHERE user_id = '' OR user_id IS NULL ORDER BY 1;
SELECT event_id FROM ads.raw WHERE seconds = 5 OR cost = 0.25 ORDER BY event_id;
SELECT event_id FROM ads.raw WHERE event_id IN ('e1', 'e9', 'e77') ORDER BY event_id DESC;
SELECT event_id FROM ads.raw WHERE slot = '-7'
