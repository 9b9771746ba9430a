// What a table answers to the questions of fold_shadow.h: the rows of every part of a cover, added up in the plainest way.
#pragma once

#include <optional>
#include <string>

#include "base/random.h"
#include "engine/cover.h"
#include "engine/snapshot.h"
#include "tests/support/engine/fold_shadow.h"

namespace tally::folds {

// Of some rollup that the snapshot's manifest has, some tier, dimensions, measures and range, ragged or not.
Question random_question(const ManifestState& state, const Shadow& shadow, TimeUs now_us, Random& random);

// The question from the first day on of which nothing is missing; nullopt: there is none in its range.
std::optional<Question> where_complete(const ManifestState& state, Question question, Cover& cover);

// Errors: what a scan fails with; kInternal: a stored sketch that is none.
Result<Groups> ask(const Snapshot& snapshot, const Shadow& shadow, const Question& question, const Cover& cover);

}  // namespace tally::folds
