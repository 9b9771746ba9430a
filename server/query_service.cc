#include "server/query_service.h"

#include <algorithm>
#include <cctype>
#include <deque>
#include <thread>

#include "server/limits.h"

namespace tally {
namespace {

// Words in upper case with one space between them, without a semicolon at the end; of short texts only.
std::string plain_words(std::string_view sql) {
  if (sql.size() > 64) return {};
  std::string words;
  for (char c : sql) {
    if (std::isspace(static_cast<unsigned char>(c)) != 0 || c == ';') {
      if (!words.empty() && words.back() != ' ') words += ' ';
    } else {
      words += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
  }
  while (!words.empty() && words.back() == ' ') words.pop_back();
  return words;
}

QueryResult settings_result(const std::vector<SettingRow>& rows) {
  QueryResult result;
  for (const char* name : {"name", "value", "default", "source", "reloadable", "meaning"}) {
    result.columns.push_back({.name = name, .type = SqlType::kString, .scale = 0});
  }
  for (const SettingRow& row : rows) {
    std::vector<Cell>& cells = result.rows.emplace_back();
    for (std::string_view text : {std::string_view(row.name), std::string_view(row.value),
                                  std::string_view(row.standard), setting_source_name(row.source),
                                  std::string_view(row.reloadable ? "yes" : "no"), std::string_view(row.meaning)}) {
      Cell& cell = cells.emplace_back();
      cell.kind = Cell::Kind::kString;
      cell.text = text;
    }
  }
  return result;
}

WireError query_error(const QueryError& error) {
  // A limit, a disk: the statement may be fine.
  const bool fault = error.error.code == Code::kInvalidArgument || error.error.code == Code::kNotFound ||
                     error.error.code == Code::kAlreadyExists;
  WireError wire = to_wire(error.error, fault ? WireStatus::kBadSql : WireStatus::kQueryFailed);
  if (error.position) {
    wire.position = WireError::Position{error.position->offset, error.position->line, error.position->column};
  }
  return wire;
}

Bytes error_frame(const QueryJob& job, WireError error) {
  return encode_frame(FrameType::kError, job.sequence, job.checksum,
                      encode_fields(ErrorMessage{.error = std::move(error)}));
}

Bytes cancelled_frame(const QueryJob& job) {
  return error_frame(job, WireError{.status = WireStatus::kCancelled, .message = "the statement was cancelled"});
}

// False: nobody wants the rest.
bool send_rows(const QueryJob& job, const QueryResult& result) {
  const Bytes columns = encode_fields(ColumnsMessage{.columns = result.columns});
  if (!job.stream->put(encode_frame(FrameType::kColumns, job.sequence, job.checksum, columns))) return false;
  Bytes data;
  uint32_t count = 0;
  const auto send = [&] {
    const bool wanted =
        job.stream->put(encode_frame(FrameType::kRows, job.sequence, job.checksum, encode_row_count(count), data));
    data.clear();
    count = 0;
    return wanted;
  };
  for (const std::vector<Cell>& row : result.rows) {
    ByteWriter out(data);
    for (const Cell& cell : row) encode_cell(cell, out);
    ++count;
    if (data.size() >= limits::kRowsDataUsual && !send()) return false;
  }
  return count == 0 || send();
}

bool any_row_too_long(const QueryResult& result) {
  return std::ranges::any_of(result.rows, [](const std::vector<Cell>& row) {
    uint64_t bytes = 0;
    for (const Cell& cell : row) bytes += 24 + cell.text.size();
    return bytes > limits::kRowsDataMax - limits::kRowsDataUsual;
  });
}

}  // namespace

bool AnswerStream::put(Bytes piece) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return cancelled_ || in_flight_ < limits::kPiecesInFlightMax; });
    if (cancelled_) return false;
    ++in_flight_;
  }
  deliver_(std::move(piece));
  return true;
}

bool AnswerStream::stopped() {
  std::lock_guard lock(mutex_);
  return cancelled_;
}

void AnswerStream::written() {
  std::lock_guard lock(mutex_);
  --in_flight_;
  changed_.notify_all();
}

void AnswerStream::cancel() {
  std::lock_guard lock(mutex_);
  cancelled_ = true;
  changed_.notify_all();
}

struct QueryService::Impl {
  Impl(Database& database, size_t most_waiting, ServerMetrics& given_metrics, SettingRows given_settings)
      : engine(database),
        clock(database.clock()),
        waiting_max(most_waiting),
        metrics(given_metrics),
        settings(std::move(given_settings)) {}

  void work() {
    while (true) {
      QueryJob job;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return stopping || !jobs.empty(); });
        if (jobs.empty()) return;
        job = std::move(jobs.front());
        jobs.pop_front();
        if (stopping) job.stream->cancel();
        ++busy;
      }
      metrics.queries_running.add(1);
      const TimeUs begun = clock.boottime_us();
      Bytes last = answer(job);
      metrics.query.observe(clock.boottime_us() - begun);
      metrics.queries_running.add(-1);
      {
        std::lock_guard lock(mutex);
        --busy;
      }
      job.done(std::move(last));
    }
  }

  Bytes answer(const QueryJob& job) {
    metrics.queries.add();
    if (job.stream->stopped()) return cancelled_frame(job);
    std::expected<QueryResult, QueryError> result;
    if (plain_words(job.query.sql) == "SHOW SETTINGS") {
      result = settings_result(settings());
    } else {
      result = engine.run(job.query.sql, job.query.parameters);
    }
    if (!result) {
      metrics.queries_failed.add();
      return error_frame(job, query_error(result.error()));
    }
    if (any_row_too_long(*result)) {
      return error_frame(job, {.status = WireStatus::kQueryFailed, .message = "a row is longer than a frame may be"});
    }
    if (!result->columns.empty() && !send_rows(job, *result)) return cancelled_frame(job);
    const EndMessage end{.rows = result->rows.size(),
                         .rows_read = result->stats.scan.rows_read,
                         .elapsed_us = static_cast<uint64_t>(result->stats.elapsed_us),
                         .message = result->message};
    return encode_frame(FrameType::kEnd, job.sequence, job.checksum, encode_fields(end));
  }

  QueryEngine engine;
  Clock& clock;
  const size_t waiting_max;
  ServerMetrics& metrics;
  SettingRows settings;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<QueryJob> jobs;  // guarded by mutex
  size_t busy = 0;            // guarded by mutex
  bool stopping = false;      // guarded by mutex
  std::vector<std::thread> threads;
};

QueryService::QueryService(Database& database, size_t running_max, size_t waiting_max, ServerMetrics& metrics,
                           SettingRows settings)
    : impl_(std::make_unique<Impl>(database, waiting_max, metrics, std::move(settings))) {
  for (size_t i = 0; i < running_max; ++i) impl_->threads.emplace_back([this] { impl_->work(); });
}

QueryService::~QueryService() { stop(); }

bool QueryService::submit(QueryJob job) {
  {
    std::lock_guard lock(impl_->mutex);
    const size_t idle = impl_->threads.size() - std::min(impl_->busy, impl_->threads.size());
    if (impl_->stopping || impl_->jobs.size() >= impl_->waiting_max + idle) return false;
    impl_->jobs.push_back(std::move(job));
  }
  impl_->changed.notify_one();
  return true;
}

void QueryService::stop() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->changed.notify_all();
  for (std::thread& thread : impl_->threads) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace tally
