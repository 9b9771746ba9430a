CREATE TABLE ads (
  ts TIMESTAMP EVENT TIME, event_id ID UNIQUE WITHIN '72 hours', event_type STRING FIELD,
  campaign STRING DIMENSION, country STRING DIMENSION, slot INT64 DIMENSION,
  user_id STRING FIELD, cost DECIMAL(18,6) FIELD, seconds INT64 FIELD,
  impressions MEASURE COUNT WHERE event_type = 'impression', clicks MEASURE COUNT WHERE event_type = 'click',
  spend MEASURE SUM(cost), longest MEASURE MAX(seconds), shortest MEASURE MIN(seconds) WHERE event_type IN ('click', 'view'),
  users MEASURE UNIQUE(user_id), ctr MEASURE AS clicks / impressions, cpm MEASURE AS 1000 * spend / impressions);
SELECT contry, SUM(clicks) FROM ads GROUP BY contry;
SELECT country, SUM(clikcs) FROM ads GROUP BY country;
SELECT country FROM adz GROUP BY country;
SELECT clicks FROM ads;
SELECT users FROM ads;
SELECT events FROM ads;
SELECT AVG(clicks) FROM ads;
SELECT MAX(clicks) FROM ads;
SELECT SUM(users) FROM ads;
SELECT SUM(ctr) FROM ads;
SELECT COUNT(clicks) FROM ads;
SELECT COUNT(DISTINCT users) FROM ads;
SELECT COUNT(DISTINCT country) FROM ads;
SELECT SUM(cost) FROM ads;
SELECT SUM(country) FROM ads;
SELECT SUM(clicks + impressions) FROM ads;
SELECT cost, SUM(clicks) FROM ads GROUP BY cost;
SELECT event_id FROM ads;
SELECT * FROM ads;
SELECT country FROM ads;
SELECT country, SUM(clicks) FROM ads;
SELECT country, campaign, SUM(clicks) FROM ads GROUP BY country;
SELECT country, SUM(clicks) FROM ads WHERE clicks > 1 GROUP BY country;
SELECT country, SUM(clicks) FROM ads WHERE SUM(clicks) > 1 GROUP BY country;
SELECT SUM(clicks) FROM ads GROUP BY clicks;
SELECT SUM(clicks) FROM ads GROUP BY SUM(clicks);
SELECT SUM(SUM(clicks)) FROM ads;
SELECT COUNT(COUNT(*)) FROM ads.raw;
SELECT clicks FROM ads.raw;
SELECT SUM(*) FROM ads;
SELECT COUNT() FROM ads;
SELECT SUM(clicks), country FROM ads GROUP BY 3;
SELECT SUM(clicks) FROM ads GROUP BY 1;
SELECT country FROM ads GROUP BY 1 ORDER BY 2;
SELECT SUM(events) FROM ads WHERE slot = 'abc';
SELECT SUM(events) FROM ads WHERE country = 5;
SELECT SUM(events) FROM ads WHERE country;
SELECT SUM(events) FROM ads WHERE country IN (1, 2);
SELECT SUM(events) FROM ads LIMIT -1;
SELECT SUM(events) FROM ads LIMIT country;
SELECT rund(1.5);
SELECT SUM(events) FROM ads WHERE (country = 'DE';
SELECT FROM ads;
SELECT SUM(events) FRM ads;
SELECT SUM(events) FROM ads WHERE;
SELECT SUM(events), FROM ads;
SELECT SUM(events) FROM ads GROUP country;
SELCT 1;
SELECT 1 2;
SELECT SUM(events) FROM ads; SELECT 1;
SELECT SUM(events) FROM ads JOIN other ON 1 = 1;
SELECT SUM(events) FROM (SELECT 1);
SELECT 1 UNION SELECT 2;
SELECT SUM(events) OVER () FROM ads;
DROP TABLE ads;
ALTER TABLE ads ADD DIMENSION x;
SELECT * FROM system.segments;
SELECT * FROM system.tabels;
SHOW SETTINGS;
DESCRIBE adz;
SELECT country FROM ads.rows;
SELECT time_bucket('1 hour', ts) AS ts, SUM(events) FROM ads GROUP BY ts;
SELECT SUM(events) FROM ads WHERE country = $1;
SELECT a ! b;
SELECT 12abc;
SELECT x.country FROM ads GROUP BY 1;
SELECT DISTINCT campaign FROM ads.raw ORDER BY country;
SELECT
  country,
  SUM(klicks)
FROM ads GROUP BY country;

