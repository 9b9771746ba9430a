#include "engine/flush.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <system_error>
#include <thread>

#include "base/limits.h"
#include "base/random.h"
#include "base/this_thread.h"
#include "engine/dead_letter_flush.h"
#include "engine/retraction_log.h"
#include "engine/row_order.h"

namespace tally {
namespace {

// Gathers rows from chunks into the column arrays of one stretch of a segment; the arrays are reused from stretch to
// stretch, so a flush needs memory for one of them, not for the table.
class Gather {
 public:
  explicit Gather(const Schema& schema) : dimensions_(schema.dimensions().size()), fields_(schema.fields().size()) {}

  // Valid until the next call.
  const RawColumns& rows(const ChunkList& chunks, std::span<const RowRef> rows) {
    columns_.rows = static_cast<uint32_t>(rows.size());
    columns_.times = gather(times_, chunks, rows, [](const Chunk& chunk) { return chunk.times(); });
    columns_.arrivals = gather(arrivals_, chunks, rows, [](const Chunk& chunk) { return chunk.arrivals(); });
    columns_.lsns = gather(lsns_, chunks, rows, [](const Chunk& chunk) { return chunk.lsns(); });
    columns_.kinds = gather(kinds_, chunks, rows, [](const Chunk& chunk) { return chunk.kinds(); });
    columns_.ids = gather(ids_, chunks, rows, [](const Chunk& chunk) { return chunk.ids(); });
    columns_.id_kinds = gather(id_kinds_, chunks, rows, [](const Chunk& chunk) { return chunk.id_kinds(); });
    codes_.resize(dimensions_);
    columns_.codes.resize(dimensions_);
    for (size_t d = 0; d < dimensions_; ++d) {
      columns_.codes[d] = gather(codes_[d], chunks, rows, [d](const Chunk& chunk) { return chunk.codes(d); });
    }
    field_arrays_.resize(fields_);
    columns_.fields.resize(fields_);
    for (size_t f = 0; f < fields_; ++f) gather_field(f, chunks, rows);
    return columns_;
  }

 private:
  struct FieldArrays {
    std::vector<int64_t> ints;
    std::vector<uint8_t> nulls;
    std::vector<StringRef> strings;
  };

  template <class T, class Column>
  static const T* gather(std::vector<T>& out, const ChunkList& chunks, std::span<const RowRef> rows, Column column) {
    std::vector<const T*> columns;  // by chunk: rows jump between chunks, and each jump is one look-up less
    columns.reserve(chunks.size());
    for (const auto& chunk : chunks) columns.push_back(column(*chunk));
    out.resize(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) out[i] = columns[rows[i].chunk][rows[i].row];
    return out.data();
  }

  void gather_field(size_t f, const ChunkList& chunks, std::span<const RowRef> rows) {
    FieldArrays& arrays = field_arrays_[f];
    RawColumns::Field& field = columns_.fields[f];
    field = {};
    if (chunks.front()->strings(f) != nullptr) {
      field.strings = gather(arrays.strings, chunks, rows, [f](const Chunk& chunk) { return chunk.strings(f); });
      return;
    }
    field.ints = gather(arrays.ints, chunks, rows, [f](const Chunk& chunk) { return chunk.ints(f); });
    field.nulls = gather(arrays.nulls, chunks, rows, [f](const Chunk& chunk) { return chunk.nulls(f); });
  }

  const size_t dimensions_, fields_;
  RawColumns columns_;
  std::vector<TimeUs> times_, arrivals_;
  std::vector<Lsn> lsns_;
  std::vector<RowKind> kinds_;
  std::vector<IdSlot> ids_;
  std::vector<IdKind> id_kinds_;
  std::vector<std::vector<uint32_t>> codes_;
  std::vector<FieldArrays> field_arrays_;
};

uint64_t count_rows(const ChunkList& chunks) {
  uint64_t rows = 0;
  for (const auto& chunk : chunks) rows += chunk->rows();
  return rows;
}

// Rows of a chunk stand in the order of their records. The event time is the median of the record's rows: most lie close to
// it, and one producer with a wrong clock does not move it.
std::vector<RecordTime> record_times(const ChunkList& chunks) {
  std::vector<RecordTime> records;
  std::vector<TimeUs> times;
  auto finish = [&] {
    if (times.empty()) return;
    auto middle = times.begin() + static_cast<ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    records.back().event = *middle;
    times.clear();
  };
  for (const auto& chunk : chunks) {
    for (uint32_t row = 0, rows = chunk->rows(); row < rows; ++row) {
      const Lsn lsn = chunk->lsns()[row];
      if (records.empty() || records.back().lsn != lsn) {
        finish();
        records.push_back({.lsn = lsn, .arrival = chunk->arrivals()[row]});
      }
      times.push_back(chunk->times()[row]);
    }
  }
  finish();
  return records;
}

// Chunks of one schema version.
Result<SegmentInfo> write_chunks(const FlushContext& context, const ChunkList& chunks, uint64_t number) {
  const ManifestState& state = *context.manifest->state();
  auto schema = std::make_shared<const Schema>(chunks.front()->schema());
  std::vector<const Dictionary*> dictionaries;
  for (const auto& dictionary : context.dictionaries->of(*schema)) dictionaries.push_back(dictionary.get());
  TALLY_ASSIGN_OR_RETURN(std::unique_ptr<SegmentWriter> writer,
                         SegmentWriter::create({.fs = context.fs,
                                                .directory = context.paths.segment_directory(),
                                                .number = number,
                                                .uuid = random_uuid(),
                                                .table_uuid = state.table_uuid,
                                                .schema = schema,
                                                .dictionaries = std::move(dictionaries),
                                                .block_rows = context.segment_block_rows,
                                                .rows_max = count_rows(chunks),
                                                .records = record_times(chunks)}));
  Gather gather(*schema);
  for (const DayRows& day : order_rows(chunks)) {
    std::span<const RowRef> rest(day.rows);
    while (!rest.empty()) {
      const size_t count = std::min<size_t>(rest.size(), limits::kChunkRows);
      TALLY_TRY(writer->add(day.day, gather.rows(chunks, rest.first(count))));
      rest = rest.subspan(count);
    }
  }
  return writer->finish();
}

// What came to be of a shard, also after an error.
struct WrittenShard {
  Status status;
  std::vector<SegmentInfo> segments;
  std::vector<SpilledIds> ids;
};

// A segment for each schema version that the shard's rows have.
Status write_rows(const FlushContext& context, const ChunkList& chunks, WrittenShard& written) {
  std::map<uint32_t, ChunkList> by_version;
  for (const auto& chunk : chunks) by_version[chunk->schema().version].push_back(chunk);
  for (const auto& [version, same] : by_version) {
    TALLY_ASSIGN_OR_RETURN(SegmentInfo segment, write_chunks(context, same, context.manifest->take_number()));
    written.segments.push_back(std::move(segment));
  }
  return {};
}

// A run for each generation that had new ids.
Status write_ids(const FlushContext& context, std::span<const SpillWork> spills, WrittenShard& written) {
  const std::array<uint8_t, 16> table_uuid = context.manifest->state()->table_uuid;
  for (const SpillWork& work : spills) {
    TALLY_ASSIGN_OR_RETURN(SpilledIds spilled, write_spill(work, {.fs = context.fs,
                                                                  .directory = context.paths.id_run_directory(),
                                                                  .number = context.manifest->take_number(),
                                                                  .uuid = random_uuid(),
                                                                  .table_uuid = table_uuid}));
    written.ids.push_back(std::move(spilled));
  }
  return {};
}

Status write_shard(const FlushContext& context, const FrozenShard& shard, WrittenShard& written) {
  TALLY_TRY(write_rows(context, shard.chunks, written));
  return write_ids(context, shard.ids.spills, written);
}

// False: the system has no thread left to give.
bool start_part(std::vector<std::jthread>& threads, const std::function<void(size_t)>& write, size_t part) {
  try {
    threads.emplace_back([&write, part] {
      name_this_thread("flush part");
      write(part);
    });
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

// Producers wait for this when memory is full, so it takes the processors that there are, and one shard writes while another syncs.
Status write_shards(const FlushContext& context, const FlushJob& job, ManifestEdit& edit, FlushedIds& flushed) {
  std::vector<WrittenShard> parts(job.shards.size());
  const std::function<void(size_t)> write = [&](size_t i) {
    parts[i].status = write_shard(context, job.shards[i], parts[i]);
  };
  std::vector<std::jthread> others;
  for (size_t i = 1; i < parts.size(); ++i) {
    if (job.shards[i].chunks.empty() && job.shards[i].ids.spills.empty()) continue;
    if (!context.threads || !start_part(others, write, i)) write(i);
  }
  if (!parts.empty()) write(0);
  others.clear();  // joins
  Status first;
  for (WrittenShard& part : parts) {
    std::ranges::move(part.segments, std::back_inserter(edit.add_segments));
    for (const SpilledIds& spilled : part.ids) edit.add_id_runs.push_back(spilled.run->info());
    flushed.by_shard.push_back(std::move(part.ids));
    if (first && !part.status) first = part.status;
  }
  return first;
}

// Cuts ranges so that each part holds about limits::kDictionaryFileBytes of values: one file each.
std::vector<std::vector<DictionaryRange>> split_by_size(std::span<const DictionaryRange> ranges) {
  std::vector<std::vector<DictionaryRange>> parts;
  uint64_t bytes = limits::kDictionaryFileBytes;
  for (const DictionaryRange& range : ranges) {
    for (uint32_t code = range.first_code; code < range.end_code; ++code) {
      if (bytes >= limits::kDictionaryFileBytes) {
        parts.emplace_back();
        bytes = 0;
      }
      std::vector<DictionaryRange>& part = parts.back();
      if (part.empty() || part.back().dimension_id != range.dimension_id) {
        part.push_back({range.dimension_id, range.dictionary, code, code});
      }
      part.back().end_code = code + 1;
      bytes += range.dictionary->value(code).size() + sizeof(uint32_t);
    }
  }
  return parts;
}

// What the dictionaries gained since the manifest's last edit.
Status write_dictionaries(const FlushContext& context, const FlushJob& job, ManifestEdit& edit) {
  const std::shared_ptr<const ManifestState> state = context.manifest->state();
  std::vector<DictionaryRange> ranges;
  for (const auto& [id, size] : job.dictionary_sizes) {
    const auto known = state->dictionary_sizes.find(id);
    const uint32_t first = known == state->dictionary_sizes.end() ? kFirstValueCode : known->second;
    if (size <= first) continue;
    ranges.push_back({id, context.dictionaries->find(id).get(), first, size});
    edit.dictionary_sizes[id] = size;
  }
  for (const std::vector<DictionaryRange>& part : split_by_size(ranges)) {
    TALLY_ASSIGN_OR_RETURN(DictionaryFileInfo info,
                           write_dictionary_file(*context.fs, context.paths.dictionary_directory(),
                                                 context.manifest->take_number(), random_uuid(), part));
    edit.add_dictionary_files.push_back(info);
  }
  return {};
}

// What changed since the flush before, together with the small files that it takes along.
Status write_retractions(const FlushContext& context, const FlushJob& job, ManifestEdit& edit) {
  const std::shared_ptr<const ManifestState> state = context.manifest->state();
  std::vector<Retraction> changes;
  for (const FrozenShard& shard : job.shards) {
    if (shard.retractions == nullptr) continue;
    std::vector<Retraction> more = shard.retractions->read(job.log.flushed_lsn);
    changes.insert(changes.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  const Lsn resolved_lsn = job.shards.front().resolved_lsn;
  if (resolved_lsn > state->resolved_lsn) edit.resolved_lsn = resolved_lsn;
  if (changes.empty()) return {};
  changes = newest_by_key(std::move(changes));
  const std::span<const RetractionFileInfo> live(state->retraction_files);
  const std::span<const RetractionFileInfo> joined = live.last(retraction_files_to_join(live, changes.size()));
  TALLY_ASSIGN_OR_RETURN(RetractionFiles files, open_retraction_files(*context.fs, context.paths, joined));
  TALLY_ASSIGN_OR_RETURN(std::vector<Retraction> all, read_retractions(files));
  all.insert(all.end(), std::make_move_iterator(changes.begin()), std::make_move_iterator(changes.end()));
  if (!joined.empty()) all = newest_by_key(std::move(all));
  TALLY_ASSIGN_OR_RETURN(
      RetractionFileInfo info,
      write_retraction_file(*context.fs, context.paths, context.manifest->take_number(), random_uuid(), all));
  for (const RetractionFileInfo& file : joined) edit.remove_retraction_files.push_back(file.number);
  edit.add_retraction_files.push_back(info);
  return {};
}

// Every shard has applied the same FORGET records: horizons move and runs go in the edit that lets the log drop them.
void add_forgets(const FlushJob& job, const ManifestState& state, ManifestEdit& edit) {
  for (const auto& [place, horizon] : job.shards.front().horizons) {
    auto known = state.horizons.find(place);
    if (known == state.horizons.end() || known->second < horizon) edit.horizons[place] = horizon;
  }
  for (const auto& forget : job.shards.front().forgets) {
    const RememberedIds::GenerationId& id = forget->id;
    for (const auto& [number, run] : state.id_runs) {
      if (run.place.lateness_class == id.lateness_class && run.place.generation == id.generation) {
        edit.remove_id_runs.push_back(number);
      }
    }
  }
}

Status write_and_commit(const FlushContext& context, const FlushJob& job, ManifestEdit& edit, FlushedIds& flushed) {
  const std::shared_ptr<const ManifestState> state = context.manifest->state();
  Ledger ledger = job.ledger_before;
  TimeUs newest_event = state->newest_event_us;
  for (const FrozenShard& shard : job.shards) {
    ledger += shard.ledger;
    newest_event = std::max(newest_event, shard.newest_event_us);
  }
  TALLY_TRY(write_shards(context, job, edit, flushed));
  TALLY_TRY(write_dictionaries(context, job, edit));
  TALLY_TRY(write_retractions(context, job, edit));
  if (job.new_schema) edit.add_schema = job.new_schema;
  TALLY_TRY(write_letters(context, job, *state, edit));
  edit.log = job.log;
  edit.ledger = ledger;
  edit.newest_event_us = newest_event;
  if (job.arrival_back) {
    edit.arrival_back_us = job.newest_arrival_us;
  } else {
    edit.newest_arrival_us = std::max(state->newest_arrival_us, job.newest_arrival_us);
  }
  edit.newest_forget_us = std::max(state->newest_forget_us, job.newest_forget_us);
  if (job.anchor && job.anchor != state->anchor) edit.anchor = job.anchor;
  edit.reference_us = std::max(state->reference_us, job.reference_us);
  // Whatever stands there of what was forgotten, runs that a merge has just made included.
  return context.manifest->commit(edit, [&](const ManifestState& now, ManifestEdit& change) -> Status {
    add_forgets(job, now, change);
    return {};
  });
}

// The files of an edit that was never committed: nothing names them, and the room is needed.
void remove_written(const FlushContext& context, const ManifestEdit& edit) {
  for (const SegmentInfo& segment : edit.add_segments) {
    (void)context.fs->unlink(context.paths.segment(segment.number));
  }
  for (const DictionaryFileInfo& file : edit.add_dictionary_files) {
    (void)context.fs->unlink(context.paths.dictionary(file.number));
  }
  for (const IdRunInfo& run : edit.add_id_runs) (void)context.fs->unlink(context.paths.id_run(run.number));
  for (const RetractionFileInfo& file : edit.add_retraction_files) {
    (void)context.fs->unlink(context.paths.retraction(file.number));
  }
  remove_written_letters(context, edit);
}

// The manifest forgets their numbers only when no power failure brings them back.
void unlink_numbers(const FlushContext& context, const std::string& directory, std::span<const uint64_t> numbers,
                    const std::function<std::string(uint64_t)>& path_of) {
  if (numbers.empty()) return;
  std::vector<uint64_t> gone;
  for (uint64_t number : numbers) {
    const Status unlinked = context.fs->unlink(path_of(number));
    if (unlinked || unlinked.error().code == Code::kNotFound) gone.push_back(number);
  }
  if (!context.fs->sync_directory(directory)) return;
  for (uint64_t number : gone) context.manifest->unlinked(number);
}

}  // namespace

void unlink_removed(const FlushContext& context, const RemovedFiles& removed) {
  const TablePaths& paths = context.paths;
  unlink_numbers(context, paths.id_run_directory(), removed.id_runs,
                 [&](uint64_t number) { return paths.id_run(number); });
  unlink_numbers(context, paths.retraction_directory(), removed.retraction_files,
                 [&](uint64_t number) { return paths.retraction(number); });
  unlink_numbers(context, paths.letter_directory(), removed.letter_files,
                 [&](uint64_t number) { return paths.letter_file(number); });
}

Result<Flushed> flush(const FlushContext& context, const FlushJob& job) {
  for (const FrozenShard& shard : job.shards) TALLY_TRY(shard.health);
  ManifestEdit edit;
  Flushed flushed;
  const Status status = write_and_commit(context, job, edit, flushed.ids);
  if (status) {
    TALLY_ASSIGN_OR_RETURN(
        flushed.retraction_files,
        open_retraction_files(*context.fs, context.paths, context.manifest->state()->retraction_files));
    letters_committed(context, edit);
    flushed.removed = {.id_runs = edit.remove_id_runs,
                       .retraction_files = edit.remove_retraction_files,
                       .letter_files = edit.remove_letter_files};
    return flushed;
  }
  if (status.error().code == Code::kNoSpace) remove_written(context, edit);
  return std::unexpected(status.error());
}

std::vector<ForgetRecord> join_forgettable(std::span<const std::vector<ForgetRecord>> by_shard) {
  std::map<RememberedIds::GenerationId, IdRunSummary> joined;
  for (const std::vector<ForgetRecord>& records : by_shard) {
    for (const ForgetRecord& record : records) {
      joined[record.id].merge({.newest_arrival_us = 0, .max_lsn = 0, .newest = record.newest});
    }
  }
  std::vector<ForgetRecord> all;
  for (auto& [id, summary] : joined) all.push_back({id, std::move(summary.newest)});
  return all;
}

Result<std::optional<MergedIds>> merge_ids(const FlushContext& context, const MergeWork& work) {
  if (!writes_a_run(work)) return write_merge(work, {});
  const uint64_t number = context.manifest->take_number();
  TALLY_ASSIGN_OR_RETURN(MergedIds merged, write_merge(work, {.fs = context.fs,
                                                              .directory = context.paths.id_run_directory(),
                                                              .number = number,
                                                              .uuid = random_uuid(),
                                                              .table_uuid = context.manifest->state()->table_uuid}));
  ManifestEdit edit;
  edit.add_id_runs.push_back(merged.run->info());
  edit.remove_id_runs = merged.inputs;
  bool forgotten = false;
  auto still_live = [&](const ManifestState& state, ManifestEdit&) -> Status {
    forgotten = !std::all_of(merged.inputs.begin(), merged.inputs.end(),
                             [&](uint64_t input) { return state.id_runs.contains(input); });
    return forgotten ? Status(fail(Code::kNotFound, "the runs were forgotten")) : Status{};
  };
  const Status committed = context.manifest->commit(edit, still_live);
  if (committed) return merged;
  if (forgotten || committed.error().code == Code::kNoSpace) remove_written(context, edit);
  if (forgotten) return std::nullopt;
  return std::unexpected(committed.error());
}

}  // namespace tally
