// Names of a session's database for completion, asked for when they are first needed and kept for a while. No question takes
// longer than kNamesTimeoutUs; what has no answer by then is nothing. Threads: one.
#pragma once

#include <map>

#include "base/clock.h"
#include "tools/shell/completion.h"
#include "tools/shell/statement_runner.h"

namespace tally {

inline constexpr TimeUs kNamesTimeoutUs = 500'000;
inline constexpr TimeUs kNamesKeptUs = 30 * kMicrosPerSecond;
inline constexpr size_t kValuesMax = 60;  // that are shown of a dimension

class NameCache final : public Names {
 public:
  explicit NameCache(StatementRunner& runner) : runner_(runner) {}

  std::vector<std::string> tables() override;
  std::vector<Column> columns(const std::string& table) override;
  std::vector<std::string> system_tables() override;
  Values values(const std::string& table, const std::string& column, const std::string& front) override;
  void forget();  // tables were changed

 private:
  const QueryResult& ask(const std::string& sql);

  struct Kept {
    QueryResult result;
    TimeUs until_us = 0;
  };
  StatementRunner& runner_;
  std::map<std::string, Kept> kept_;
};

}  // namespace tally
