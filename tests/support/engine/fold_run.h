// One run of the model test of rollups: a random life of a table with small windows and short retention on the simulated disk,
// and a plain list of its rows beside it (fold_shadow.h). After each step random questions, at random granularity and over
// random dimensions and ranges, are answered through a cover and from the list; they must agree, group by group. Everything is
// a function of the seed, and a failing run is made short (model_run.h).
//
//   operations   batches of new rows, late rows, retries, conflicts and history; retractions; flushes; time passing, the wall
//                clock jumping ahead and back; folds, joins and retention as they come due, with random policies; dimensions,
//                measures and rollups that come and go, other retention, other grace; restarts with another number of shards,
//                kills, power failures at a random change of the disk and again in recovery; snapshots that are held
//   steps        rows decided, actions, and questions compared. Folds, joins and drops are told beside them
// At the end the table is closed and `tally check` finds nothing.
#pragma once

#include "tests/support/engine/model_run.h"

namespace tally::folds {

model::RunResult run_folds(const model::RunOptions& options);

}  // namespace tally::folds
