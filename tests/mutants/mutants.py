"""Bugs planted one at a time: what ./dev mutants asks the tests to catch (reliability.md P13).

Each names the file, the text that stands there once, what takes its place, and the tests that have to fail, the quickest
first. A text that is not there exactly once ends the run: the list has to follow the code.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    old: str
    new: str
    tests: tuple  # of (binary, filter of its test cases)


MODEL = (("model_tests", ""),)
WAL = (("wal_tests", ""),)
SWEEP = (("engine_tests", "*power failure at every*"),)
CORRUPTION = (("engine_tests", "corruption:*"),)


def engine(case):
    return (("engine_tests", case),)


MUTANTS = [
    # --- what has to reach the disk ---
    Mutant("a group of the log is durable before it is synced", "wal/group_pipeline.cc",
           "    written.state = State::kWritten;\n    return {};",
           "    written.state = State::kSynced;\n    retire_synced();\n    return {};", WAL + MODEL),
    Mutant("a new log file is not synced in its directory", "wal/log_files.cc",
           "  TALLY_TRY(not_for_space(options_.fs->sync_directory(options_.directory), options_.directory));\n"
           "  live_.push_back",
           "  live_.push_back", WAL + MODEL),
    Mutant("an edit of the manifest is not synced", "engine/manifest_file.cc",
           "  TALLY_TRY(file_->sync_data());\n", "", engine("manifest crash*") + MODEL),
    Mutant("a new manifest is not synced in its directory", "engine/manifest_file.cc",
           "  return fs.sync_directory(paths.directory());", "  return {};", engine("manifest crash*") + MODEL),
    Mutant("a segment is not synced", "engine/segment_writer.cc",
           "    TALLY_TRY(file_->sync());\n", "", engine("segment crash*") + MODEL),
    Mutant("a segment is not synced in its directory", "engine/segment_writer.cc",
           "    TALLY_TRY(options_.fs->sync_directory(options_.directory));\n", "", engine("segment crash*") + MODEL),
    Mutant("a run of ids is not synced", "engine/id_run_writer.cc",
           "    TALLY_TRY(file_->sync());\n", "", MODEL + SWEEP),
    Mutant("a run of ids is not synced in its directory", "engine/id_run_writer.cc",
           "    TALLY_TRY(options_.fs->sync_directory(options_.directory));\n", "", MODEL + SWEEP),
    Mutant("an atomic file is not synced in its directory", "base/file.cc",
           "  return fs.sync_directory(parent_path(path));", "  return {};", MODEL + SWEEP),
    Mutant("an atomic file is renamed before it is synced", "base/file.cc",
           "  return file->sync();  // before the file closes: an error is reported to the descriptor that saw it (W22)",
           "  return {};", (("base_tests", ""),) + WAL + MODEL),
    # --- what is read back ---
    Mutant("the payload of a record is not compared with its sum", "wal/log_format.cc",
           '  if (xxh3(view.payload) != view.payload_xxh3) return corrupt("payload of a record contradicts its checksum");\n',
           "", WAL),
    Mutant("a group need not be chained to the one before it", "wal/log_reader.cc",
           "} else if (header.chain != chain_) {", "} else if (false) {", WAL),
    Mutant("a damaged tail is torn although the manifest knows it was synced", "wal/log_recovery.cc",
           "  if (evidence.manifest_synced) return TailVerdict::kManifestSynced;\n", "", WAL + CORRUPTION),
    Mutant("a damaged group before a later durable one is torn", "wal/log_recovery.cc",
           "  if (evidence.later_group_durable) return TailVerdict::kLaterGroupDurable;\n", "", WAL),
    Mutant("the second copy of an edit is not read", "engine/manifest_reader.cc",
           "      if (frame->copy != 1 || !follows(*frame)) {", "      if (true) {", engine("manifest*") + CORRUPTION),
    Mutant("a block of a run is not compared with its sum", "engine/id_run_format.cc",
           "  if (load_le<uint64_t>(bytes.data() + before.size()) != xxh3(before)) {", "  if (false) {",
           engine("id run*") + CORRUPTION),
    # --- what a start makes of it ---
    Mutant("values new to a dictionary are not replayed", "engine/replay.cc",
           "    for (std::string_view value : addition.values) dictionary.add(value);",
           "    if (state_.log.flushed_lsn == 0) for (std::string_view value : addition.values) dictionary.add(value);",
           MODEL),
    Mutant("what was replayed is not persisted before the first write", "engine/open_table.cc",
           "  Status persisted = persist_recovered(replay);", "  Status persisted = {};", MODEL),
    Mutant("the manifest forgets the reference time", "engine/flush.cc",
           "  edit.reference_us = std::max(state->reference_us, job.reference_us);\n", "", MODEL),
    Mutant("too early rows move the reference time", "engine/logged_batch.cc",
           "    if (time <= arrival_us + limits::kFutureSkewUs) newest = std::max(newest, time);",
           "    if (time <= arrival_us + 1000 * limits::kFutureSkewUs) newest = std::max(newest, time);", MODEL),
    Mutant("the ledger of one shard is left out of the manifest", "engine/flush.cc",
           "    ledger += shard.ledger;", "    if (&shard != &job.shards.back()) ledger += shard.ledger;", MODEL),
    # --- exactly once ---
    Mutant("the runs of some generations are not asked", "engine/remembered_ids.cc",
           "      TALLY_TRY(ask(generation));", "      if (number % 16 != 3) TALLY_TRY(ask(generation));", MODEL),
    Mutant("a base takes the place of a filter that has grown meanwhile", "engine/remembered_filters.cc",
           "    if (place == kNone) continue;  // it has grown",
           "    if (place == kNone) {\n      keep(0);\n      continue;\n    }", engine("remembered*")),
    Mutant("a joined run is asked by the filters of its first input only", "engine/remembered_ids.cc",
           "filters |= is_input(live) ? live.filters : 0;",
           "if (filters == 0 && is_input(live)) filters = live.filters;", engine("remembered*")),
    Mutant("frozen ids are not looked up", "engine/remembered_ids.cc",
           "      for (const auto& frozen : generation.frozen) tables_.push_back(&frozen->table);\n", "",
           engine("remembered*") + MODEL),
    Mutant("a batch does not know its own ids", "engine/remembered_ids.cc",
           "    if (sorted_keys_[i] == sorted_keys_[i - 1]) repeats_[sorted_rows_[i]] = 1;",
           "    if (sorted_keys_[i] == sorted_keys_[i - 1]) repeats_[sorted_rows_[i]] = sorted_rows_[i] % 16 != 15;",
           MODEL + engine("remembered*")),
    Mutant("a sealed run is not asked", "engine/remembered_ids.cc",
           "    if (!ribbon_runs_[set].run) continue;", "    if (!ribbon_runs_[set].run || set % 4 == 3) continue;",
           engine("remembered*")),
    Mutant("a ribbon leaves out an id of a thousand", "engine/remembered_ribbon.cc",
           "  items_.push_back({key, static_cast<uint8_t>(set)});",
           "  if (key.lo % 1000 != 7) items_.push_back({key, static_cast<uint8_t>(set)});", engine("*ribbon*")),
    Mutant("a spilled run is not listed", "engine/flush.cc",
           "      edit.add_id_runs.push_back(one.run->info());",
           "      if (one.run->info().number % 13 != 5) edit.add_id_runs.push_back(one.run->info());", MODEL),
    Mutant("a merge leaves out an id of a thousand", "engine/id_run_merge.cc",
           "    piece_.push_back(entry);", "    if (entry.key.lo % 1000 != 7) piece_.push_back(entry);",
           engine("*merge*") + MODEL),
    Mutant("a generation is forgotten while it may still get ids", "engine/remembered_ids.cc",
           "__builtin_add_overflow(from, of.duration_us + limits::kForgetGraceUs, &from)",
           "__builtin_add_overflow(from, of.duration_us - of.third_us, &from)", MODEL + engine("*forget*")),
    Mutant("the last id on the horizon may be counted again", "engine/verdict.cc",
           "event_us <= rules.horizon_us", "event_us < rules.horizon_us", engine("verdict*") + MODEL),
    Mutant("no horizon is kept", "engine/flush.cc",
           "edit.horizons[place] = horizon;", "(void)horizon;", engine("forgetting*") + MODEL),
    Mutant("forgotten runs stay", "engine/flush.cc",
           "        edit.remove_id_runs.push_back(number);", "        (void)number;", engine("forgetting*") + MODEL),
    Mutant("a clock that jumped lets ids be forgotten", "engine/sequencer.cc",
           "arrival_.judge(config_.forget_boottime_us).believed();",
           "arrival_.judge(config_.forget_boottime_us).state != ClockState::kProving;", MODEL + engine("forgetting*")),
    Mutant("a replay waives what is too early", "engine/verdict.cc",
           "  if (event_us > plus(times.arrival_us, limits::kFutureSkewUs)) return Verdict::kTooEarly;",
           "  if (!times.replay && event_us > plus(times.arrival_us, limits::kFutureSkewUs)) return Verdict::kTooEarly;",
           engine("verdict*") + MODEL),
    Mutant("a replay is late like any other", "engine/verdict.cc",
           "  if (late && !times.replay) return Verdict::kTooLate;", "  if (late) return Verdict::kTooLate;",
           engine("verdict*") + MODEL),
    Mutant("a conflict is a duplicate", "engine/remembered_ids.cc",
           "  return known == digest ? RememberedIds::Probe::kSameDigest : RememberedIds::Probe::kOtherDigest;",
           "  return (known ^ digest) < 1u << 31 ? RememberedIds::Probe::kSameDigest : RememberedIds::Probe::kOtherDigest;",
           MODEL),
    Mutant("duplicates of old rows stand at their own time", "engine/shard.cc",
           "        batch.times[row] = logged.times.arrival_us;", "        (void)row;", MODEL),
    Mutant("arrival goes back with the wall clock", "engine/arrival_clock.cc",
           "  status.arrival_us = std::max(belief.last_arrival_us, now_us);", "  status.arrival_us = now_us;",
           engine("arrival*") + MODEL),
    # --- retractions ---
    Mutant("an event is taken back again", "engine/shard.cc",
           "    if (!retractions_.waits(key)) continue;  // once per id\n", "", engine("retractions*")),
    Mutant("a verdict on an id is taken each time it comes", "engine/shard.cc",
           "    if (retractions_.state_of(verdict.keys[row])) continue;\n", "", engine("retractions*") + MODEL),
    Mutant("an event that a verdict waits for stays", "engine/shard.cc",
           "      if (retractions_.any_waiting() && retractions_.waits(keys_[i])) {", "      if (false) {",
           engine("retractions*") + MODEL),
    Mutant("a verdict waits for ever", "engine/shard.cc",
           "  retractions_.expire(record.id, logged.lsn, logged.times.arrival_us);\n", "",
           engine("retractions*") + MODEL),
    # --- SET LATENESS ---
    Mutant("what an old class forgets is admitted by the new ones", "engine/shard.cc",
           "    for (uint32_t later = classes_.first_after(record.id.lateness_class); later < classes_.count(); ++later) {",
           "    for (uint32_t later = classes_.count(); later < classes_.count(); ++later) {",
           engine("set lateness*") + MODEL),
]
