SELECT date_trunc('day', ts, 'Europe/Berlin') AS day, SUM(events) AS n FROM ads
WHERE ts >= '2024-03-29T23:00:00Z' AND ts < '2024-04-01T22:00:00Z' GROUP BY day FILL ORDER BY day
