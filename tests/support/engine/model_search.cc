#include <algorithm>
#include <cstddef>

#include "tests/support/engine/model_run.h"

namespace tally::model {
namespace {

constexpr uint64_t kTriesMax = 400;  // runs that making one short may take

// Leaves actions out, in ever smaller pieces, as long as the run fails in some way (delta debugging, after Zeller and
// Hildebrandt 2002). What fails in the end may be another failure; it is one.
RunOptions shorten(const ModelSearch& search, RunOptions options, std::vector<bool>& left_out) {
  const uint64_t actions = options.actions;
  left_out.assign(actions, false);
  options.left_out = &left_out;
  uint64_t tries = 0;
  for (uint64_t piece = std::max<uint64_t>(actions / 2, 1); piece > 0; piece /= 2) {
    for (uint64_t from = 0; from < actions && tries < kTriesMax; from += piece) {
      const std::vector<bool> kept = left_out;
      const auto to = std::min(from + piece, actions);
      std::fill(left_out.begin() + static_cast<std::ptrdiff_t>(from),
                left_out.begin() + static_cast<std::ptrdiff_t>(to), true);
      if (left_out == kept) continue;
      ++tries;
      if (search.run(options).failure.empty()) left_out = kept;
    }
  }
  return options;
}

std::string describe(const ModelSearch& search, const RunOptions& failing) {
  std::vector<bool> left_out;
  RunOptions options = shorten(search, failing, left_out);
  options.trace = true;
  const RunResult result = search.run(options);
  std::string text = result.failure + "\n  what is left of the run:";
  constexpr size_t kLinesMax = 60;
  const size_t lines = result.trace.size();
  for (size_t i = lines > kLinesMax ? lines - kLinesMax : 0; i < lines; ++i) text += "\n    " + result.trace[i];
  return text;
}

}  // namespace

ModelSearchResult search_model(const ModelSearch& search) {
  ModelSearchResult result;
  for (uint64_t seed = search.seed; result.total.operations < search.operations; ++seed) {
    if (search.stop && search.stop()) break;
    RunOptions options{.seed = seed};
    RunResult run = search.run(options);
    ++result.runs;
    if (!run.failure.empty()) {
      result.failed_seed = seed;
      options.actions = run.failed_action;
      run.failure = "seed " + std::to_string(seed) + ", action " + std::to_string(run.failed_action - 1) + ": " +
                    run.failure + "\n  made short: " + describe(search, options);
      result.total.add(run);
      return result;
    }
    result.total.add(run);
    if (search.progress) search.progress(result.total.operations);
  }
  return result;
}

}  // namespace tally::model
