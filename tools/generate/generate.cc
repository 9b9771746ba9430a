#include "tools/generate/generate.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/limits.h"
#include "query/query.h"
#include "server/client/remote_query.h"
#include "tools/generate/ad_output.h"
#include "tools/generate/byte_sink.h"
#include "tools/interrupt.h"
#include "tools/load/batch_window.h"
#include "tools/load/load_progress.h"
#include "tools/open_database.h"

namespace tally {

namespace {

constexpr size_t kWriteBytes = 1 << 20;
constexpr TimeUs kProgressEveryUs = 200'000;
constexpr TimeUs kWaitStepUs = 50'000;

// Counts rows against the clock: for the rate asked for, the progress line and the summary.
class Meter {
 public:
  Meter(Console& console, const GenerateOptions& options)
      : console_(console), rate_(options.rows_per_second), expected_(options.profile.events), begun_us_(now()) {}

  // Waits until `rows` more may go out.
  void pace(uint64_t rows) {
    rows_ += rows;
    while (rate_ != 0 && !interrupted()) {
      auto due = static_cast<TimeUs>(static_cast<double>(rows_) / static_cast<double>(rate_) * 1e6);
      TimeUs wait = begun_us_ + due - now();
      if (wait <= 0) break;
      system_clock().sleep_us(std::min(wait, kWaitStepUs));
    }
    if (now() - drawn_us_ < kProgressEveryUs) return;
    drawn_us_ = now();
    double share = std::min(1.0, static_cast<double>(rows_) / static_cast<double>(expected_));
    console_.progress(LoadProgress::line(rows_, seconds(), share));
  }
  double seconds() const { return static_cast<double>(now() - begun_us_) / 1e6; }
  std::string summary() const {
    double elapsed = std::max(seconds(), 1e-6);
    return quantity(rows_, "row") + " in " + human_seconds(elapsed) + " (" +
           with_thousands(static_cast<uint64_t>(static_cast<double>(rows_) / elapsed)) + " rows/s)";
  }

 private:
  static TimeUs now() { return system_clock().boottime_us(); }

  Console& console_;
  uint64_t rate_;
  uint64_t expected_;
  TimeUs begun_us_;
  TimeUs drawn_us_ = 0;
  uint64_t rows_ = 0;
};

// Rows that go out together: few when the rate is low.
uint64_t rows_at_once(const GenerateOptions& options) {
  if (options.rows_per_second == 0) return limits::kBatchRowsDefault;
  return std::clamp<uint64_t>(options.rows_per_second / 4, 1, limits::kBatchRowsDefault);
}

Result<std::string> generate_file(Console& console, const GenerateOptions& options) {
  SourceFormat format = SourceFormat::kCsv;
  if (options.out != kStandardInput) {
    TALLY_ASSIGN_OR_RETURN(format, source_format_of(options.out));
  }
  auto fs = make_posix_file_system();
  TALLY_ASSIGN_OR_RETURN(auto sink, open_byte_sink(*fs, options.out));
  AdProfile profile(options.profile);
  AdLines lines(format);
  Meter meter(console, options);
  std::string text;
  lines.append_header(text);
  AdEvent event;
  uint64_t waiting = 0, at_once = rows_at_once(options);
  while (!interrupted() && profile.next(event)) {
    lines.append(event, text);
    if (++waiting < at_once && text.size() < kWriteBytes) continue;
    meter.pace(waiting);
    TALLY_TRY(sink->write(text));
    text.clear();
    waiting = 0;
  }
  meter.pace(waiting);
  TALLY_TRY(sink->write(text));
  TALLY_TRY(sink->close());
  std::string summary = (interrupted() ? "interrupted; wrote " : "wrote ") + meter.summary();
  if (options.out != kStandardInput) return summary + " to " + options.out + "\n";
  console.message(summary);
  return std::string();
}

Result<Table*> ad_events_table(Console& console, Database& database) {
  auto names = database.table_names();
  if (std::find(names.begin(), names.end(), kAdEventsTable) == names.end()) {
    QueryEngine engine(database);
    auto made = engine.run(kAdEventsSql, {});
    if (!made) return std::unexpected(made.error().error);
    console.message("made the table " + std::string(kAdEventsTable));
  }
  return database.table(kAdEventsTable);
}

// Sends events as batches and adds up the answers.
class TableFeeder {
 public:
  TableFeeder(EventSink& sink, Meter& meter, AdRows rows)
      : meter_(meter), rows_(std::move(rows)), builder_(*sink.schema()), window_(sink, system_clock()) {}

  Status add(const AdEvent& event, uint64_t at_once) {
    TALLY_TRY(rows_.append(event, builder_));
    return builder_.rows() >= at_once || builder_.full() ? send() : Status{};
  }
  Status finish() {
    TALLY_TRY(send());
    while (!window_.empty()) TALLY_TRY(take(true));
    return {};
  }
  const Ledger& counts() const { return counts_; }

 private:
  Status send() {
    if (builder_.rows() == 0) return {};
    meter_.pace(builder_.rows());
    LoadBatch batch;
    batch.ingest.payload = builder_.finish();
    batch.ingest.payload_xxh3 = xxh3(batch.ingest.payload);
    batch.ingest.replay = true;
    while (window_.full()) TALLY_TRY(take(true));
    window_.send(std::move(batch));
    return take(false);
  }
  Status take(bool wait) {
    while (auto answer = window_.take(wait)) {
      if (!answer->result) return std::unexpected(answer->result.error());
      counts_ += answer->result->counts;
      wait = false;
    }
    return {};
  }

  Meter& meter_;
  AdRows rows_;
  BatchBuilder builder_;
  BatchWindow window_;
  Ledger counts_;
};

Result<std::string> feed(Console& console, const GenerateOptions& options, EventSink& sink) {
  TALLY_ASSIGN_OR_RETURN(AdRows rows, AdRows::make(*sink.schema()));
  TALLY_TRY(sink.prepare_writes());
  AdProfile profile(options.profile);
  Meter meter(console, options);
  TableFeeder feeder(sink, meter, std::move(rows));
  uint64_t at_once = rows_at_once(options);
  AdEvent event;
  while (!interrupted() && profile.next(event)) TALLY_TRY(feeder.add(event, at_once));
  TALLY_TRY(feeder.finish());
  console.end_progress();
  std::string summary = meter.summary();
  const Ledger& counts = feeder.counts();
  return (interrupted() ? "interrupted; sent " : "sent ") + summary + " to " + std::string(kAdEventsTable) + ": " +
         with_thousands(counts.accepted) + " accepted, " + with_thousands(counts.duplicates) + " duplicates, " +
         with_thousands(counts.conflicts) + " conflicts, " + with_thousands(counts.too_late) + " too late, " +
         with_thousands(counts.rejected) + " rejected\n";
}

Result<std::string> generate_table(Console& console, const GenerateOptions& options) {
  TALLY_ASSIGN_OR_RETURN(OpenDatabase open, open_database(options.data, {}, kAskTheServer));
  TALLY_ASSIGN_OR_RETURN(Table * table, ad_events_table(console, *open.database));
  TableSink sink(*table);
  TALLY_ASSIGN_OR_RETURN(std::string summary, feed(console, options, sink));
  TALLY_TRY(open.database->close());
  return summary;
}

Result<std::string> generate_server(Console& console, const GenerateOptions& options) {
  auto sink = connect_sink(console, options.server, std::string(kAdEventsTable));
  if (!sink && sink.error().code == Code::kNotFound) {
    TALLY_ASSIGN_OR_RETURN(auto queries, RemoteQuery::connect(options.server));
    auto made = queries->run(kAdEventsSql, {});
    if (!made) return std::unexpected(made.error().error);
    console.message("made the table " + std::string(kAdEventsTable));
    sink = connect_sink(console, options.server, std::string(kAdEventsTable));
  }
  if (!sink) return std::unexpected(sink.error());
  return feed(console, options, **sink);
}

}  // namespace

Result<std::string> generate(Console& console, const GenerateOptions& options) {
  InterruptGuard guard;
  if (!options.server.empty()) return generate_server(console, options);
  return options.data.empty() ? generate_file(console, options) : generate_table(console, options);
}

}  // namespace tally
