// Names the rows that a load could not bring in, on stderr: the first limits::kRejectedShown that are malformed, as many
// that the table refused for their time; the rest as counts at the end. Threads: one.
#pragma once

#include <cstdint>
#include <string>

#include "engine/verdict.h"
#include "tools/console.h"
#include "tools/load/record_reader.h"

namespace tally {

class RowReports {
 public:
  explicit RowReports(Console& console) : console_(console) {}

  void rejected(const std::string& file, uint64_t line, const RowFault& fault);
  // A row that the table decided on. False for verdicts that are no fault of the row (accepted, duplicate, conflict);
  // else fills `fault`.
  bool refused(const std::string& file, uint64_t line, Verdict verdict, RowFault& fault);
  void finish();  // the counts of what was not named

 private:
  void name(const std::string& file, uint64_t line, const RowFault& fault, uint64_t count);

  Console& console_;
  uint64_t rejected_ = 0;
  uint64_t too_late_ = 0;
  uint64_t other_ = 0;
};

}  // namespace tally
