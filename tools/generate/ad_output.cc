#include "tools/generate/ad_output.h"

#include "base/decimal.h"
#include "base/timestamp.h"

namespace tally {

namespace {

constexpr uint8_t kMoneyScale = 6;
constexpr std::string_view kColumns[] = {"ts",          "event_id",    "event_type",   "advertiser_id", "campaign_id",
                                         "ad_group_id", "creative_id", "publisher_id", "country",       "region",
                                         "device_type", "os",          "user_id",      "cost",          "revenue"};

}  // namespace

const std::string_view kAdEventsSql = R"sql(CREATE TABLE ad_events (
  ts TIMESTAMP EVENT TIME,
  event_id ID UNIQUE WITHIN '72 hours',
  event_type STRING FIELD,
  advertiser_id STRING DIMENSION,
  campaign_id STRING DIMENSION,
  ad_group_id STRING DIMENSION,
  creative_id STRING DIMENSION,
  publisher_id STRING DIMENSION,
  country STRING DIMENSION,
  region STRING DIMENSION,
  device_type STRING DIMENSION,
  os STRING DIMENSION,
  user_id STRING FIELD,
  cost DECIMAL(18,6) FIELD,
  revenue DECIMAL(18,6) FIELD,
  impressions MEASURE COUNT WHERE event_type = 'impression',
  clicks MEASURE COUNT WHERE event_type = 'click',
  conversions MEASURE COUNT WHERE event_type = 'conversion',
  spend MEASURE SUM(cost),
  income MEASURE SUM(revenue),
  users MEASURE UNIQUE(user_id),
  ctr MEASURE AS clicks / impressions,
  cvr MEASURE AS conversions / clicks,
  cpc MEASURE AS spend / clicks,
  cpm MEASURE AS 1000 * spend / impressions
)
RETENTION raw '7 days'
LATENESS '30 days' WHERE event_type = 'conversion'
ROLLUP by_campaign (advertiser_id, campaign_id, country, device_type)
  RETENTION minute '7 days', hour '730 days', day '730 days'
ROLLUP by_geo (country, device_type, os) RETENTION hour '730 days'
ROLLUP campaigns_daily (advertiser_id, campaign_id) RETENTION day '730 days'
ROLLUP advertisers_daily (advertiser_id, country, device_type, os)
  MEASURES (impressions, clicks, conversions, spend, income) RETENTION day '730 days'
ROLLUP devices_hourly (device_type) RETENTION hour '730 days';
)sql";

void AdLines::append_header(std::string& out) const {
  if (format_ == SourceFormat::kNdjson) return;
  char delimiter = format_ == SourceFormat::kCsv ? ',' : '\t';
  for (std::string_view column : kColumns) {
    if (column != kColumns[0]) out += delimiter;
    out += column;
  }
  out += '\n';
}

void AdLines::append(const AdEvent& event, std::string& out) {
  text_.spell(event);
  if (format_ == SourceFormat::kNdjson) {
    append_json(event, out);
  } else {
    append_delimited(event, format_ == SourceFormat::kCsv ? ',' : '\t', out);
  }
}

// No name of the profile holds anything that CSV or JSON would have to escape.
void AdLines::append_delimited(const AdEvent& event, char delimiter, std::string& out) const {
  append_timestamp(out, event.event_us);
  for (std::string_view field :
       {text_.id(), text_.event_type(), text_.advertiser(), text_.campaign(), text_.ad_group(), text_.creative(),
        text_.publisher(), text_.country(), text_.region(), text_.device(), text_.os(), text_.user()}) {
    out += delimiter;
    out += field;
  }
  out += delimiter;
  append_decimal(out, event.cost_micros, kMoneyScale);
  out += delimiter;
  if (event.type == AdEventType::kConversion) {
    append_decimal(out, event.revenue_micros, kMoneyScale);
  } else if (delimiter == '\t') {
    out += "\\N";
  }
  out += '\n';
}

void AdLines::append_json(const AdEvent& event, std::string& out) const {
  out += R"({"ts":")";
  append_timestamp(out, event.event_us);
  size_t column = 1;
  for (std::string_view field :
       {text_.id(), text_.event_type(), text_.advertiser(), text_.campaign(), text_.ad_group(), text_.creative(),
        text_.publisher(), text_.country(), text_.region(), text_.device(), text_.os(), text_.user()}) {
    out += R"(",")";
    out += kColumns[column++];
    out += R"(":")";
    out += field;
  }
  out += R"(","cost":)";
  append_decimal(out, event.cost_micros, kMoneyScale);
  out += R"(,"revenue":)";
  if (event.type == AdEventType::kConversion) {
    append_decimal(out, event.revenue_micros, kMoneyScale);
  } else {
    out += "null";
  }
  out += "}\n";
}

Result<AdRows> AdRows::make(const Schema& schema) {
  size_t positions[std::size(kColumns)] = {};
  for (size_t i = 0; i < std::size(kColumns); ++i) {
    const Column* column = schema.find_column(kColumns[i]);
    bool money = i >= 13;
    ColumnType wanted = i == 0   ? ColumnType::kTimestamp
                        : i == 1 ? ColumnType::kId
                        : money  ? ColumnType::kDecimal
                                 : ColumnType::kString;
    if (column == nullptr || column->type != wanted || (money && column->scale != kMoneyScale)) {
      return fail(Code::kInvalidArgument, "table \"" + schema.table_name + "\" is there but has no column \"" +
                                              std::string(kColumns[i]) + "\" as the ad profile needs it");
    }
    positions[i] = static_cast<size_t>(column - schema.columns.data());
  }
  return AdRows({positions[2], positions[3], positions[4], positions[5], positions[6], positions[7], positions[8],
                 positions[9], positions[10], positions[11], positions[12], positions[13], positions[14]});
}

Status AdRows::append(const AdEvent& event, BatchBuilder& builder) {
  text_.spell(event);
  builder.set_time(event.event_us);
  builder.set_id(text_.id());
  builder.set_string(columns_.event_type, text_.event_type());
  builder.set_string(columns_.advertiser, text_.advertiser());
  builder.set_string(columns_.campaign, text_.campaign());
  builder.set_string(columns_.ad_group, text_.ad_group());
  builder.set_string(columns_.creative, text_.creative());
  builder.set_string(columns_.publisher, text_.publisher());
  builder.set_string(columns_.country, text_.country());
  builder.set_string(columns_.region, text_.region());
  builder.set_string(columns_.device, text_.device());
  builder.set_string(columns_.os, text_.os());
  builder.set_string(columns_.user, text_.user());
  builder.set_int64(columns_.cost, event.cost_micros);
  if (event.type == AdEventType::kConversion) builder.set_int64(columns_.revenue, event.revenue_micros);
  return builder.end_row();
}

}  // namespace tally
