// The two tables of the design, completed, for tests and benchmarks of the engine.
#pragma once

#include "engine/schema.h"

namespace tally {

// ad_events: event time, id, event_type STRING FIELD, nine STRING dimensions, user_id STRING FIELD, cost and revenue
// DECIMAL(18,6) FIELD; measures impressions, clicks, conversions, spend, income, users, ctr.
Schema ad_events_schema();

// A small table with every kind of column: ts, id, country STRING DIMENSION, slot INT64 DIMENSION, kind STRING FIELD,
// amount INT64 FIELD, cost DECIMAL(9,2) FIELD; measure events_with_cost COUNT WHERE cost > 0.
Schema small_schema();

Condition column_equals(const Schema& schema, std::string_view column, Value value);

}  // namespace tally
