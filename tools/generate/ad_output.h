// Where generated ad events go: a file of text, or batches for a table. Threads: one at a time.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "engine/batch.h"
#include "engine/schema.h"
#include "tools/generate/ad_profile.h"
#include "tools/generate/ad_text.h"
#include "tools/load/record_reader.h"

namespace tally {

// The table that the profile is made for; data/ad_events.sql holds the same statement.
inline constexpr std::string_view kAdEventsTable = "ad_events";
extern const std::string_view kAdEventsSql;

// Appends events as lines of CSV, TSV or NDJSON to a string.
class AdLines {
 public:
  explicit AdLines(SourceFormat format) : format_(format) {}
  void append_header(std::string& out) const;
  void append(const AdEvent& event, std::string& out);

 private:
  void append_delimited(const AdEvent& event, char delimiter, std::string& out) const;
  void append_json(const AdEvent& event, std::string& out) const;

  SourceFormat format_;
  AdText text_;
};

// Adds events as rows to the batches of a table that has the columns of ad_events.
class AdRows {
 public:
  // kInvalidArgument names a column that is missing or of another type.
  static Result<AdRows> make(const Schema& schema);
  Status append(const AdEvent& event, BatchBuilder& builder);

 private:
  struct Columns {
    size_t event_type, advertiser, campaign, ad_group, creative, publisher, country, region, device, os, user, cost,
        revenue;
  };
  explicit AdRows(Columns columns) : columns_(columns) {}

  Columns columns_;
  AdText text_;
};

}  // namespace tally
