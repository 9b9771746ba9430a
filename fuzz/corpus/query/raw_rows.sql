CREATE TABLE ads (
  ts TIMESTAMP EVENT TIME, event_id ID UNIQUE WITHIN '72 hours', event_type STRING FIELD,
  campaign STRING DIMENSION, country STRING DIMENSION, slot INT64 DIMENSION,
  user_id STRING FIELD, cost DECIMAL(18,6) FIELD, seconds INT64 FIELD,
  impressions MEASURE COUNT WHERE event_type = 'impression', clicks MEASURE COUNT WHERE event_type = 'click',
  spend MEASURE SUM(cost), longest MEASURE MAX(seconds), shortest MEASURE MIN(seconds) WHERE event_type IN ('click', 'view'),
  users MEASURE UNIQUE(user_id), ctr MEASURE AS clicks / impressions, cpm MEASURE AS 1000 * spend / impressions);
SELECT * FROM ads.raw ORDER BY event_id LIMIT 2;
SELECT COUNT(*), COUNT(cost), COUNT(country), COUNT(DISTINCT country), COUNT(DISTINCT user_id) FROM ads.raw;
SELECT SUM(cost), MIN(cost), MAX(cost), SUM(seconds), MIN(ts), MAX(ts), MIN(country), MAX(campaign) FROM ads.raw;
SELECT AVG(seconds), AVG(cost) FROM ads.raw;
SELECT COUNT(*), SUM(cost), AVG(cost), MIN(ts), COUNT(DISTINCT country) FROM ads.raw WHERE country = 'XX';
SELECT event_type, COUNT(*) AS n, SUM(cost) AS cost FROM ads.raw GROUP BY event_type ORDER BY n DESC, event_type;
SELECT user_id, COUNT(*) FROM ads.raw GROUP BY user_id ORDER BY user_id NULLS FIRST;
SELECT seconds, COUNT(*) FROM ads.raw GROUP BY seconds ORDER BY seconds NULLS FIRST LIMIT 3;
SELECT cost, event_id FROM ads.raw WHERE cost < 0.1 GROUP BY cost, event_id ORDER BY cost;
SELECT DISTINCT event_type FROM ads.raw ORDER BY event_type;
SELECT APPROX_COUNT_DISTINCT(user_id), APPROX_COUNT_DISTINCT(country) FROM ads.raw;
SELECT event_id, _kind, _lsn, _arrival FROM ads.raw ORDER BY event_id LIMIT 1;
SELECT SUM(seconds * 2 + 1) FROM ads.raw WHERE seconds IS NOT NULL;
SELECT country, MAX(cost) - MIN(cost) AS spread FROM ads.raw GROUP BY country HAVING COUNT(*) > 2 ORDER BY country;
SELECT cost FROM ads.raw ORDER BY cost LIMIT 2;
SELECT cost FROM ads.raw ORDER BY cost DESC LIMIT 2;
SELECT cost FROM ads.raw ORDER BY cost DESC NULLS LAST LIMIT 2;
SELECT event_id FROM ads.raw ORDER BY seconds % 3, event_id DESC NULLS LAST LIMIT 4;
SELECT event_id FROM ads.raw LIMIT 0;
SELECT event_id, ts - INTERVAL '1 hour' AS earlier, now() - ts AS age FROM ads.raw WHERE event_id = 'e1';
SELECT COUNT(*) FROM ads.raw;
SELECT _kind, COUNT(*) FROM ads.raw GROUP BY _kind ORDER BY _kind;
SELECT event_id, seconds FROM ads.raw WHERE _kind = 'conflict';
SELECT COUNT(*), SUM(events), SUM(duplicates), SUM(conflicts), SUM(impressions) FROM ads;
SELECT country, SUM(duplicates) AS d FROM ads GROUP BY country HAVING SUM(duplicates) > 0;
SELECT SUM(late) FROM ads;
SELECT _kind, COUNT(*), SUM(cost), MAX(seconds) FROM ads.raw GROUP BY _kind ORDER BY _kind;
SELECT country, SUM(events) FROM ads WHERE country = 'JP' GROUP BY country;
SELECT country, SUM(events), SUM(conflicts) FROM ads WHERE country = 'JP' GROUP BY country;
SELECT event_id FROM ads.raw WHERE event_id = '{6f9619ff-8b86-d011-b42d-00cf4fc964ff}';
SELECT COUNT(*) FROM ads.raw WHERE event_id IN ('6F9619FF-8B86-D011-B42D-00CF4FC964FF', 'e1')
