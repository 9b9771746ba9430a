#include <doctest/doctest.h>

#include "tests/support/engine/disk_samples.h"

using namespace tally;

namespace {

ManifestState with_two_segments() {
  ManifestState state = *apply_edit(sample_state(), sample_flush(sample_state(), 10));
  return *apply_edit(state, sample_flush(state, 20));
}

// The rule an edit breaks, or "" if it breaks none.
std::string refusal(const ManifestState& state, const ManifestEdit& edit) {
  auto next = apply_edit(state, edit);
  if (next) return "";
  CHECK(next.error().code == Code::kInternal);
  return next.error().message;
}

std::function<void(ManifestEdit&)> with_run(const std::function<void(IdRunInfo&)>& harm) {
  return [harm](ManifestEdit& edit) {
    edit.add_id_runs = {sample_id_run(4, 30)};
    edit.next_file_number = 5;
    harm(edit.add_id_runs.front());
  };
}

}  // namespace

TEST_CASE("manifest state: a flush adds its segment, a merge replaces its inputs") {
  ManifestState state = with_two_segments();
  CHECK(state.segments.size() == 2);
  CHECK(state.log.flushed_lsn == 20);
  CHECK(state.ledger.received == 20);
  ManifestEdit merge;
  merge.remove_segments = {1, 2};
  merge.add_segments = {sample_segment(3, 20)};
  merge.next_file_number = 4;
  ManifestState merged = *apply_edit(state, merge);
  CHECK(merged.segments.size() == 1);
  CHECK(merged.segments.contains(3));
  CHECK(state.segments.size() == 2);  // the state before is untouched
}

TEST_CASE("manifest state: every rule refuses the edit that breaks it") {
  ManifestState state = with_two_segments();
  struct Row {
    const char* says;
    std::function<void(ManifestEdit&)> harm;
  };
  const Row rows[] = {
      {"removed and was not live", [](ManifestEdit& e) { e.remove_segments = {9}; }},
      {"removed and was not live", [](ManifestEdit& e) { e.remove_segments = {1, 1}; }},
      {"dictionary file 9 is removed", [](ManifestEdit& e) { e.remove_dictionary_files = {9}; }},
      {"added and was live", [](ManifestEdit& e) { e.add_segments.front().number = 2; }},
      {"added and was live",
       [](ManifestEdit& e) { e.remove_segments = {2}, e.add_segments.push_back(sample_segment(2, 9)); }},
      {"not its own", [](ManifestEdit& e) { e.add_dictionary_files.push_back({.number = 3}); }},
      {"not its own", [](ManifestEdit& e) { e.add_segments.front().number = 4; }},
      {"not its own", [](ManifestEdit& e) { e.add_segments.front().number = 0; }},
      {"id run 9 is removed and was not live", [](ManifestEdit& e) { e.remove_id_runs = {9}; }},
      {"id run 4 is added and was live",
       [](ManifestEdit& e) {
         e.add_id_runs = {sample_id_run(4, 9), sample_id_run(4, 9)};
         e.next_file_number = 5;
       }},
      {"id run 3 has a number that is not its own", [](ManifestEdit& e) { e.add_id_runs = {sample_id_run(3, 9)}; }},
      {"id run 4 has a number that is not its own", [](ManifestEdit& e) { e.add_id_runs = {sample_id_run(4, 9)}; }},
      {"the horizon of day 1 lies in another", [](ManifestEdit& e) { e.horizons[{0, 1}] = 5; }},
      {"has no ids", with_run([](IdRunInfo& run) { run.entries = 0; })},
      {"is of shard 5 among 5", with_run([](IdRunInfo& run) { run.place.shard = 5; })},
      {"out of order", with_run([](IdRunInfo& run) { std::swap(run.summary.newest[0], run.summary.newest[1]); })},
      {"out of order", with_run([](IdRunInfo& run) { run.summary.newest[1].event_us = kMicrosPerDay; })},
      {"out of order", with_run([](IdRunInfo& run) { run.summary.newest.clear(); })},
      {"id run 4 reaches LSN 31, above", with_run([](IdRunInfo& run) { run.summary.max_lsn = 31; })},
      {"events among", [](ManifestEdit& e) { e.add_segments.front().events = 11; }},
      {"events among", [](ManifestEdit& e) { e.add_segments.front().rows = 0; }},
      {"ends before it begins", [](ManifestEdit& e) { e.add_segments.front().min_time = 6; }},
      {"ends before it begins", [](ManifestEdit& e) { e.add_segments.front().min_lsn = 31; }},
      {"schema version 2", [](ManifestEdit& e) { e.add_segments.front().schema_version = 2; }},
      {"neither raw", [](ManifestEdit& e) { e.add_segments.front().rollup_id = 5; }},
      {"neither raw", [](ManifestEdit& e) { e.add_segments.front().tier = Tier::kHour; }},
      {"above the flushed", [](ManifestEdit& e) { e.add_segments.front().max_lsn = 31; }},
      {"durable only up to", [](ManifestEdit& e) { e.log->synced_lsn = 29; }},
      {"goes back", [](ManifestEdit& e) { e.log->flushed_lsn = 19; }},
      {"goes back", [](ManifestEdit& e) { e.log->first_file = 1; }},
      {"goes back", [](ManifestEdit& e) { e.newest_event_us = 19; }},
      {"goes back", [](ManifestEdit& e) { e.reference_us = 19; }},
      {"goes back", [](ManifestEdit& e) { e.next_file_number = 2; }},
      {"goes back", [](ManifestEdit& e) { e.ledger->late = 0, --e.ledger->received, e.ledger->duplicates = 1; }},
      {"does not balance", [](ManifestEdit& e) { ++e.ledger->rejected; }},
      {"shrinks", [](ManifestEdit& e) { e.dictionary_sizes[7] = 21; }},
      {"schema 2 has version 1", [](ManifestEdit& e) { e.add_schema = sample_state().schemas[0]; }},
  };
  CHECK(refusal(state, sample_flush(state, 30)) == "");
  for (const Row& row : rows) {
    ManifestEdit edit = sample_flush(state, 30);
    row.harm(edit);
    CAPTURE(&row - rows);
    std::string said = refusal(state, edit);
    CAPTURE(said);
    CHECK(said.find(row.says) != std::string::npos);
  }
}

TEST_CASE("manifest state: id runs come with the edit of their rows, and a merge replaces its inputs") {
  ManifestState state = with_two_segments();
  ManifestEdit flush = sample_flush(state, 30);
  flush.add_id_runs = {sample_id_run(4, 30), sample_id_run(5, 30)};
  flush.next_file_number = 6;
  state = *apply_edit(state, flush);
  CHECK(state.id_runs.size() == 2);
  ManifestEdit merge;
  merge.add_id_runs = {sample_id_run(6, 30)};
  merge.remove_id_runs = {4, 5};
  merge.next_file_number = 7;
  state = *apply_edit(state, merge);
  CHECK(state.id_runs.size() == 1);
  CHECK(state.id_runs.contains(6));
  CHECK(refusal(state, merge).find("removed and was not live") != std::string::npos);
}

TEST_CASE("manifest state: a horizon moves forward only, by class and day") {
  ManifestState state = with_two_segments();
  ManifestEdit edit = sample_flush(state, 30);
  edit.horizons = {{{0, 0}, 5}, {{1, 0}, 7}, {{0, -1}, -3}};
  state = *apply_edit(state, edit);
  CHECK(state.horizons == edit.horizons);
  ManifestEdit back = sample_flush(state, 40);
  back.horizons[{1, 0}] = 6;
  CHECK(refusal(state, back).find("the horizon of day 0 goes back") != std::string::npos);
  back.horizons[{1, 0}] = 8;
  state = *apply_edit(state, back);
  CHECK(state.horizons == HorizonMap{{{0, 0}, 5}, {{1, 0}, 8}, {{0, -1}, -3}});
}

TEST_CASE("manifest state: arrival goes back where the edit says so, and not behind what was forgotten") {
  ManifestState state = with_two_segments();
  ManifestEdit edit;
  edit.newest_arrival_us = 1000;
  edit.newest_forget_us = 500;
  state = *apply_edit(state, edit);
  ManifestEdit lower;
  lower.newest_arrival_us = 999;
  CHECK(refusal(state, lower) == "manifest: the newest arrival time goes back");
  ManifestEdit back;
  back.arrival_back_us = 499;
  CHECK(refusal(state, back) == "manifest: arrival goes back below a FORGET record");
  back.arrival_back_us = 500;
  CHECK(apply_edit(state, back)->newest_arrival_us == 500);
}

TEST_CASE("manifest state: a removed file is known until it is unlinked") {
  ManifestState state = with_two_segments();
  ManifestEdit add;
  add.add_id_runs = {sample_id_run(3, 20)};
  add.next_file_number = 4;
  state = *apply_edit(state, add);
  ManifestEdit remove;
  remove.remove_id_runs = {3};
  state = *apply_edit(state, remove);
  CHECK(state.removed_files == std::set<uint64_t>{3});
  ManifestEdit unlinked;
  unlinked.unlinked_files = {3};
  CHECK(apply_edit(state, unlinked)->removed_files.empty());
  unlinked.unlinked_files = {2};
  CHECK(refusal(state, unlinked) == "manifest: file 2 is unlinked and was not removed");
}
