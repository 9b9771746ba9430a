#include "tests/support/engine/corruption_sweep.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/file_names.h"
#include "base/random.h"
#include "engine/check.h"
#include "engine/manifest_format.h"
#include "engine/segment_format.h"
#include "tests/support/manual_clock.h"
#include "wal/log_format.h"

namespace tally {
namespace {

constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kSmallFileBytes = 256;

FileKind kind_of(const std::string& path) { return parse_file_name(base_name(path)).kind; }

// Where the footer of a segment begins, as the file itself says.
uint64_t footer_offset(const Bytes& segment) {
  const size_t trailer = segment.size() - segment_format::kTrailerBytes;
  auto decoded = segment_format::decode_trailer(ByteSpan(segment).subspan(trailer));
  TALLY_CHECK(decoded.has_value());
  return decoded->footer_offset;
}

bool is_header_or_footer(const CorruptionWorld& world, const CorruptionWorld::StoredFile& file, uint64_t offset) {
  const uint64_t in_page = offset % kPageBytes;
  switch (kind_of(file.path)) {
    case FileKind::kSegment: return offset < segment_format::kHeaderBytes || offset >= footer_offset(file.content);
    case FileKind::kManifest:
      if (file.path != world.manifest_in_force() || !file.holds_something(offset)) return false;
      return in_page <
             manifest_format::kFrameHeaderBytes + (offset < kPageBytes ? manifest_format::kFileHeaderBytes : 0);
    case FileKind::kLogFile:
      return file.holds_something(offset) && in_page < kLogGroupHeaderBytes + kLogRecordHeaderBytes;
    case FileKind::kLogSpare: return false;
    default: return file.content.size() <= kSmallFileBytes;
  }
}

}  // namespace

std::string_view harm_name(Harm harm) {
  static constexpr std::array<std::string_view, kHarms> kNames = {"flip", "cut", "zero", "remove", "swap", "stale"};
  return kNames[static_cast<size_t>(harm)];
}

// --- the plan --------------------------------------------------------------------------------------------------------

CorruptionPlan::CorruptionPlan(const CorruptionWorld& world) : world_(world) {
  const auto& files = world.files();
  for (size_t f = 0; f < files.size(); ++f) {
    const uint64_t size = files[f].content.size();
    add(Harm::kFlip, f, size * 8);
    add(Harm::kCut, f, size);
    add(Harm::kZero, f, (size + CorruptionWorld::kSectorBytes - 1) / CorruptionWorld::kSectorBytes);
    add(Harm::kRemove, f, 1);
    for (size_t g = f + 1; g < files.size(); ++g) {
      if (kind_of(files[f].path) == kind_of(files[g].path))
        swaps_.push_back({.harm = Harm::kSwap, .file = f, .other = g});
    }
  }
  add(Harm::kSwap, 0, swaps_.size());
  add(Harm::kStale, 0, world.old_versions().size());
}

void CorruptionPlan::add(Harm harm, size_t file, uint64_t count) {
  if (count == 0) return;
  ranges_.push_back({harm, file, size_ + 1, count});
  size_ += count;
}

uint64_t CorruptionPlan::number_of(Harm harm, size_t file, uint64_t index) const {
  auto found = std::find_if(ranges_.begin(), ranges_.end(),
                            [&](const Range& range) { return range.harm == harm && range.file == file; });
  TALLY_CHECK(found != ranges_.end() && index < found->count);
  return found->first + index;
}

HarmedPlace CorruptionPlan::at(uint64_t number) const {
  TALLY_CHECK(number >= 1 && number <= size_);
  auto behind = std::upper_bound(ranges_.begin(), ranges_.end(), number,
                                 [](uint64_t n, const Range& range) { return n < range.first; });
  const Range& range = *(behind - 1);
  const uint64_t index = number - range.first;
  HarmedPlace place{.harm = range.harm, .file = range.file, .offset = index};
  switch (range.harm) {
    case Harm::kFlip:
      place.offset = index / 8;
      place.bit = index % 8;
      break;
    case Harm::kZero: place.offset = index * CorruptionWorld::kSectorBytes; break;
    case Harm::kSwap: return swaps_[index];
    case Harm::kStale: {
      place.other = index;
      const auto& files = world_.files();
      auto file = std::find_if(files.begin(), files.end(), [&](const CorruptionWorld::StoredFile& candidate) {
        return candidate.path == world_.old_versions()[index].path;
      });
      place.file = static_cast<size_t>(file - files.begin());
      break;
    }
    default: break;
  }
  return place;
}

std::string CorruptionPlan::describe(uint64_t number) const {
  const HarmedPlace place = at(number);
  std::string text = "harm " + std::to_string(number) + ": " + std::string(harm_name(place.harm)) + " of " +
                     world_.files()[place.file].path;
  if (place.harm <= Harm::kZero) text += " at " + std::to_string(place.offset);
  if (place.harm == Harm::kFlip) text += ", bit " + std::to_string(place.bit);
  if (place.harm == Harm::kSwap) text += " with " + world_.files()[place.other].path;
  if (place.harm == Harm::kStale) text += ", version " + std::to_string(place.other);
  return text + " (" + std::string(CorruptionWorld::name(world_.ending())) + ", seed " + std::to_string(world_.seed()) +
         ")";
}

std::vector<uint64_t> CorruptionPlan::every_byte() const {
  constexpr uint64_t kZerosStep = 61;
  std::vector<uint64_t> numbers;
  for (size_t f = 0; f < world_.files().size(); ++f) {
    const CorruptionWorld::StoredFile& file = world_.files()[f];
    for (uint64_t at = 0; at < file.content.size(); ++at) {
      if (!file.holds_something(at) && at % kZerosStep != 0) continue;
      const uint64_t bit = Random(world_.seed() * 1'000'003 + f * 100'003 + at).below(8);
      numbers.push_back(number_of(Harm::kFlip, f, at * 8 + bit));
    }
  }
  return numbers;
}

std::vector<uint64_t> CorruptionPlan::header_and_footer_bits() const {
  std::vector<uint64_t> numbers;
  for (size_t f = 0; f < world_.files().size(); ++f) {
    const CorruptionWorld::StoredFile& file = world_.files()[f];
    for (uint64_t at = 0; at < file.content.size(); ++at) {
      if (!is_header_or_footer(world_, file, at)) continue;
      for (uint64_t bit = 0; bit < 8; ++bit) numbers.push_back(number_of(Harm::kFlip, f, at * 8 + bit));
    }
  }
  return numbers;
}

std::vector<uint64_t> CorruptionPlan::the_rest() const {
  constexpr uint64_t kCutStep = 37;
  std::vector<uint64_t> numbers;
  for (const Range& range : ranges_) {
    if (range.harm == Harm::kFlip) continue;
    for (uint64_t i = 0; i < range.count; ++i) {
      const bool border = i % kPageBytes <= 1 || i % kPageBytes == kPageBytes - 1 || i + 1 == range.count;
      const bool something = range.harm != Harm::kCut || world_.files()[range.file].holds_something(i);
      if (range.harm == Harm::kCut && !border && (i % kCutStep != 0 || !something)) continue;
      numbers.push_back(range.first + i);
    }
  }
  return numbers;
}

// --- harming and judging ---------------------------------------------------------------------------------------------

namespace {

class Sweeper {
 public:
  Sweeper(const CorruptionWorld& world, const CorruptionPlan& plan, const CorruptionSweepOptions& options)
      : world_(world), plan_(plan), options_(options) {}

  CorruptionSweepResult run(const std::vector<uint64_t>& numbers);

 private:
  struct Seen {                                        // what a harmed database says
    std::optional<std::vector<std::string>> problems;  // of `check`; not asked
    Result<Answers> answers = fail(Code::kInternal, "not asked");
  };

  bool harm(const HarmedPlace& place);
  void undo(const HarmedPlace& place, uint64_t changes_before);
  Seen look(uint64_t number);
  std::vector<std::string> check();
  std::string judge(uint64_t number, const HarmedPlace& place, const Seen& seen);
  std::string judge_refusal(const HarmedPlace& place, const Error& error) const;
  std::string judge_same(uint64_t number, const HarmedPlace& place, const Seen& seen);
  std::string judge_resend(const HarmedPlace& place);
  std::string tolerated(const HarmedPlace& place, const Answers& answers) const;
  bool names(const HarmedPlace& place, std::string_view message) const;

  const CorruptionWorld& world_;
  const CorruptionPlan& plan_;
  const CorruptionSweepOptions& options_;
  std::unique_ptr<SimDisk> disk_;  // nullptr: to be copied anew
  CorruptionSweepResult result_;
};

CorruptionSweepResult Sweeper::run(const std::vector<uint64_t>& numbers) {
  constexpr uint64_t kProgressEvery = 1000;
  for (uint64_t number : numbers) {
    if (options_.stop()) break;
    const HarmedPlace place = plan_.at(number);
    if (disk_ == nullptr) disk_ = world_.disk();
    if (!harm(place)) continue;
    const uint64_t changes = disk_->changes();
    const Seen seen = look(number);
    ++result_.states;
    const std::string wrong = judge(number, place, seen);
    if (!wrong.empty()) {
      result_.failed_number = number;
      result_.failure = wrong + " [" + plan_.describe(number) + "]";
      break;
    }
    undo(place, changes);
    if (options_.progress && result_.states % kProgressEvery == 0) options_.progress(result_.states);
  }
  return std::move(result_);
}

// False if nothing would change.
bool Sweeper::harm(const HarmedPlace& place) {
  const CorruptionWorld::StoredFile& file = world_.files()[place.file];
  switch (place.harm) {
    case Harm::kFlip: return disk_->flip_bit(file.path, place.offset, place.bit);
    case Harm::kCut: return disk_->cut(file.path, place.offset);
    case Harm::kZero: {
      if (!file.holds_something(place.offset)) return false;
      const Bytes zeros(std::min(CorruptionWorld::kSectorBytes, file.content.size() - place.offset));
      return disk_->overwrite(file.path, place.offset, zeros);
    }
    case Harm::kRemove:
      return disk_->unlink(file.path).has_value() && disk_->sync_directory(parent_path(file.path)).has_value();
    case Harm::kSwap: {
      const CorruptionWorld::StoredFile& other = world_.files()[place.other];
      if (file.content == other.content) return false;
      replace_file(*disk_, file.path, other.content);
      replace_file(*disk_, other.path, file.content);
      return true;
    }
    case Harm::kStale: replace_file(*disk_, file.path, world_.old_versions()[place.other].content); return true;
  }
  return false;
}

// A start that found nothing to recover has written nothing: then the byte is put back, which is cheaper than a new copy.
void Sweeper::undo(const HarmedPlace& place, uint64_t changes_before) {
  const CorruptionWorld::StoredFile& file = world_.files()[place.file];
  if (place.harm == Harm::kFlip && disk_ != nullptr && disk_->changes() == changes_before) {
    TALLY_CHECK(disk_->flip_bit(file.path, place.offset, place.bit));
    return;
  }
  disk_.reset();
}

// `check` first where a start would recover, and so change what there is to see; else where it has something to say.
Sweeper::Seen Sweeper::look(uint64_t number) {
  Seen seen;
  const bool recovers = world_.ending() != CorruptionWorld::Ending::kClosed;
  const bool sampled = number % options_.check_every == 0;
  if (recovers) seen.problems = check();
  seen.answers = world_.ask(*disk_);
  if (!recovers && (seen.answers || sampled)) seen.problems = check();
  return seen;
}

std::vector<std::string> Sweeper::check() {
  ManualClock clock(world_.now_us());
  auto checked = check_database(*disk_, clock, CorruptionWorld::kPath);
  if (!checked) return {checked.error().message};
  std::vector<std::string> problems;
  for (TableCheck& table : *checked) problems.insert(problems.end(), table.problems.begin(), table.problems.end());
  return problems;
}

// Where a whole file is another one or none, what misses it may be named instead.
bool Sweeper::names(const HarmedPlace& place, std::string_view message) const {
  const std::string& path = world_.files()[place.file].path;
  const bool whole_file = place.harm >= Harm::kRemove;
  return message.find(whole_file ? CorruptionWorld::kTablePath : path) != std::string_view::npos ||
         message.find(path) != std::string_view::npos;
}

std::string Sweeper::judge_refusal(const HarmedPlace& place, const Error& error) const {
  const bool marker_gone = place.harm == Harm::kRemove && kind_of(world_.files()[place.file].path) == FileKind::kMarker;
  if (marker_gone && error.code == Code::kNotFound) return "";
  if (error.code != Code::kCorruption) return "the error is no corruption: " + error.to_string();
  if (!names(place, error.message)) return "the error does not name the file: " + error.to_string();
  return "";
}

// Every byte of these lies under a sum, and nothing replaces them.
bool is_wholly_summed(FileKind kind) {
  return kind == FileKind::kSegment || kind == FileKind::kDictionary || kind == FileKind::kMarker ||
         kind == FileKind::kCurrent || kind == FileKind::kCleanMark || kind == FileKind::kIdRun ||
         kind == FileKind::kRetraction || kind == FileKind::kLetterFile;
}

std::string Sweeper::judge(uint64_t number, const HarmedPlace& place, const Seen& seen) {
  for (const std::string& problem : seen.problems.value_or(std::vector<std::string>{})) {
    if (problem.find(CorruptionWorld::kPath) == std::string::npos) return "`check` names no file: " + problem;
  }
  if (!seen.answers) {
    ++result_.refused;
    const Error& error = seen.answers.error();
    if (seen.problems && seen.problems->empty()) return "refused, and `check` finds nothing: " + error.to_string();
    return judge_refusal(place, error);
  }
  if (*seen.answers == world_.answers()) return judge_same(number, place, seen);
  const std::string exception = tolerated(place, *seen.answers);
  if (exception.empty()) return "other answers, and no error";
  ++result_.tolerated[exception];
  return "";
}

std::string Sweeper::judge_same(uint64_t number, const HarmedPlace& place, const Seen& seen) {
  const bool reported = seen.problems && !seen.problems->empty();
  ++(reported ? result_.reported : result_.same);
  const bool summed = is_wholly_summed(kind_of(world_.files()[place.file].path));
  if (summed && !reported && place.harm != Harm::kRemove) return "`check` does not see the harm";
  if (options_.resend_every == 0 || number % options_.resend_every != 0) return "";
  ++result_.resent;
  return judge_resend(place);
}

// What still answers must go on well, or say why not.
std::string Sweeper::judge_resend(const HarmedPlace& place) {
  Error refused;
  const std::string wrong = world_.resend(*disk_, refused);
  disk_.reset();
  if (!wrong.empty()) return "going on: " + wrong;
  return refused.message.empty() ? "" : judge_refusal(place, refused);
}

// Up to which LSN the rows of a log that was not closed survive this harm of its newest file, when nothing behind the harm
// says that there was more (docs/TESTING.md, "Known limits"); and which of the known exceptions that is.
struct Exception {
  std::string_view name;
  Lsn last_lsn = 0;
};

std::optional<Exception> exception_for(const CorruptionWorld& world, const HarmedPlace& place) {
  const CorruptionWorld::NewestLog& log = world.newest_log();
  if (log.groups.empty() || world.files()[place.file].path != log.path) return std::nullopt;
  const CorruptionWorld::LogGroupPlace& last = log.groups.back();
  switch (place.harm) {
    case Harm::kFlip:
    case Harm::kZero: {
      const uint64_t harmed_bytes = place.harm == Harm::kZero ? CorruptionWorld::kSectorBytes : 1;
      if (place.offset + harmed_bytes <= last.offset || place.offset >= last.end) return std::nullopt;
      return Exception{"harm of the last group of an unsealed log", log.last_lsn_within(last.offset)};
    }
    case Harm::kRemove: return Exception{"removal of the newest file of an open log", log.lsn_before};
    case Harm::kStale: {
      const Bytes& old = world.old_versions()[place.other].content;
      uint64_t end = 0;
      while (end < old.size() && old[end] != 0) end += kPageBytes;
      return Exception{"an open log put back to an earlier state", log.last_lsn_within(end)};
    }
    default: return std::nullopt;
  }
}

// The name of the exception, if the answers are exactly what is left then; or "".
std::string Sweeper::tolerated(const HarmedPlace& place, const Answers& answers) const {
  const std::optional<Exception> exception = exception_for(world_, place);
  if (!exception) return "";
  std::vector<Answers::Row> left;
  std::copy_if(world_.answers().rows.begin(), world_.answers().rows.end(), std::back_inserter(left),
               [&](const Answers::Row& row) { return row.lsn <= exception->last_lsn; });
  const bool exactly = answers.rows == left && answers.ledger.balanced() && answers.ledger.accepted == answers.events &&
                       answers.schema == world_.answers().schema;
  return exactly ? std::string(exception->name) : "";
}

}  // namespace

CorruptionSweepResult sweep_corruption(const CorruptionWorld& world, const CorruptionPlan& plan,
                                       const std::vector<uint64_t>& numbers, const CorruptionSweepOptions& options) {
  return Sweeper(world, plan, options).run(numbers);
}

std::string CorruptionSweepResult::summary() const {
  std::string text = std::to_string(states) + " harmed databases: " + std::to_string(refused) + " refused, " +
                     std::to_string(reported) + " reported by check, " + std::to_string(same) +
                     " without effect; of the last two " + std::to_string(resent) + " written to again";
  for (const auto& [name, count] : tolerated) text += ", " + std::to_string(count) + " tolerated (" + name + ")";
  return text;
}

}  // namespace tally
