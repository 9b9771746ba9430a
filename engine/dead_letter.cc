#include "engine/dead_letter.h"

#include <algorithm>

#include "base/limits.h"

namespace tally {

std::string to_string(const LetterId& id) { return std::to_string(id.lsn) + ":" + std::to_string(id.row); }

std::string_view raw_format_name(RawFormat format) {
  switch (format) {
    case RawFormat::kNone: return "none";
    case RawFormat::kCsv: return "csv";
    case RawFormat::kTsv: return "tsv";
    case RawFormat::kNdjson: return "ndjson";
  }
  return "unknown";
}

// A source that jumps about would cost more than it tells: behind the limit rows have no number.
std::vector<SourceRun> source_runs(std::span<const uint64_t> source_rows) {
  std::vector<SourceRun> runs;
  for (size_t i = 0; i < source_rows.size(); ++i) {
    const bool follows = i > 0 && source_rows[i] == source_rows[i - 1] + 1;
    if (follows) continue;
    const auto row = static_cast<uint32_t>(i);
    if (runs.size() + 1 == limits::kSourceRunsMax) {
      runs.push_back({row, 0});
      break;
    }
    runs.push_back({row, source_rows[i]});
  }
  return runs;
}

uint64_t source_row_of(std::span<const SourceRun> runs, uint32_t row) {
  auto behind = std::ranges::upper_bound(runs, row, {}, &SourceRun::row);
  if (behind == runs.begin()) return 0;
  const SourceRun& run = *(behind - 1);
  return run.source_row == 0 ? 0 : run.source_row + (row - run.row);
}

std::string_view LetterBundle::reason(size_t letter) const {
  return has_rows() ? verdict_name(letters[letter].verdict) : std::string_view(rejected[letter].code);
}

uint64_t LetterBundle::memory_bytes() const {
  uint64_t bytes = sizeof(*this) + source.name.size() + source.header.size() + source.mapping.size() +
                   letters.size() * sizeof(DeadLetter) + payload.size() + rejected.size() * sizeof(RejectedRow);
  for (const RejectedRow& row : rejected) bytes += row.code.size() + row.message.size() + row.raw.size();
  return bytes;
}

}  // namespace tally
