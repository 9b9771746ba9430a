// Numbers, decimals, timestamps, intervals, table folders and file names as text: nothing crashes, and what is read, written
// and read again is the same.
#include <string>
#include <string_view>

#include "base/decimal.h"
#include "base/file_names.h"
#include "base/interval.h"
#include "base/nearest.h"
#include "base/timestamp.h"

namespace tally {
namespace {

void check_numbers(std::string_view text) {
  if (Result<int64_t> value = parse_int64(text)) TALLY_CHECK(parse_int64(std::to_string(*value)).value() == *value);
  for (int scale : {0, 6, 18}) {
    Result<int64_t> value = parse_decimal(text, kDecimalDigitsMax, scale);
    if (value) TALLY_CHECK(parse_decimal(format_decimal(*value, scale), kDecimalDigitsMax, scale).value() == *value);
  }
}

// What an offset pushed out of the years 1 to 9999 is printed, but not read again.
void check_times(std::string_view text) {
  Result<TimeUs> time = parse_timestamp(text);
  if (time && civil_from_days(utc_day(*time)).year >= 1 && civil_from_days(utc_day(*time)).year <= 9999) {
    TALLY_CHECK(parse_iso_timestamp(format_timestamp(*time)).value() == *time);
  }
  if (Result<Interval> interval = parse_interval(text)) {
    Result<Interval> again = parse_interval(format_interval(*interval));
    if (interval->us != INT64_MIN && interval->months != INT64_MIN) TALLY_CHECK(again && *again == *interval);
  }
}

void check_names(std::string_view text) {
  if (Result<std::string> table = decode_table_name(text)) TALLY_CHECK(encode_table_name(*table) == text);
  if (!text.empty()) TALLY_CHECK(decode_table_name(encode_table_name(text)).value() == text);
  ParsedName name = parse_file_name(text);
  if (name.kind == FileKind::kSegment && !name.temporary) TALLY_CHECK(segment_name(name.number) == text);
  TALLY_CHECK(edit_distance(text, text, 3) == 0);
}

}  // namespace
}  // namespace tally

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  tally::check_numbers(text);
  tally::check_times(text);
  tally::check_names(text);
  return 0;
}
