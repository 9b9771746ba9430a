SELECT SUM(events) FROM ads WHERE country = 5
