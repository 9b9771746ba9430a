// The model test in its long form (tests/support/engine/model_run.h).
#include <cstdio>

#include "engine/verdict.h"
#include "tests/crash/sweeps.h"
#include "tests/support/engine/model_run.h"

namespace tally {
namespace {

constexpr uint64_t kOperationsUsual = 200'000;  // of a round among the other sweeps
constexpr uint64_t kProgressEvery = 1'000'000;

SweepOutcome run(const SweepRound& round) {
  model::ModelSearch search{.seed = round.seed, .operations = kOperationsUsual};
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
        "\n  again with: ./dev crash --model --operations 1 --seed " + std::to_string(result.failed_seed);
  }
  if (round.operations != 0) {
    outcome.summary = std::to_string(result.runs) + " runs, " + std::to_string(total.operations) + " operations, " +
                      std::to_string(total.forgotten_ids) + " ids forgotten";
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
    .run = run,
}};

}  // namespace
}  // namespace tally
