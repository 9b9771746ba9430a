// Threads that help queries: each query brings a few tasks, of which its own thread runs those that nobody has taken yet, so
// that it ends even where all helpers are busy with others.
// Threads: any. Helpers start with the first query that asks for them, and end with the pool.
#pragma once

#include <functional>
#include <memory>

namespace tally {

class QueryPool {
 public:
  explicit QueryPool(unsigned helpers);
  ~QueryPool();
  QueryPool(const QueryPool&) = delete;
  QueryPool& operator=(const QueryPool&) = delete;

  unsigned helpers() const;
  // Runs task(0) ... task(count - 1), each once, and returns when all have.
  void run(size_t count, const std::function<void(size_t)>& task);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tally
