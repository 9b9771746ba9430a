CREATE TABLE ads (
  ts TIMESTAMP EVENT TIME, event_id ID UNIQUE WITHIN '72 hours', event_type STRING FIELD,
  country STRING DIMENSION, cost DECIMAL(18,6) FIELD, seconds INT64 FIELD, user_id STRING FIELD,
  impressions MEASURE COUNT WHERE event_type = 'impression', clicks MEASURE COUNT WHERE event_type = 'click',
  spend MEASURE SUM(cost), longest MEASURE MAX(seconds), users MEASURE UNIQUE(user_id),
  ctr MEASURE AS clicks / impressions);
SELECT time_bucket('1 hour', ts) AS hour, SUM(impressions) AS impressions, SUM(spend) AS spend, MAX(longest) AS longest,
  APPROX_COUNT_DISTINCT(users) AS users, ctr, COUNT(*) AS n
FROM ads GROUP BY hour FILL ORDER BY hour;
SELECT time_bucket('1 hour', ts) AS hour, SUM(impressions) AS n FROM ads
WHERE ts >= '2024-03-15T04:00:00Z' AND ts < '2024-03-15T12:00:00Z' GROUP BY hour FILL ORDER BY hour;
SELECT time_bucket('1 hour', ts) AS hour, SUM(impressions) AS n FROM ads
WHERE ts > '2024-03-15T05:30:00Z' GROUP BY hour FILL ORDER BY hour;
SELECT time_bucket('1 hour', ts) AS hour, SUM(impressions) AS n FROM ads
WHERE ts <= '2024-03-15T12:00:00Z' AND country = 'FR' GROUP BY hour FILL ORDER BY hour;
SELECT country, time_bucket('1 hour', ts) AS hour, SUM(events) AS n FROM ads GROUP BY 1, 2 FILL ORDER BY 1, 2;
SELECT time_bucket('1 hour', ts) AS hour, country, SUM(events) AS n FROM ads GROUP BY ALL FILL
HAVING SUM(events) = 0 ORDER BY country, hour DESC LIMIT 3;
SELECT time_bucket('1 hour', ts) AS hour, SUM(events) AS n FROM ads GROUP BY hour FILL HAVING SUM(events) <> 1 ORDER BY hour;
SELECT time_bucket('30 minutes', ts) AS t, SUM(clicks) AS n FROM ads
WHERE ts >= '2024-03-15T01:00:00Z' AND ts < '2024-03-15T02:15:00Z' GROUP BY t FILL ORDER BY t;
SELECT time_bucket('30 minutes', ts) AS t, country, SUM(clicks) AS n FROM ads
WHERE ts >= '2024-03-15T01:00:00Z' AND ts < '2024-03-15T02:15:00Z' GROUP BY t, country FILL;
SELECT time_bucket('30 minutes', ts) AS t, SUM(clicks) AS n FROM ads WHERE ts < '2024-03-15T02:15:00Z' GROUP BY t FILL;
SELECT time_bucket('30 minutes', ts) AS t, SUM(clicks) AS n FROM ads
WHERE ts >= '2024-03-15T02:00:00Z' AND ts < '2024-03-15T01:00:00Z' GROUP BY t FILL;
SELECT date_trunc('day', ts, 'Europe/Berlin') AS day, SUM(events) AS n FROM ads
WHERE ts >= '2024-03-29T23:00:00Z' AND ts < '2024-04-01T22:00:00Z' GROUP BY day FILL ORDER BY day;
SELECT time_bucket('1 hour', ts, 'Europe/Berlin') AS hour, SUM(events) AS n FROM ads
WHERE ts >= '2024-03-31T00:00:00Z' AND ts < '2024-03-31T03:00:00Z' GROUP BY hour FILL ORDER BY hour;
SELECT time_bucket('2 hours', ts, 'Europe/Berlin') AS t, SUM(events) AS n FROM ads
WHERE ts >= '2024-10-26T22:00:00Z' AND ts < '2024-10-27T05:00:00Z' GROUP BY t FILL ORDER BY t;
SELECT date_trunc('month', ts) AS month, SUM(events) AS n FROM ads
WHERE ts >= '2023-12-31' AND ts < '2024-05-01' GROUP BY month FILL ORDER BY month;
SELECT time_bucket('2 hours', ts) AS t, COUNT(*) AS n, COUNT(seconds) AS s, SUM(cost) AS cost, AVG(cost) AS mean, MIN(country) AS first
FROM ads.raw GROUP BY t FILL ORDER BY t;
SELECT time_bucket('1 hour', ts) AS hour, SUM(seconds) + 1 AS n, COALESCE(MAX(seconds), -1) AS most FROM ads.raw
GROUP BY hour FILL ORDER BY n, most, hour;
EXPLAIN SELECT time_bucket('1 hour', ts) AS hour, SUM(clicks) FROM ads GROUP BY hour FILL;
SELECT country, SUM(clicks) FROM ads GROUP BY country FILL;
SELECT time_bucket('1 hour', ts), time_bucket('1 day', ts), SUM(clicks) FROM ads GROUP BY 1, 2 FILL;
SELECT time_bucket('1 hour', ts) AS hour, SUM(clicks) FROM ads GROUP BY hour ORDER BY hour FILL;
SELECT time_bucket('1 hour', ts) AS hour, SUM(clicks) FROM ads GROUP BY hour FILL(0);
SELECT time_bucket('1 second', ts) AS s, SUM(clicks) FROM ads WHERE ts >= '2000-01-01' AND ts < '2024-04-01' GROUP BY s FILL;
SELECT SUM(clicks) FROM ads FILL;
