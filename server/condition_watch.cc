#include "server/condition_watch.h"

#include <chrono>

namespace tally {

void ConditionWatch::start() {
  look();
  thread_ = std::thread([this] { run(); });
}

void ConditionWatch::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ConditionWatch::run() {
  constexpr auto kLookEvery = std::chrono::seconds(1);
  while (true) {
    {
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, kLookEvery, [this] { return stopping_; })) return;
    }
    look();
  }
}

// What a restart alone leads out of is told by who meets it (server/table_health.h).
void ConditionWatch::look() {
  std::map<Place, ConditionLine> now;
  for (const std::string& name : database_.table_names()) {
    const Result<Table*> table = database_.table(name);
    if (!table) continue;
    for (ConditionLine& line : describe_condition((*table)->condition())) {
      if (line.part != "writes") now.emplace(Place(name, line.part), std::move(line));
    }
  }
  std::map<Place, ConditionLine> before;
  {
    std::lock_guard lock(mutex_);
    before = std::exchange(known_, now);
  }
  for (const auto& [place, line] : now) {
    const auto known = before.find(place);
    if (known != before.end() && known->second.state == line.state) continue;
    log_.warn("a table needs a look",
              {{"table", place.first}, {"part", place.second}, {"state", line.state}, {"detail", line.detail}});
  }
  for (const auto& [place, line] : before) {
    if (now.contains(place)) continue;
    log_.info("what a table needed a look for is over",
              {{"table", place.first}, {"part", place.second}, {"state", line.state}});
  }
}

std::string ConditionWatch::text(bool takes_no_batches) const {
  std::lock_guard lock(mutex_);
  std::string text;
  for (const auto& [place, line] : known_) {
    if (line.takes_no_batches != takes_no_batches) continue;
    text += (text.empty() ? "table \"" : "; table \"") + place.first + "\": " + place.second + " " + line.state + ": " +
            line.detail;
  }
  return text;
}

std::string ConditionWatch::trouble() const { return text(true); }
std::string ConditionWatch::notes() const { return text(false); }

}  // namespace tally
