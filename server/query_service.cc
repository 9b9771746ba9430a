#include "server/query_service.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <thread>

#include "base/this_thread.h"
#include "server/answer_sender.h"
#include "server/limits.h"
#include "server/sql_outline.h"

namespace tally {
namespace {

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

}  // namespace

AnswerStream::Outcome AnswerStream::put(Bytes piece, TimeUs patience_us) {
  {
    std::unique_lock lock(mutex_);
    const bool room = changed_.wait_for(lock, std::chrono::microseconds(std::max<TimeUs>(patience_us, 0)),
                                        [this] { return cancelled_ || in_flight_ < limits::kPiecesInFlightMax; });
    if (cancelled_) return Outcome::kStopped;
    if (!room) return Outcome::kNoRoom;
    ++in_flight_;
  }
  deliver_(std::move(piece));
  return Outcome::kTaken;
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
  {
    std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify_all();
  }
  stop_.request_stop();
}

struct QueryService::Impl {
  Impl(Run given_run, const Limits& given_limits, Clock& given_clock, ServerMetrics& given_metrics,
       ServerLog& given_log)
      : run(std::move(given_run)), limits(given_limits), clock(given_clock), metrics(given_metrics), log(given_log) {}

  void work() {
    name_this_thread("query");
    while (true) {
      QueryJob job;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return stopping || !waiting.empty(); });
        if (waiting.empty()) return;
        job = std::move(waiting.front());
        waiting.pop_front();
        running.push_back(job.stream);
        if (stopping) job.stream->cancel();
      }
      metrics.queries_running.add(1);
      const TimeUs begun = clock.boottime_us();
      TimeUs waited_us = 0;
      Bytes last = answer(job, waited_us);
      const TimeUs took = clock.boottime_us() - begun - waited_us;
      metrics.query.observe(took);
      metrics.queries_running.add(-1);
      if (took > limits.slow_us) tell_slow(job, took);
      {
        std::lock_guard lock(mutex);
        std::erase(running, job.stream);
      }
      job.done(std::move(last));
    }
  }

  void tell_slow(const QueryJob& job, TimeUs took_us) {
    log.warn("a statement took long", {{"connection", std::to_string(job.connection)},
                                       {"statement", std::to_string(job.sequence)},
                                       {"milliseconds", std::to_string(took_us / 1000)},
                                       {"rows_read", std::to_string(job.stream->rows_read_so_far())},
                                       {"cancelled", job.stream->stopped() ? "yes" : "no"},
                                       {"sql", sql_outline(job.query.sql)}});
  }

  QueryOptions options_of(const QueryJob& job) const {
    const TimeUs asked_us = TimeUs{job.query.timeout_ms} * 1000;
    const bool less = asked_us != 0 && (limits.time_us == 0 || asked_us < limits.time_us);
    return {.stop = job.stream->stop_token(),
            .timeout_us = less ? asked_us : limits.time_us,
            .memory_bytes = limits.memory_bytes,
            .rows_read = &job.stream->rows_read()};
  }

  // `waited_us`: of the time it took, what its client took to read.
  Bytes answer(const QueryJob& job, TimeUs& waited_us) {
    if (job.stream->stopped()) return cancelled(job);
    AnswerSender sender(job, clock, limits.answer_us);
    Bytes last = answer(job, sender);
    waited_us = sender.waited_us();
    return last;
  }

  Bytes answer(const QueryJob& job, AnswerSender& sender) {
    QueryOptions options = options_of(job);
    options.rows = &sender;
    auto result = run(job.query, options);
    if (result) {
      Status sent = hand_over(*result, sender);  // of what is no statement of the engine's
      if (sent) sent = sender.finish();
      if (!sent) result = std::unexpected(QueryError{.error = std::move(sent).error(), .position = std::nullopt});
    }
    if (!result) {
      if (result.error().error.code == Code::kCancelled) return cancelled(job);
      metrics.queries_failed.add();
      return error_frame(job, query_error(result.error()));
    }
    const EndMessage end{.rows = sender.rows(),
                         .rows_read = result->stats.scan.rows_read,
                         .elapsed_us = static_cast<uint64_t>(result->stats.elapsed_us),
                         .message = result->message};
    return encode_frame(FrameType::kEnd, job.sequence, job.checksum, encode_fields(end));
  }

  Bytes cancelled(const QueryJob& job) {
    metrics.queries_cancelled.add();
    return cancelled_frame(job);
  }

  const Run run;
  const Limits limits;
  Clock& clock;
  ServerMetrics& metrics;
  ServerLog& log;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<QueryJob> waiting;  // guarded by mutex, as are the next two
  std::vector<std::shared_ptr<AnswerStream>> running;
  bool stopping = false;
  std::vector<std::thread> threads;
};

QueryService::QueryService(Run run, const Limits& limits, Clock& clock, ServerMetrics& metrics, ServerLog& log)
    : impl_(std::make_unique<Impl>(std::move(run), limits, clock, metrics, log)) {
  for (size_t i = 0; i < limits.running; ++i) impl_->threads.emplace_back([this] { impl_->work(); });
}

QueryService::~QueryService() { stop(); }

bool QueryService::submit(QueryJob job) {
  {
    std::lock_guard lock(impl_->mutex);
    const size_t idle = impl_->limits.running - std::min(impl_->running.size(), impl_->limits.running);
    if (impl_->stopping || impl_->waiting.size() >= impl_->limits.waiting + idle) return false;
    impl_->waiting.push_back(std::move(job));
  }
  impl_->metrics.queries.add();
  impl_->changed.notify_one();
  return true;
}

void QueryService::cancel(AnswerStream& stream) {
  std::optional<QueryJob> waited;
  {
    std::lock_guard lock(impl_->mutex);
    const auto found = std::ranges::find(impl_->waiting, &stream, [](const QueryJob& job) { return job.stream.get(); });
    if (found != impl_->waiting.end()) {
      waited = std::move(*found);
      impl_->waiting.erase(found);
    }
  }
  stream.cancel();
  if (waited) waited->done(impl_->cancelled(*waited));
}

void QueryService::stop() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
    for (const auto& stream : impl_->running) stream->cancel();
  }
  impl_->changed.notify_all();
  for (std::thread& thread : impl_->threads) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace tally
