// From one version of a schema to the next (docs/decisions/0010-schema-change.md). The functions that change return the next
// version, whole and valid, or say why not; nothing of them touches stored rows.
//
// Errors: kInvalidArgument and kLimitExceeded as of validate_schema(), and kInvalidArgument naming what needs a column or measure
// that is to go; kNotFound: there is no such column or measure; kAlreadyExists: there is one.
#pragma once

#include <string_view>

#include "engine/schema.h"

namespace tally {

// A dimension or a field, with a new id; its own is ignored. Goes behind the others, also in the sort order, and into the
// implicit rollup.
Result<Schema> with_column(const Schema& now, Column column);
// A dimension or a field that no measure, lateness class, rollup or derived id needs.
Result<Schema> without_column(const Schema& now, std::string_view name);
// With a new id; counts the rows of the new version and of those after it. Goes into every rollup that has every measure.
Result<Schema> with_measure(const Schema& now, Measure measure);
// One that no rollup names. Which derived measures need it, only who reads their text can say.
Result<Schema> without_measure(const Schema& now, std::string_view name);

// With a new id. Folding begins with the oldest raw that is there: of days whose raw was dropped it never has anything.
Result<Schema> with_rollup(const Schema& now, Rollup rollup);
// Its tiers end with the next manifest edit behind it. The last rollup stays: without one nothing would outlive raw.
Result<Schema> without_rollup(const Schema& now, std::string_view name);

// Whether a table may go from one version to the other while it runs: columns, measures and rollups come and go, with ids that
// were never used, and stay what they are in between; WITHIN, the id's columns and the name stay; LATENESS, GRACE and RETENTION
// may change. kUnsupported says what else does; kInvalidArgument what cannot be.
Status check_change(const Schema& now, const Schema& next);

}  // namespace tally
