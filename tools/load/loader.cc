#include "tools/load/loader.h"

#include <algorithm>
#include <set>

#include "base/checksum.h"
#include "base/limits.h"
#include "server/limits.h"
#include "tools/interrupt.h"
#include "tools/load/ack_file.h"
#include "tools/load/batch_window.h"
#include "tools/load/letter_reader.h"
#include "tools/load/load_progress.h"
#include "tools/load/rejected_file.h"
#include "tools/load/row_reports.h"
#include "tools/open_database.h"
#include "tools/terminal_text.h"

namespace tally {

namespace {

constexpr uint64_t kRejectedBytesMax =
    512 * limits::kKiB;  // of one batch: they travel in the log record beside the rows
constexpr TimeUs kWaitStepUs = 50'000;
constexpr size_t kNameShown = 100;  // bytes of a name that is ignored

// A batch at a low rate should not take longer than a quarter of a second to fill, or acknowledgements come in jumps.
uint32_t batch_rows_of(const LoadOptions& options) {
  if (options.batch_rows != 0) return options.batch_rows;
  if (options.rows_per_second == 0) return limits::kBatchRowsDefault;
  uint64_t quarter = std::max<uint64_t>(options.rows_per_second / 4, 1);
  return static_cast<uint32_t>(std::min<uint64_t>(quarter, limits::kBatchRowsDefault));
}

}  // namespace

struct Loader::Impl {
  struct Source {
    std::string path;
    std::string name;
    SourceFormat format = SourceFormat::kCsv;
    std::unique_ptr<RecordReader> reader;  // of a pipe from the start, of a file while it is its turn
    std::optional<RowConverter> converter;
    std::optional<uint64_t> bytes;
    std::optional<SourceHead> head;  // of a file, with --ack-file
    uint64_t acknowledged = 0;       // rows, those of earlier loads included
    uint64_t read = 0;               // rows
    bool ended = false;              // read to its end
  };

  Impl(std::unique_ptr<EventSink> own_sink, EventSink& given_sink, FileSystem& given_fs, Clock& given_clock,
       Console& given_console, LoadOptions given_options)
      : own(std::move(own_sink)),
        sink(given_sink),
        fs(given_fs),
        clock(given_clock),
        console(given_console),
        options(std::move(given_options)),
        schema(sink.schema()),
        builder(*schema),
        batch_rows(batch_rows_of(options)),
        window(sink, clock),
        progress(console, clock),
        reports(console) {}

  Status open_source(Source& source);
  static Status say_no_columns(Source& source);
  Status check_repeated() const;
  Status check_sources();
  Status open_ack_file();
  Status check_shrunk(const Source& source, const AckPosition& position) const;
  Status check_head(const Source& source, const AckPosition& position) const;
  void say_ignored(const Source& source, uint64_t line);
  Status load_source(size_t index);
  Result<bool> next_record(Source& source, SourceRecord& record);
  Status take_record(size_t index, const SourceRecord& record);
  void reject(const Source& source, const SourceRecord& record, const RowFault& fault);
  BatchSource source_of(const Source& source) const;
  Status send(size_t index);
  Status pace(uint64_t rows);
  Status take_answers(bool wait);
  Status settle(AnsweredBatch answer);
  Status drain();
  void conclude(Status& status);

  std::unique_ptr<EventSink> own;  // or nullptr: the caller's
  EventSink& sink;
  FileSystem& fs;
  Clock& clock;
  Console& console;
  LoadOptions options;
  std::shared_ptr<const Schema> schema;
  BatchBuilder builder;
  uint32_t batch_rows;
  BatchWindow window;
  LoadProgress progress;
  RowReports reports;
  std::vector<Source> sources;
  std::optional<AckFile> ack;
  std::optional<RejectedFile> rejected;
  std::set<std::string> ignored;  // names of sources, said
  LoadSummary summary;
  LoadBatch filling;
  uint64_t rejected_bytes = 0;
  bool hole = false;  // a batch got no good answer: behind it no position moves, those rows are sent again one day
  uint64_t rows_sent = 0;
  TimeUs begun_us = 0;
};

Status Loader::Impl::open_source(Source& source) {
  TALLY_ASSIGN_OR_RETURN(auto bytes, open_byte_source(source.path));
  source.bytes = bytes->stored_bytes();
  TALLY_ASSIGN_OR_RETURN(source.reader, open_record_reader(source.format, source.name, std::move(bytes)));
  if (source.reader->columns().empty()) TALLY_TRY(say_no_columns(source));
  const uint64_t header_bytes = header_line(source.format, source.reader->columns()).size();
  if (header_bytes > limits::kWireTextMax) {  // it travels with every batch that has rejected rows
    return fail(Code::kInvalidArgument, source.name + ":1: the header has " + std::to_string(header_bytes) +
                                            " bytes, and " + std::to_string(limits::kWireTextMax) +
                                            " is the most that is taken");
  }
  auto converter =
      RowConverter::make(schema, source.reader->columns(), source.reader->open_columns(), options.mappings);
  if (!converter) return std::unexpected(std::move(converter).error().with_context(source.name));
  source.converter = *std::move(converter);
  source.reader->select(source.converter->source_names());
  return {};
}

// Of a source whose first record brings no names: what that is.
Status Loader::Impl::say_no_columns(Source& source) {
  SourceRecord first;
  TALLY_ASSIGN_OR_RETURN(const bool more, source.reader->next(first));
  if (!more) return fail(Code::kInvalidArgument, source.name + " is empty: there is no record in it");
  if (!first.faulty) return {};
  return fail(Code::kInvalidArgument, source.name + ":" + std::to_string(first.line) + ": " + first.fault.sentence() +
                                          "; what comes first must name the time and the id");
}

Status Loader::Impl::check_repeated() const {
  std::set<std::string> given;
  for (const std::string& path : options.files) {
    if (given.insert(path).second) continue;
    if (path == kStandardInput) {
      return fail(Code::kInvalidArgument, "standard input can be read once, and - is given twice");
    }
    if (!options.ack_file.empty()) {
      return fail(Code::kInvalidArgument, path + " is given twice: an ack file keeps one position for it");
    }
  }
  return {};
}

// Opens every file once, so that a bad one is known before any row is applied. Only a pipe stays open.
Status Loader::Impl::check_sources() {
  std::vector<std::string> notes;
  for (const std::string& path : options.files) {
    Source source;
    source.path = path;
    source.name = source_name(path);
    if (options.format) {
      source.format = *options.format;
    } else {
      TALLY_ASSIGN_OR_RETURN(source.format, source_format_of(path));
    }
    TALLY_TRY(open_source(source));
    if (source.converter->notes() != notes) {
      notes = source.converter->notes();
      for (const std::string& note : notes) console.message(source.name + ": " + note);
    }
    if (source.bytes) {
      source.reader.reset();
      progress.expect(*source.bytes);
    }
    sources.push_back(std::move(source));
  }
  return {};
}

Status Loader::Impl::check_shrunk(const Source& source, const AckPosition& position) const {
  if (position.rows == 0 || !position.source_bytes || !source.bytes || *source.bytes >= *position.source_bytes)
    return {};
  return fail(Code::kInvalidArgument,
              ack->path() + " says that " + source.name + " had " + std::to_string(*position.source_bytes) +
                  " bytes when rows of it were acknowledged, and it has " + std::to_string(*source.bytes) +
                  " now: this is another file. Remove the ack file to load it from the start.");
}

// What the source begins with, of at most `most` bytes.
static Result<SourceHead> read_head(const std::string& path, uint64_t most) {
  TALLY_ASSIGN_OR_RETURN(auto bytes, open_byte_source(path));
  Bytes head(most);
  size_t size = 0;
  while (size < head.size()) {
    TALLY_ASSIGN_OR_RETURN(const size_t count, bytes->read(MutableByteSpan(head).subspan(size)));
    if (count == 0) break;
    size += count;
  }
  return SourceHead{size, xxh3(ByteSpan(head).first(size))};
}

// A file that has grown begins as it did.
Status Loader::Impl::check_head(const Source& source, const AckPosition& position) const {
  if (position.rows == 0 || !position.head || !source.bytes) return {};
  TALLY_ASSIGN_OR_RETURN(const SourceHead now, read_head(source.path, position.head->bytes));
  if (now == *position.head) return {};
  return fail(Code::kInvalidArgument,
              source.name + " does not begin as it did when " + quantity(position.rows, "row") +
                  " of it were acknowledged, as " + ack->path() +
                  " says: this is another file. Remove the ack file to load it from the start.");
}

Status Loader::Impl::open_ack_file() {
  if (options.ack_file.empty()) return {};
  TALLY_ASSIGN_OR_RETURN(std::string id, sink.id());
  auto opened = AckFile::open(fs, options.ack_file, sink.name(), id);
  if (!opened) return std::unexpected(std::move(opened).error());
  ack = *std::move(opened);
  for (Source& source : sources) {
    AckPosition position = ack->position(source.path);
    TALLY_TRY(check_shrunk(source, position));
    TALLY_TRY(check_head(source, position));
    if (source.bytes) {
      TALLY_ASSIGN_OR_RETURN(source.head, read_head(source.path, kSourceHeadBytesMax));
    }
    source.acknowledged = position.rows;
    if (position.rows == 0) continue;
    console.message(source.name + ": " + quantity(position.rows, "row") + " acknowledged before according to " +
                    ack->path() + "; going on with row " + with_thousands(position.rows + 1));
  }
  return {};
}

// Not the source's error when a signal cut a read short.
Result<bool> Loader::Impl::next_record(Source& source, SourceRecord& record) {
  auto more = source.reader->next(record);
  if (!more && interrupted()) return false;
  if (more && *more) {
    source.read = record.number;
    say_ignored(source, record.line);
  }
  return more;
}

// Names that the first record did not have, and the table has not: each is said once a load.
void Loader::Impl::say_ignored(const Source& source, uint64_t line) {
  for (const std::string& name : source.reader->take_new_names()) {
    if (!ignored.insert(name).second) continue;
    console.message(source.name +
                    ": not in the table, ignored: " + terminal_text(std::string_view(name).substr(0, kNameShown)) +
                    " (from line " + with_thousands(line) + " on)");
  }
}

Status Loader::Impl::load_source(size_t index) {
  Source& source = sources[index];
  if (!source.reader) TALLY_TRY(open_source(source));
  uint64_t skip = source.acknowledged;
  SourceRecord record;
  Status trouble;
  while (!interrupted()) {
    auto more = next_record(source, record);
    if (!more) trouble = std::unexpected(std::move(more).error());
    if (!more || !*more) break;
    if (record.number <= skip) {
      ++summary.skipped;
      continue;
    }
    TALLY_TRY(take_record(index, record));
  }
  if (!interrupted()) TALLY_TRY(send(index));
  TALLY_TRY(trouble);
  source.ended = !interrupted();
  if (source.bytes) progress.finish_source(*source.bytes);
  source.reader.reset();
  return {};
}

Status Loader::Impl::take_record(size_t index, const SourceRecord& record) {
  Source& source = sources[index];
  if (std::optional<RowFault> fault = source.converter->convert(record, builder)) {
    reject(source, record, *fault);
  } else {
    filling.lines.push_back(record.line);
    if (rejected) filling.raws.emplace_back(record.raw.substr(0, limits::kRejectedRawBytesMax));
  }
  filling.last_row = record.number;
  bool enough = filling.lines.size() + filling.rejected.size() >= batch_rows || builder.full();
  if (enough || rejected_bytes >= kRejectedBytesMax) return send(index);
  return {};
}

void Loader::Impl::reject(const Source& source, const SourceRecord& record, const RowFault& fault) {
  reports.rejected(source.name, record.line, fault);
  std::string raw(record.raw.substr(0, limits::kRejectedRawBytesMax));
  rejected_bytes += raw.size() + fault.message.size() + 64;
  const bool cut = record.raw.size() > raw.size();
  filling.ingest.rejected.push_back({record.line, fault.code, fault.sentence(), raw, cut});
  filling.rejected.push_back({record.line, fault.column, fault.code, fault.message, std::move(raw)});
}

// For dead letters: what it takes to read a rejected row again.
BatchSource Loader::Impl::source_of(const Source& source) const {
  return {.name = source.name,
          .format = raw_format_of(source.format),
          .header = header_line(source.format, source.reader->columns()),
          .mapping = mapping_lines(options.mappings)};
}

Status Loader::Impl::send(size_t index) {
  uint64_t rows = filling.lines.size() + filling.rejected.size();
  if (rows == 0) return {};
  TALLY_TRY(pace(rows));
  filling.source = index;
  filling.ingest.payload = builder.finish();
  filling.ingest.payload_xxh3 = xxh3(filling.ingest.payload);
  filling.ingest.replay = options.replay;
  filling.ingest.source = source_of(sources[index]);
  filling.ingest.source_rows = source_runs(filling.lines);
  while (window.full()) TALLY_TRY(take_answers(true));
  if (interrupted()) return {};
  window.send(std::move(filling));
  filling = {};
  rejected_bytes = 0;
  rows_sent += rows;
  TALLY_TRY(take_answers(false));
  const RecordReader& reader = *sources[index].reader;
  progress.update(summary.counts.received, sources[index].bytes ? reader.source().stored_bytes_read() : 0);
  return {};
}

// Waits until `rows` more may go out, taking answers meanwhile so that the ack file keeps up.
Status Loader::Impl::pace(uint64_t rows) {
  if (options.rows_per_second == 0) return {};
  while (!interrupted()) {
    double due = static_cast<double>(rows_sent + rows) / static_cast<double>(options.rows_per_second) * 1e6;
    TimeUs wait = begun_us + static_cast<TimeUs>(due) - clock.boottime_us();
    if (wait <= 0) return {};
    clock.sleep_us(std::min(wait, kWaitStepUs));
    TALLY_TRY(take_answers(false));
  }
  return {};
}

Status Loader::Impl::take_answers(bool wait) {
  while (auto answer = window.take(wait)) {
    TALLY_TRY(settle(*std::move(answer)));
    wait = false;
  }
  return {};
}

// What an acknowledged batch leaves behind, in the order that a crash in between does no harm: first what was rejected, then
// the position behind it.
Status Loader::Impl::settle(AnsweredBatch answer) {
  hole = true;
  if (!answer.result) return std::unexpected(std::move(answer.result).error());
  Source& source = sources[answer.batch.source];
  summary.counts += answer.result->counts;
  for (const RowVerdict& row : answer.result->not_accepted) {
    if (row.row >= answer.batch.lines.size()) continue;
    RowFault fault;
    if (!reports.refused(source.name, answer.batch.lines[row.row], row.verdict, fault) || !rejected) continue;
    answer.batch.rejected.push_back(
        {answer.batch.lines[row.row], fault.column, fault.code, fault.message, answer.batch.raws[row.row]});
  }
  if (rejected && !answer.batch.rejected.empty()) {
    for (const LoadBatch::Rejected& row : answer.batch.rejected) {
      rejected->append({source.name, row.line, row.column, row.code, row.reason, row.raw});
    }
    TALLY_TRY(rejected->flush());
  }
  source.acknowledged = answer.batch.last_row;
  if (ack) TALLY_TRY(ack->advance(source.path, {source.acknowledged, source.bytes, source.head}));
  hole = false;
  return {};
}

Status Loader::Impl::drain() {
  Status first;
  while (auto answer = window.take(true)) {
    if (!hole) first = settle(*std::move(answer));
  }
  return first;
}

void Loader::Impl::conclude(Status& status) {
  if (status && interrupted()) status = fail(Code::kCancelled, "interrupted");
  summary.complete = status.has_value();
  summary.retries = window.retries();
  summary.seconds = static_cast<double>(clock.boottime_us() - begun_us) / 1e6;
  for (const Source& source : sources) {
    if (source.ended && source.acknowledged >= source.read) continue;
    summary.next_file = source.name;
    summary.next_row = source.acknowledged + 1;
    break;
  }
}

Loader::Loader(EventSink& sink, FileSystem& fs, Clock& clock, Console& console, LoadOptions options)
    : impl_(std::make_unique<Impl>(nullptr, sink, fs, clock, console, std::move(options))) {}
Loader::Loader(Table& table, FileSystem& fs, Clock& clock, Console& console, LoadOptions options) {
  auto sink = std::make_unique<TableSink>(table);
  EventSink& given = *sink;
  impl_ = std::make_unique<Impl>(std::move(sink), given, fs, clock, console, std::move(options));
}
Loader::~Loader() = default;

const LoadSummary& Loader::summary() const { return impl_->summary; }

Status Loader::run() {
  Impl& self = *impl_;
  self.begun_us = self.clock.boottime_us();
  TALLY_TRY(self.check_repeated());
  TALLY_TRY(self.check_sources());
  TALLY_TRY(self.open_ack_file());
  if (!self.options.rejected_file.empty()) {
    auto opened = RejectedFile::open(self.fs, self.options.rejected_file, self.ack && self.ack->resumed());
    if (!opened) return std::unexpected(std::move(opened).error());
    self.rejected = *std::move(opened);
  }
  TALLY_TRY(self.sink.prepare_writes());
  self.begun_us = self.clock.boottime_us();
  Status status;
  for (size_t i = 0; status && i < self.sources.size() && !interrupted(); ++i) status = self.load_source(i);
  Status rest = self.drain();
  if (status) status = rest;
  self.console.end_progress();
  self.reports.finish();
  self.conclude(status);
  return status;
}

}  // namespace tally
