#include "query/query_pool.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/this_thread.h"

namespace tally {
namespace {

// The tasks of one query. A helper that comes too late finds none left and does not touch `task`.
struct Job {
  Job(size_t tasks, const std::function<void(size_t)>& run) : count(tasks), task(run) {}

  void work() {
    for (size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
      task(i);
      std::lock_guard lock(mutex);
      if (++done == count) all_done.notify_all();
    }
  }
  void wait() {
    std::unique_lock lock(mutex);
    all_done.wait(lock, [this] { return done == count; });
  }

  const size_t count;
  const std::function<void(size_t)>& task;
  std::atomic<size_t> next{0};
  std::mutex mutex;
  std::condition_variable all_done;
  size_t done = 0;  // guarded by mutex
};

}  // namespace

struct QueryPool::Impl {
  explicit Impl(unsigned count) : helpers(count) {}
  ~Impl() {
    {
      std::lock_guard lock(mutex);
      stopping = true;
    }
    changed.notify_all();
    for (std::thread& thread : threads) thread.join();
  }

  void offer(const std::shared_ptr<Job>& job, size_t times) {
    {
      std::lock_guard lock(mutex);
      while (threads.size() < helpers) {
        threads.emplace_back([this] {
          name_this_thread("query part");
          help();
        });
      }
      for (size_t i = 0; i < times; ++i) jobs.push_back(job);
    }
    changed.notify_all();
  }

  void help() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [this] { return stopping || !jobs.empty(); });
      if (stopping) return;
      const std::shared_ptr<Job> job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      job->work();
      lock.lock();
    }
  }

  const unsigned helpers;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::shared_ptr<Job>> jobs;  // guarded by mutex
  std::vector<std::thread> threads;       // guarded by mutex
  bool stopping = false;                  // guarded by mutex
};

QueryPool::QueryPool(unsigned helpers) : impl_(std::make_unique<Impl>(helpers)) {}
QueryPool::~QueryPool() = default;

unsigned QueryPool::helpers() const { return impl_->helpers; }

void QueryPool::run(size_t count, const std::function<void(size_t)>& task) {
  const auto job = std::make_shared<Job>(count, task);
  if (count > 1 && impl_->helpers > 0) impl_->offer(job, std::min<size_t>(count - 1, impl_->helpers));
  job->work();
  job->wait();
}

}  // namespace tally
