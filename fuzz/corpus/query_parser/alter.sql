ALTER TABLE ads SET RETENTION by_region hour '30 days'
