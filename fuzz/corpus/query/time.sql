CREATE TABLE ads (
  ts TIMESTAMP EVENT TIME, event_id ID UNIQUE WITHIN '72 hours', event_type STRING FIELD,
  campaign STRING DIMENSION, country STRING DIMENSION, slot INT64 DIMENSION,
  user_id STRING FIELD, cost DECIMAL(18,6) FIELD, seconds INT64 FIELD,
  impressions MEASURE COUNT WHERE event_type = 'impression', clicks MEASURE COUNT WHERE event_type = 'click',
  spend MEASURE SUM(cost), longest MEASURE MAX(seconds), shortest MEASURE MIN(seconds) WHERE event_type IN ('click', 'view'),
  users MEASURE UNIQUE(user_id), ctr MEASURE AS clicks / impressions, cpm MEASURE AS 1000 * spend / impressions);
SELECT time_bucket('1 hour', ts) AS hour, SUM(events) AS n FROM ads GROUP BY hour ORDER BY hour;
SELECT time_bucket('30 minutes', ts) AS t, SUM(clicks) AS clicks FROM ads GROUP BY 1 ORDER BY 1;
SELECT date_trunc('day', ts) AS day, SUM(events) FROM ads GROUP BY day;
SELECT time_bucket('1 day', ts, 'Asia/Kolkata') AS day, SUM(events) FROM ads GROUP BY day;
SELECT time_bucket('1 week', ts) AS week, time_bucket('1 month', ts) AS month, SUM(events) FROM ads GROUP BY ALL;
SELECT time_bucket(INTERVAL '15 min', TIMESTAMP '2024-03-15 10:44:59.999999');
SELECT time_bucket('1 week', '2024-03-17'), time_bucket('1 week', '2024-03-18'), time_bucket('3 months', '2024-03-18');
SELECT date_trunc('quarter', '2024-08-20'), date_trunc('YEAR', '2024-08-20'), date_trunc('week', '1969-12-31');
SELECT time_bucket('1 day', '2024-03-31 21:59:59', 'Europe/Berlin'), time_bucket('1 day', '2024-03-31 22:00:00', 'Europe/Berlin');
SELECT time_bucket('1 hour', '2024-03-31 00:59:59', 'Europe/Berlin'), time_bucket('1 hour', '2024-03-31 01:00:00', 'Europe/Berlin'), time_bucket('6 hours', '2024-03-31 02:30:00', 'Europe/Berlin');
SELECT time_bucket('1 hour', '2024-10-27 00:30', 'Europe/Berlin'), time_bucket('1 hour', '2024-10-27 01:30', 'Europe/Berlin'), time_bucket('1 day', '2024-10-27 22:30', 'Europe/Berlin');
SELECT time_bucket('1 hour', '2024-03-15 10:40', 'Asia/Kolkata'), date_trunc('day', '2045-07-01 12:00', 'America/New_York'), date_trunc('day', '2045-01-01 12:00', 'America/New_York');
SELECT now(), now() - INTERVAL '90 minutes', now() + '1 month', INTERVAL '1 month' + TIMESTAMP '2024-01-31';
SELECT TIMESTAMP '2024-03-01' - TIMESTAMP '2024-02-01', INTERVAL '1 day' * 3, -INTERVAL '36 hours', INTERVAL '2 days' > INTERVAL '47 hours';
SELECT '2024-01-01 10:00+02'::timestamp, TIMESTAMP '2024-01-01T00:00:00.5Z', CAST('2024-02-29' AS TIMESTAMP)::string;
SELECT SUM(events) FROM ads WHERE time_bucket('1 hour', ts) = '2024-03-15 11:00';
SELECT SUM(events) FROM ads WHERE ts BETWEEN '2024-03-15 10:05' AND '2024-03-15 10:50';
SELECT time_bucket('1 fortnight', ts) FROM ads GROUP BY 1;
SELECT time_bucket('0 hours', ts) FROM ads GROUP BY 1;
SELECT time_bucket('1 month 1 day', ts) FROM ads GROUP BY 1;
SELECT time_bucket('1 hour', ts, 'Mars/Olympus') FROM ads GROUP BY 1;
SELECT time_bucket('1 hour', country) FROM ads GROUP BY 1;
SELECT time_bucket(ts, '1 hour') FROM ads GROUP BY 1;
SELECT time_bucket('1 hour') FROM ads GROUP BY 1;
SELECT date_trunc('decade', ts) FROM ads GROUP BY 1;
SELECT SUM(events) FROM ads WHERE ts > 'yesterday';
SELECT SUM(events) FROM ads WHERE ts > '2024-02-30';
SELECT ts + 1 FROM ads.raw;
SELECT SUM(events) FROM ads WHERE ts > 5
