#include "tools/shell/statement_runner.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <stop_token>
#include <thread>

#include "base/clock.h"

namespace tally {

namespace {

constexpr TimeUs kDrawEveryUs = 200'000;
constexpr TimeUs kPatienceUs = kMicrosPerSecond;  // after a cancel, before it is said that it takes long

// A statement on a thread of its own.
class Background {
 public:
  Background(Session& session, std::string_view sql, TimeUs timeout_us, RowSink* rows)
      : done_(::eventfd(0, EFD_CLOEXEC)), begun_us_(now()), thread_([this, &session, sql, timeout_us, rows] {
          const QueryOptions options{
              .stop = stop_.get_token(), .timeout_us = timeout_us, .rows = rows, .rows_read = &rows_read_};
          result_ = session.run(sql, options);
          ended_us_ = now();
          const uint64_t one = 1;
          [[maybe_unused]] const ssize_t written = ::write(done_, &one, sizeof one);
        }) {}
  ~Background() {
    join();
    ::close(done_);
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  int done() const { return done_; }
  void stop() { stop_.request_stop(); }
  uint64_t rows_read() const { return rows_read_.load(std::memory_order_relaxed); }
  TimeUs elapsed_us() const { return now() - begun_us_; }
  // After join().
  std::expected<QueryResult, QueryError> take_result() { return std::move(result_); }
  double seconds() const { return static_cast<double>(ended_us_ - begun_us_) / 1e6; }

 private:
  static TimeUs now() { return system_clock().boottime_us(); }

  const int done_;
  const TimeUs begun_us_;
  TimeUs ended_us_ = 0;  // by the thread, as is the next
  std::expected<QueryResult, QueryError> result_;
  std::stop_source stop_;
  std::atomic<uint64_t> rows_read_{0};
  std::thread thread_;  // last: it uses the others
};

}  // namespace

std::string progress_line(uint64_t rows_read, double seconds) {
  std::string text;
  if (rows_read > 0 && seconds > 0) {
    text = with_thousands(rows_read) + " rows read, " +
           with_thousands(static_cast<uint64_t>(static_cast<double>(rows_read) / seconds)) + " rows/s, ";
  }
  return text + human_seconds(seconds) + "; Ctrl-C cancels";
}

StatementAnswer StatementRunner::run(std::string_view sql, RowSink* rows) { return wait_for(sql, 0, true, rows); }

std::expected<QueryResult, QueryError> StatementRunner::ask(std::string_view sql, TimeUs timeout_us) {
  StatementAnswer answer = wait_for(sql, timeout_us, false, nullptr);
  if (answer.interrupted) signals_.pass_interrupt_on();  // it was for the line that is being typed
  return std::move(answer.result);
}

StatementAnswer StatementRunner::wait_for(std::string_view sql, TimeUs timeout_us, bool show, RowSink* rows) {
  Background background(session_, sql, timeout_us, rows);
  StatementAnswer answer;
  TimeUs stopped_us = -1;
  const auto stop = [&] {
    if (stopped_us >= 0) return session_.give_up();
    stopped_us = background.elapsed_us();
    background.stop();
  };
  while (true) {
    const SignalInbox::Woken woken = signals_.wait(kDrawEveryUs, background.done());
    if (woken == SignalInbox::Woken::kOther) break;
    if (signals_.take_interrupt() || (signals_.ended() && stopped_us < 0)) {
      answer.interrupted = true;
      stop();
    }
    const TimeUs elapsed_us = background.elapsed_us();
    if (timeout_us > 0 && elapsed_us > timeout_us && stopped_us < 0) stop();
    if (!show) continue;
    if (stopped_us >= 0 && elapsed_us - stopped_us > kPatienceUs) {
      console_.progress("waiting for it to stop; Ctrl-C again does not wait");
    } else if (stopped_us < 0 && elapsed_us > kProgressFromUs) {
      console_.progress(progress_line(background.rows_read(), static_cast<double>(elapsed_us) / 1e6));
    }
  }
  background.join();
  console_.end_progress();
  answer.result = background.take_result();
  answer.seconds = background.seconds();
  return answer;
}

}  // namespace tally
