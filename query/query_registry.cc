#include "query/query_registry.h"

#include <algorithm>

namespace tally {
namespace {

QueryEntry entry_of(const QueryRegistry::Running& running, const Clock& clock) {
  QueryEntry entry;
  entry.id = running.id;
  entry.sql = running.sql;
  entry.state = "running";
  entry.started_us = running.started_us;
  entry.elapsed_us = clock.boottime_us() - running.started_boottime_us;
  entry.rows_read = running.rows_read.load(std::memory_order_relaxed);
  return entry;
}

// Whole characters of UTF-8.
std::string_view shown(std::string_view sql) {
  if (sql.size() <= QueryRegistry::kSqlShown) return sql;
  size_t size = QueryRegistry::kSqlShown;
  while (size > 0 && (static_cast<unsigned char>(sql[size]) & 0xC0) == 0x80) --size;
  return sql.substr(0, size);
}

}  // namespace

std::shared_ptr<QueryRegistry::Running> QueryRegistry::begin(std::string_view sql, const Clock& clock) {
  auto running = std::make_shared<Running>();
  running->sql = shown(sql);
  running->started_us = clock.wall_us();
  running->started_boottime_us = clock.boottime_us();
  std::lock_guard lock(mutex_);
  running->id = ++last_id_;
  running_.emplace(running->id, running);
  return running;
}

void QueryRegistry::end(const Running& running, QueryEntry outcome, const Clock& clock) {
  QueryEntry entry = entry_of(running, clock);
  entry.state = std::move(outcome.state);
  entry.rows = outcome.rows;
  entry.error = std::move(outcome.error);
  std::lock_guard lock(mutex_);
  running_.erase(running.id);
  ended_.push_back(std::move(entry));
  if (ended_.size() > kEndedKept) ended_.pop_front();
}

std::vector<QueryEntry> QueryRegistry::entries(const Clock& clock) const {
  std::vector<QueryEntry> entries;
  {
    std::lock_guard lock(mutex_);
    entries.assign(ended_.begin(), ended_.end());
    for (const auto& [id, running] : running_) entries.push_back(entry_of(*running, clock));
  }
  std::ranges::sort(entries, {}, &QueryEntry::id);
  return entries;
}

}  // namespace tally
