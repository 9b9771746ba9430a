CREATE TABLE ads (
  ts TIMESTAMP EVENT TIME,
  id ID UNIQUE WITHIN '1 hour',
  campaign STRING DIMENSION,
  publisher STRING DIMENSION,
  slot INT64 DIMENSION,
  kind STRING FIELD,
  price DECIMAL(10,2) FIELD,
  clicks MEASURE COUNT WHERE kind = 'k1',
  spend MEASURE SUM(price)
);
EXPLAIN ANALYZE SELECT SUM(spend) FROM ads WHERE campaign = 'c42';
SELECT COUNT(*), SUM(spend), SUM(clicks) FROM ads WHERE campaign = 'c42';
EXPLAIN ANALYZE SELECT SUM(spend) FROM ads WHERE publisher = 'p7';
SELECT COUNT(*), SUM(spend), SUM(clicks) FROM ads WHERE publisher = 'p7';
EXPLAIN ANALYZE SELECT COUNT(*) FROM ads WHERE publisher IN ('p7', 'p8', 'nobody');
SELECT publisher, COUNT(*) FROM ads WHERE publisher IN ('p7', 'p8', 'nobody') GROUP BY publisher ORDER BY 1;
EXPLAIN ANALYZE SELECT COUNT(*) FROM ads WHERE campaign IN ('c10', 'c11', 'c12', 'c13', 'c14') AND publisher = 'p7';
EXPLAIN ANALYZE SELECT COUNT(*) FROM ads WHERE slot = 3;
EXPLAIN ANALYZE SELECT COUNT(*) FROM ads.raw WHERE price < 150;
SELECT COUNT(*), MAX(price) FROM ads.raw WHERE price < 150;
EXPLAIN ANALYZE SELECT COUNT(*) FROM ads WHERE campaign = 'nobody';
SELECT COUNT(*) FROM ads WHERE campaign = 'nobody';
EXPLAIN ANALYZE SELECT COUNT(*) FROM ads WHERE ts >= '2024-03-16';
EXPLAIN ANALYZE SELECT COUNT(*) FROM ads WHERE ts >= '2024-03-15 11:30:00' AND ts < '2024-03-15 11:30:10' AND campaign = 'c42';
SELECT COUNT(*) FROM ads WHERE ts >= '2024-03-15 11:30:00' AND ts < '2024-03-15 11:30:10';
EXPLAIN SELECT COUNT(*) FROM ads.raw WHERE campaign LIKE 'c4_' AND (publisher = 'p1' OR slot = 2) AND price * 2 > 100 AND NOT kind = 'k3';
SELECT COUNT(*) FROM ads.raw WHERE campaign LIKE 'c4_' AND (publisher = 'p1' OR slot = 2) AND price * 2 > 100 AND NOT kind = 'k3';
EXPLAIN ANALYZE SELECT campaign, publisher FROM ads.raw WHERE id = 'row-4242';
SELECT campaign, publisher, price FROM ads.raw WHERE id = 'row-4242';
EXPLAIN ANALYZE SELECT campaign FROM ads.raw WHERE id IN ('row-40000', '018f3c2a-0000-7000-8000-000000000000');
SELECT id, campaign FROM ads.raw WHERE id IN ('row-1', 'row-39999', 'row-40000') ORDER BY id;
SELECT SUM(duplicates), SUM(events) FROM ads;
CREATE TABLE fresh (
  ts TIMESTAMP EVENT TIME,
  id ID UNIQUE WITHIN '1 hour',
  campaign STRING DIMENSION,
  publisher STRING DIMENSION,
  slot INT64 DIMENSION,
  kind STRING FIELD,
  price DECIMAL(10,2) FIELD,
  clicks MEASURE COUNT WHERE kind = 'k1',
  spend MEASURE SUM(price)
);
EXPLAIN ANALYZE SELECT SUM(spend) FROM fresh WHERE campaign = 'c42';
SELECT COUNT(*), SUM(spend), SUM(clicks) FROM fresh WHERE campaign = 'c42';
SELECT publisher, COUNT(*) FROM fresh WHERE publisher IN ('p7', 'p8', 'nobody') GROUP BY publisher ORDER BY 1;
SELECT campaign, publisher, price FROM fresh.raw WHERE id = 'row-4242';
SELECT id, campaign FROM fresh.raw WHERE id IN ('row-1', 'row-39999', 'row-40000') ORDER BY id;
SELECT COUNT(*), MAX(price) FROM fresh.raw WHERE price < 150;
SELECT COUNT(*) FROM fresh WHERE ts >= '2024-03-15 11:30:00' AND ts < '2024-03-15 11:30:10';
SELECT COUNT(*) FROM fresh.raw WHERE campaign LIKE 'c4_' AND (publisher = 'p1' OR slot = 2) AND price * 2 > 100 AND NOT kind = 'k3';
SELECT "table", tier, SUM(rows), SUM(events), MIN(blocks) > 100 FROM system.segments GROUP BY 1, 2;
SELECT "column", SUM(rows), SUM(block_index_bytes) > 0 AS has_index, SUM(other_index_bytes) > 0 AS has_other FROM system.segment_columns GROUP BY 1 ORDER BY 1;
