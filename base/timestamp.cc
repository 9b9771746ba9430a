#include "base/timestamp.h"

#include <algorithm>
#include <charconv>

namespace tally {
namespace {

constexpr int kFractionDigits = 6;
constexpr int64_t kEpochSecondsEnd = 100'000'000'000;
constexpr int64_t kEpochMillisEnd = 100'000'000'000'000;
constexpr int64_t kEpochMicrosEnd = 100'000'000'000'000'000;

std::unexpected<Error> bad(std::string_view text, std::string_view why) {
  static constexpr size_t kShown = 60;
  std::string shown(text.substr(0, kShown));
  return fail(Code::kInvalidArgument, "'" + shown + (text.size() > kShown ? "...' " : "' ") + std::string(why));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads a text from the left; every take_ says whether it could.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool peek_digit() const { return is_digit(peek()); }
  bool take(char c) { return take_any(std::string_view(&c, 1)); }
  bool take_any(std::string_view choices) {
    if (rest_.empty() || choices.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_word(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  bool take_number(size_t digits, int64_t& value) {  // exactly so many
    if (rest_.size() < digits) return false;
    value = 0;
    for (char c : rest_.substr(0, digits)) {
      if (!is_digit(c)) return false;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(digits);
    return true;
  }
  // A fraction of at least one digit, as units of 10^-`digits`; what is behind must be zeros.
  bool take_fraction(int digits, int64_t& value, bool& too_fine) {
    if (!peek_digit()) return false;
    value = 0;
    int count = 0;
    for (; peek_digit(); rest_.remove_prefix(1), ++count) {
      if (count < digits) value = value * 10 + (rest_.front() - '0');
      if (count >= digits && rest_.front() != '0') too_fine = true;
    }
    for (; count < digits; ++count) value *= 10;
    return true;
  }

 private:
  std::string_view rest_;
};

constexpr std::string_view kNoTimestamp = "is not a timestamp (like 2019-11-24T00:01:03.979311Z)";
constexpr std::string_view kTooFine = "is finer than a microsecond";

// HH:MM[:SS[.fraction]] as microseconds; null text on success, else what is wrong.
std::string_view read_time(Scanner& scanner, TimeUs& time) {
  int64_t hour = 0;
  int64_t minute = 0;
  int64_t second = 0;
  int64_t fraction = 0;
  bool too_fine = false;
  if (!scanner.take_number(2, hour) || !scanner.take(':') || !scanner.take_number(2, minute)) return kNoTimestamp;
  if (scanner.take(':')) {
    if (!scanner.take_number(2, second)) return kNoTimestamp;
    if (scanner.take_any(".,") && !scanner.take_fraction(kFractionDigits, fraction, too_fine)) return kNoTimestamp;
  }
  if (hour > 23 || minute > 59 || second > 60) return "has a time of day that does not exist";
  if (too_fine) return kTooFine;
  time = hour * kMicrosPerHour + minute * kMicrosPerMinute + second * kMicrosPerSecond + fraction;
  return {};
}

// Z, UTC, +HH, +HHMM, +HH:MM or nothing.
std::string_view read_offset(Scanner& scanner, TimeUs& offset) {
  scanner.take(' ');
  if (scanner.done() || scanner.take_any("Zz") || scanner.take_word("UTC")) return {};
  bool west = scanner.peek() == '-';
  int64_t hours = 0;
  int64_t minutes = 0;
  if (!scanner.take_any("+-") || !scanner.take_number(2, hours)) return kNoTimestamp;
  bool colon = scanner.take(':');
  if ((colon || scanner.peek_digit()) && !scanner.take_number(2, minutes)) return kNoTimestamp;
  if (hours > 18 || minutes > 59) return "has an offset that does not exist";
  offset = hours * kMicrosPerHour + minutes * kMicrosPerMinute;
  if (west) offset = -offset;
  return {};
}

std::string_view read_date(Scanner& scanner, TimeUs& midnight) {
  int64_t year = 0;
  int64_t month = 0;
  int64_t day = 0;
  if (!scanner.take_number(4, year) || !scanner.take('-') || !scanner.take_number(2, month) || !scanner.take('-') ||
      !scanner.take_number(2, day)) {
    return kNoTimestamp;
  }
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, static_cast<unsigned>(month))) {
    return "has a date that does not exist";
  }
  CivilDate date{year, static_cast<unsigned>(month), static_cast<unsigned>(day)};
  midnight = days_from_civil(date) * kMicrosPerDay;
  return {};
}

// The unit of an epoch number by its magnitude, in microseconds; 0 if there is none.
TimeUs epoch_unit(int64_t epoch) {
  if (epoch > -kEpochSecondsEnd && epoch < kEpochSecondsEnd) return kMicrosPerSecond;
  if (epoch > -kEpochMillisEnd && epoch < kEpochMillisEnd) return 1000;
  if (epoch > -kEpochMicrosEnd && epoch < kEpochMicrosEnd) return 1;
  return 0;
}

constexpr std::string_view kNoEpoch = "is no epoch time in seconds, milliseconds or microseconds";

bool looks_like_epoch(std::string_view text) {
  size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  size_t digits = sign;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  return digits > sign && (digits == text.size() || text[digits] == '.');
}

Result<TimeUs> parse_epoch(std::string_view text) {
  size_t point = std::min(text.find('.'), text.size());
  std::string_view whole = text.substr(0, point);
  if (whole.starts_with('+')) whole.remove_prefix(1);
  int64_t epoch = 0;
  auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), epoch);
  TimeUs unit = error == std::errc{} && end == whole.data() + whole.size() ? epoch_unit(epoch) : 0;
  if (unit == 0) return bad(text, kNoEpoch);
  if (point == text.size()) return epoch * unit;
  Scanner scanner(text.substr(point + 1));
  int digits = unit == kMicrosPerSecond ? 6 : unit == 1000 ? 3 : 0;
  int64_t fraction = 0;
  bool too_fine = false;
  if (!scanner.take_fraction(digits, fraction, too_fine) || !scanner.done()) return bad(text, kNoTimestamp);
  if (too_fine) return bad(text, kTooFine);
  return epoch * unit + (text.starts_with('-') ? -fraction : fraction);
}

void append_padded(std::string& out, uint64_t value, size_t digits) {
  std::string text = std::to_string(value);
  if (text.size() < digits) out.append(digits - text.size(), '0');
  out += text;
}

}  // namespace

int64_t days_from_civil(CivilDate date) {
  int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  int64_t year_of_era = year - era * 400;
  int64_t day_of_year = (153 * (int64_t{date.month} + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
  int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

CivilDate civil_from_days(int64_t days) {
  days += 719'468;
  int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  int64_t day_of_era = days - era * 146'097;
  int64_t year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t month = (5 * day_of_year + 2) / 153;  // from March
  int64_t day = day_of_year - (153 * month + 2) / 5 + 1;
  month += month < 10 ? 3 : -9;
  int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  return {year, static_cast<unsigned>(month), static_cast<unsigned>(day)};
}

unsigned days_in_month(int64_t year, unsigned month) {
  static constexpr unsigned kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

Result<TimeUs> epoch_to_us(int64_t epoch) {
  TimeUs unit = epoch_unit(epoch);
  if (unit == 0) return bad(std::to_string(epoch), kNoEpoch);
  return epoch * unit;
}

Result<TimeUs> parse_iso_timestamp(std::string_view text) {
  Scanner scanner(text);
  TimeUs midnight = 0;
  TimeUs time = 0;
  TimeUs offset = 0;
  std::string_view problem = read_date(scanner, midnight);
  if (problem.empty() && !scanner.done()) {
    problem = scanner.take_any("Tt ") ? read_time(scanner, time) : kNoTimestamp;
    if (problem.empty()) problem = read_offset(scanner, offset);
    if (problem.empty() && !scanner.done()) problem = kNoTimestamp;
  }
  if (!problem.empty()) return bad(text, problem);
  return midnight + time - offset;
}

Result<TimeUs> parse_timestamp(std::string_view text) {
  return looks_like_epoch(text) ? parse_epoch(text) : parse_iso_timestamp(text);
}

void append_timestamp(std::string& out, TimeUs time) {
  int64_t days = time / kMicrosPerDay;
  TimeUs of_day = time % kMicrosPerDay;
  if (of_day < 0) {
    --days;
    of_day += kMicrosPerDay;
  }
  CivilDate date = civil_from_days(days);
  if (date.year < 0) out.push_back('-');
  append_padded(out, static_cast<uint64_t>(date.year < 0 ? -date.year : date.year), 4);
  out.push_back('-');
  append_padded(out, date.month, 2);
  out.push_back('-');
  append_padded(out, date.day, 2);
  out.push_back('T');
  append_padded(out, static_cast<uint64_t>(of_day / kMicrosPerHour), 2);
  out.push_back(':');
  append_padded(out, static_cast<uint64_t>(of_day % kMicrosPerHour / kMicrosPerMinute), 2);
  out.push_back(':');
  append_padded(out, static_cast<uint64_t>(of_day % kMicrosPerMinute / kMicrosPerSecond), 2);
  if (of_day % kMicrosPerSecond != 0) {
    out.push_back('.');
    append_padded(out, static_cast<uint64_t>(of_day % kMicrosPerSecond), kFractionDigits);
  }
  out.push_back('Z');
}

std::string format_timestamp(TimeUs time) {
  std::string text;
  append_timestamp(text, time);
  return text;
}

}  // namespace tally
