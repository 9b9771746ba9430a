// What the server and its tables count, as the text that Prometheus reads. Base units, _total on counters, no label that grows
// with the data (docs/OPERATIONS.md lists them). Threads: any.
#pragma once

#include <string>
#include <vector>

#include "engine/table.h"
#include "engine/write_figures.h"
#include "server/metrics.h"

namespace tally {

struct TableReading {
  std::string name;
  Table::Stats stats;
  WriteReading writes;
  uint64_t fold_debt_rows = 0;
  TableCondition condition = {};
};

std::string metrics_text(const ServerMetrics& metrics, const std::vector<TableReading>& tables, bool ready);

}  // namespace tally
