CREATE TABLE ads (
  ts TIMESTAMP EVENT TIME, event_id ID UNIQUE WITHIN '72 hours', event_type STRING FIELD,
  campaign STRING DIMENSION, country STRING DIMENSION, slot INT64 DIMENSION,
  user_id STRING FIELD, cost DECIMAL(18,6) FIELD, seconds INT64 FIELD,
  impressions MEASURE COUNT WHERE event_type = 'impression', clicks MEASURE COUNT WHERE event_type = 'click',
  spend MEASURE SUM(cost), longest MEASURE MAX(seconds), shortest MEASURE MIN(seconds) WHERE event_type IN ('click', 'view'),
  users MEASURE UNIQUE(user_id), ctr MEASURE AS clicks / impressions, cpm MEASURE AS 1000 * spend / impressions);
SELECT SUM(impressions), SUM(clicks), SUM(spend) FROM ads;
SELECT campaign, SUM(impressions) AS impressions, SUM(clicks) AS clicks, ctr FROM ads GROUP BY campaign;
SELECT campaign, SUM(clicks) FROM ads GROUP BY 1 ORDER BY 2 DESC, 1;
SELECT country AS land, SUM(events) AS n FROM ads GROUP BY land ORDER BY n DESC, land;
SELECT campaign, country, SUM(events) FROM ads GROUP BY ALL ORDER BY 1, 2 NULLS FIRST;
SELECT campaign, cpm FROM ads GROUP BY campaign ORDER BY campaign NULLS LAST;
SELECT MAX(longest), MIN(shortest) FROM ads;
SELECT campaign, MIN(shortest) AS shortest FROM ads GROUP BY campaign ORDER BY campaign;
SELECT COUNT(*), SUM(events), SUM(duplicates), SUM(conflicts), SUM(late), SUM(retracted) FROM ads;
SELECT APPROX_COUNT_DISTINCT(users) FROM ads;
SELECT country, APPROX_COUNT_DISTINCT(users) AS users FROM ads GROUP BY country ORDER BY users DESC, country;
SELECT campaign, SUM(impressions) AS n FROM ads GROUP BY campaign HAVING SUM(impressions) > 1 ORDER BY n;
SELECT campaign, SUM(impressions) AS n FROM ads GROUP BY campaign HAVING n > 1 AND campaign IS NOT NULL ORDER BY n;
SELECT campaign FROM ads GROUP BY campaign ORDER BY SUM(spend) DESC LIMIT 2;
SELECT campaign FROM ads GROUP BY campaign ORDER BY campaign LIMIT 1 OFFSET 1;
SELECT DISTINCT country FROM ads ORDER BY country NULLS FIRST;
SELECT slot, SUM(events) AS n FROM ads GROUP BY slot ORDER BY slot;
SELECT slot + 1 AS next, SUM(events) AS n FROM ads GROUP BY next ORDER BY next;
SELECT country = 'DE' AS home, SUM(clicks) FROM ads GROUP BY 1 ORDER BY 1;
SELECT SUM(clicks) + SUM(impressions) AS both, SUM(spend) / SUM(events) AS mean FROM ads;
SELECT SUM(clicks) FROM ads WHERE campaign = 'nobody';
SELECT MAX(longest), SUM(spend), COUNT(*) FROM ads WHERE campaign = 'nobody';
SELECT country, SUM(clicks) FROM ads WHERE campaign = 'nobody' GROUP BY country;
SELECT CASE WHEN country = 'DE' THEN 'home' ELSE 'away' END AS place, SUM(events) AS n FROM ads GROUP BY place ORDER BY place;
SELECT COALESCE(country, '(none)') AS c, SUM(events) FROM ads GROUP BY c ORDER BY c;
SELECT country, slot, SUM(spend) FROM ads WHERE country = 'DE' GROUP BY country, slot ORDER BY slot;
SELECT a.country, SUM(a.clicks) FROM ads AS a WHERE a.campaign = 'c1' GROUP BY a.country ORDER BY a.country;
SELECT 'all' AS label, SUM(events) FROM ads;
SELECT DISTINCT SUM(events) > 1 AS several FROM ads GROUP BY campaign ORDER BY several;
SELECT campaign, SUM(impressions) AS impressions, SUM(clicks) AS clicks, SUM(spend), APPROX_COUNT_DISTINCT(users) FROM ads GROUP BY campaign ORDER BY campaign;
SELECT slot, SUM(events) AS n FROM ads GROUP BY slot ORDER BY slot
