// The model tests in their long form (tests/support/engine/model_run.h, fold_run.h).
#include <cstdio>

#include "engine/verdict.h"
#include "tests/crash/sweeps.h"
#include "tests/support/engine/fold_run.h"
#include "tests/support/engine/model_run.h"

namespace tally {
namespace {

constexpr uint64_t kOperationsUsual = 200'000;  // of a round among the other sweeps
constexpr uint64_t kProgressEvery = 1'000'000;

SweepOutcome run(const SweepRound& round, model::ModelSearch search, const std::string& flag) {
  search.seed = round.seed;
  search.operations = kOperationsUsual;
  if (round.operations != 0) search.operations = round.operations;
  search.stop = round.stop;
  uint64_t said = 0;
  if (round.progress) {
    search.progress = [&](uint64_t operations) {
      if (operations - said < kProgressEvery) return;
      said = operations;
      round.progress(std::to_string(operations / kProgressEvery) + " M operations");
    };
  }
  model::ModelSearchResult result = model::search_model(search);
  const model::RunResult& total = result.total;
  SweepOutcome outcome{.points = total.power_failures, .states = total.operations, .failure = total.failure};
  if (!outcome.failure.empty()) {
    outcome.failure +=
        "\n  again with: ./dev crash " + flag + " --operations 1 --seed " + std::to_string(result.failed_seed);
  }
  if (round.operations != 0) {
    outcome.summary = std::to_string(result.runs) + " runs, " + std::to_string(total.operations) + " operations, " +
                      std::to_string(total.power_failures) + " power failures";
    if (total.forgotten_ids > 0) outcome.summary += ", " + std::to_string(total.forgotten_ids) + " ids forgotten";
    for (const auto& [what, count] : total.counted) outcome.summary += ", " + std::to_string(count) + " " + what;
    for (size_t i = 0; i < std::size(total.verdicts); ++i) {
      outcome.summary +=
          ", " + std::to_string(total.verdicts[i]) + " " + std::string(verdict_name(static_cast<Verdict>(i)));
    }
  }
  return outcome;
}

const SweepRegistration registration{{
    .name = "model",
    .what = "random operations against a plain model: every verdict, every row, the ledger (--model)",
    .run = [](const SweepRound& round) { return run(round, {}, "--model"); },
}};

const SweepRegistration fold_registration{{
    .name = "folds",
    .what = "random lives of a table with rollups against a plain list of its rows: every cover (--folds)",
    .run = [](const SweepRound& round) { return run(round, {.run = folds::run_folds}, "--folds"); },
}};

}  // namespace
}  // namespace tally
