#include "tools/load/letter_loader.h"

#include <algorithm>
#include <set>

#include "base/checksum.h"
#include "base/limits.h"
#include "base/nearest.h"
#include "engine/batch_rows.h"
#include "tools/interrupt.h"
#include "tools/load/batch_window.h"
#include "tools/load/letter_reader.h"
#include "tools/load/row_reports.h"

namespace tally {

struct LetterLoader::Impl {
  Impl(Table& given_table, Clock& given_clock, Console& given_console, LetterLoadOptions given_options)
      : table(given_table),
        clock(given_clock),
        options(std::move(given_options)),
        schema(table.schema()),
        builder(*schema),
        window(table, clock),
        console(given_console),
        reports(console),
        reader(schema, options.mappings),
        batch_rows(options.batch_rows != 0 ? options.batch_rows : limits::kBatchRowsDefault) {}

  Status check_mappings() const;
  bool wanted(std::string_view reason) const;
  Status take_bundle(const LetterView& letters, const LetterBundle& bundle);
  Status take_row(const LetterBundle& bundle, size_t letter);
  Status take_text(const LetterBundle& bundle, size_t letter);
  Status end_letter(const LetterBundle& bundle, size_t letter);
  Status send();
  Status take_answers(bool wait);
  Status settle(AnsweredBatch answer);
  void say_unmet() const;

  Table& table;
  Clock& clock;
  const LetterLoadOptions options;
  const std::shared_ptr<const Schema> schema;
  BatchBuilder builder;
  BatchWindow window;
  Console& console;
  RowReports reports;
  LetterReader reader;
  const size_t batch_rows;
  const IdHasher hasher{HashKey{}};             // ids are read and not looked up
  std::unique_ptr<PreparedBatch> refused_rows;  // of the bundle at hand
  LoadBatch filling;
  std::vector<std::string> sources;        // one a batch sent
  std::set<std::string, std::less<>> met;  // reasons of letters that wait
  LetterLoadSummary summary;
};

Status LetterLoader::Impl::check_mappings() const {
  std::vector<std::string> columns;
  for (const Column& column : schema->columns) columns.push_back(column.name);
  for (const ColumnMapping& mapping : options.mappings) {
    if (schema->find_column(mapping.column) != nullptr) continue;
    return fail(Code::kInvalidArgument, "--map: table \"" + schema->table_name + "\" has no column \"" +
                                            mapping.column + "\"" + did_you_mean(mapping.column, columns));
  }
  return {};
}

bool LetterLoader::Impl::wanted(std::string_view reason) const {
  if (!options.reasons.empty()) return std::ranges::find(options.reasons, reason) != options.reasons.end();
  if (reason == verdict_name(Verdict::kPastRetention)) return false;
  return reason != verdict_name(Verdict::kTooLate) || options.replay;
}

Status LetterLoader::Impl::take_bundle(const LetterView& letters, const LetterBundle& bundle) {
  refused_rows.reset();
  for (size_t i = 0; i < bundle.letters.size() && !interrupted(); ++i) {
    if (letters.replayed_lsn({bundle.lsn, bundle.letters[i].row}) != 0) continue;
    if (!met.contains(bundle.reason(i))) met.emplace(bundle.reason(i));
    if (!wanted(bundle.reason(i))) {
      ++summary.left[std::string(bundle.reason(i))];
      continue;
    }
    const bool other_source = filling.ingest.source.name != bundle.source.name;
    if (other_source || builder.full() || builder.rows() >= batch_rows) TALLY_TRY(send());
    filling.ingest.source.name = bundle.source.name;
    TALLY_TRY(bundle.has_rows() ? take_row(bundle, i) : take_text(bundle, i));
  }
  return {};
}

Status LetterLoader::Impl::take_row(const LetterBundle& bundle, size_t letter) {
  if (!refused_rows) {
    TALLY_ASSIGN_OR_RETURN(refused_rows, decode_batch(*schema, hasher, 1, bundle.payload, bundle.payload_xxh3));
    if (refused_rows->rows != bundle.letters.size()) {
      return fail(Code::kCorruption, "dead letters of LSN " + std::to_string(bundle.lsn) + ": " +
                                         std::to_string(refused_rows->rows) + " rows for " +
                                         std::to_string(bundle.letters.size()) + " letters");
    }
  }
  // Its time may have come since; before that it would only be refused again.
  if (options.reasons.empty() && bundle.letters[letter].verdict == Verdict::kTooEarly &&
      refused_rows->times[letter] > clock.wall_us() + limits::kFutureSkewUs) {
    ++summary.left[std::string(bundle.reason(letter))];
    return {};
  }
  BatchRows(*schema, *refused_rows).copy(static_cast<uint32_t>(letter), builder);
  return end_letter(bundle, letter);
}

// builder.full() leaves room for any one row: what end_row() refuses here is the row itself.
Status LetterLoader::Impl::end_letter(const LetterBundle& bundle, size_t letter) {
  if (bundle.has_rows()) {
    Status ended = builder.end_row();
    if (!ended) return std::unexpected(std::move(ended).error().with_context("a row that was one before"));
  }
  filling.ingest.replays.push_back({bundle.lsn, bundle.letters[letter].row});
  filling.lines.push_back(bundle.letters[letter].source_row);
  return {};
}

Status LetterLoader::Impl::take_text(const LetterBundle& bundle, size_t letter) {
  const RejectedRow& row = bundle.rejected[letter];
  if (row.cut) {
    ++summary.cut;
    reports.rejected(bundle.source.name, row.source_row, {"cut", "is longer than what is kept of it", ""});
    return {};
  }
  if (std::optional<RowFault> fault = reader.read(bundle.source, row, builder)) {
    ++summary.still_invalid;
    reports.rejected(bundle.source.name, row.source_row, *fault);
    return {};
  }
  return end_letter(bundle, letter);
}

Status LetterLoader::Impl::send() {
  if (builder.rows() == 0) return {};
  filling.ingest.payload = builder.finish();
  filling.ingest.payload_xxh3 = xxh3(filling.ingest.payload);
  filling.ingest.replay = options.replay;
  filling.ingest.source_rows = source_runs(filling.lines);
  filling.source = sources.size();
  sources.push_back(filling.ingest.source.name);
  while (window.full()) TALLY_TRY(take_answers(true));
  if (interrupted()) return {};
  window.send(std::exchange(filling, {}));
  return take_answers(false);
}

Status LetterLoader::Impl::take_answers(bool wait) {
  while (auto answer = window.take(wait)) {
    TALLY_TRY(settle(*std::move(answer)));
    wait = false;
  }
  return {};
}

Status LetterLoader::Impl::settle(AnsweredBatch answer) {
  TALLY_TRY(answer.result);
  summary.counts += answer.result->counts;
  RowFault fault;
  for (const RowVerdict& row : answer.result->not_accepted) {
    reports.refused(sources[answer.batch.source], answer.batch.lines[row.row], row.verdict, fault);
  }
  return {};
}

// A reason that was asked for and that no letter has is most often misspelled.
void LetterLoader::Impl::say_unmet() const {
  const std::vector<std::string> reasons(met.begin(), met.end());
  for (const std::string& reason : options.reasons) {
    if (met.contains(reason)) continue;
    console.message("no dead letter waits with the reason \"" + reason + "\"" + did_you_mean(reason, reasons));
  }
}

LetterLoader::LetterLoader(Table& table, Clock& clock, Console& console, LetterLoadOptions options)
    : impl_(std::make_unique<Impl>(table, clock, console, std::move(options))) {}
LetterLoader::~LetterLoader() = default;

const LetterLoadSummary& LetterLoader::summary() const { return impl_->summary; }

Status LetterLoader::run() {
  Impl& self = *impl_;
  TALLY_TRY(self.check_mappings());
  TALLY_TRY(self.table.prepare_writes());
  const TimeUs begun_us = self.clock.boottime_us();
  TALLY_ASSIGN_OR_RETURN(auto letters, self.table.dead_letters());
  Status status;
  while (status && !interrupted()) {
    Result<const LetterBundle*> bundle = letters->next();
    if (bundle && *bundle == nullptr) break;
    status = bundle ? self.take_bundle(*letters, **bundle) : Status(std::unexpected(bundle.error()));
  }
  if (status && !interrupted()) status = self.send();
  while (auto answer = self.window.take(true)) {
    Status settled = self.settle(*std::move(answer));
    if (status) status = std::move(settled);
  }
  self.reports.finish();
  if (status && !interrupted()) self.say_unmet();
  self.summary.seconds = static_cast<double>(self.clock.boottime_us() - begun_us) / 1e6;
  if (status && interrupted()) status = fail(Code::kCancelled, "interrupted");
  return status;
}

}  // namespace tally
