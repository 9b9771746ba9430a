#include "tools/load/row_reports.h"

#include "base/limits.h"

namespace tally {

namespace {

RowFault fault_of(Verdict verdict) {
  std::string code(verdict_name(verdict));
  switch (verdict) {
    case Verdict::kTooLate: return {code, "is too late for live data; if it is history, load it with --replay", ""};
    case Verdict::kTooEarly: return {code, "is too early: its event time lies in the future", ""};
    case Verdict::kPastRetention: return {code, "is older than anything the table keeps", ""};
    default: return {code, "is not valid", ""};
  }
}

}  // namespace

void RowReports::name(const std::string& file, uint64_t line, const RowFault& fault, uint64_t count) {
  if (count > limits::kRejectedShown) return;
  console_.message(file + ":" + std::to_string(line) + ": " + fault.sentence());
}

void RowReports::rejected(const std::string& file, uint64_t line, const RowFault& fault) {
  name(file, line, fault, ++rejected_);
}

bool RowReports::refused(const std::string& file, uint64_t line, Verdict verdict, RowFault& fault) {
  if (verdict == Verdict::kAccepted || verdict == Verdict::kDuplicate || verdict == Verdict::kConflict) return false;
  fault = fault_of(verdict);
  name(file, line, fault, verdict == Verdict::kTooLate ? ++too_late_ : ++other_);
  return true;
}

void RowReports::finish() {
  auto rest = [&](uint64_t count, const char* what) {
    if (count <= limits::kRejectedShown) return;
    console_.message("and " + quantity(count - limits::kRejectedShown, "more row") + " " + what);
  };
  rest(rejected_, "that could not be read");
  rest(too_late_, "too late (history is loaded with --replay)");
  rest(other_, "refused for their event time");
}

}  // namespace tally
