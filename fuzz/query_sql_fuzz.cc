// Any text through lexer, parser, binder and, where it binds, the executor over an empty table: it must end with an answer
// or an error, never with a crash. Seeds: the statements of tests/query/cases.
#include <cstdint>
#include <memory>
#include <string_view>

#include "query/format.h"
#include "query/parser.h"
#include "query/statement_runner.h"

namespace tally {
namespace {

class NoRows final : public RawScan {
 public:
  Result<const RowBlock*> next() override { return nullptr; }
  const ScanStats& stats() const override { return stats_; }

 private:
  ScanStats stats_;
};

class EmptySnapshot final : public Snapshot {
 public:
  Result<std::vector<Retraction>> retractions() const override { return std::vector<Retraction>(); }
  explicit EmptySnapshot(Schema schema) : schema_(std::move(schema)), dictionary_(16) {}
  const Schema& schema() const override { return schema_; }
  Lsn lsn() const override { return 0; }
  Ledger ledger() const override { return {}; }
  const Dictionary& dictionary(size_t) const override { return dictionary_; }
  const ManifestState& manifest() const override { return manifest_; }
  std::unique_ptr<RawScan> scan(ScanSpec) const override { return std::make_unique<NoRows>(); }
  Result<std::vector<SegmentView>> segments() const override { return std::vector<SegmentView>(); }

 private:
  const Schema schema_;
  Dictionary dictionary_;
  ManifestState manifest_;
};

class FuzzCatalog final : public Catalog {
 public:
  std::vector<std::string> table_names() const override {
    return ads_ == nullptr ? std::vector<std::string>() : std::vector<std::string>{"ads"};
  }
  Result<std::shared_ptr<const Snapshot>> snapshot(std::string_view table) override {
    if (table == "ads" && ads_ != nullptr) return ads_;
    return fail(Code::kNotFound, "no such table");
  }
  // The first table is kept; others are only completed and validated.
  Status create_table(Schema schema) override {
    TALLY_ASSIGN_OR_RETURN(Schema complete, complete_schema(std::move(schema)));
    if (ads_ == nullptr) ads_ = std::make_shared<EmptySnapshot>(std::move(complete));
    return {};
  }
  Status alter_table(Schema next) override { return check_change(ads_->schema(), next); }
  TimeUs now() const override { return 1'700'000'000'000'000; }
  TimeUs boottime_us() const override { return 0; }

 private:
  std::shared_ptr<const Snapshot> ads_;
};

constexpr std::string_view kTable = R"sql(
CREATE TABLE ads (
  ts TIMESTAMP EVENT TIME, event_id ID UNIQUE WITHIN '72 hours', event_type STRING FIELD,
  campaign STRING DIMENSION, country STRING DIMENSION, slot INT64 DIMENSION,
  user_id STRING FIELD, cost DECIMAL(18,6) FIELD, seconds INT64 FIELD,
  impressions MEASURE COUNT WHERE event_type = 'impression', clicks MEASURE COUNT WHERE event_type = 'click',
  spend MEASURE SUM(cost), longest MEASURE MAX(seconds), shortest MEASURE MIN(seconds) WHERE event_type IN ('click', 'view'),
  users MEASURE UNIQUE(user_id), ctr MEASURE AS clicks / impressions, cpm MEASURE AS 1000 * spend / impressions)
)sql";

}  // namespace
}  // namespace tally

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tally;
  static FuzzCatalog catalog;
  static const bool ready = run_statement(kTable, {}, catalog).has_value();
  if (!ready) __builtin_trap();
  std::string_view text(reinterpret_cast<const char*>(data), size);
  for (std::string_view statement : split_statements(text).statements) {
    auto result = run_statement(statement, {}, catalog);
    if (result) {
      format_result(*result, OutputFormat::kTable);
    } else {
      result.error().render(statement);
    }
  }
  return 0;
}
