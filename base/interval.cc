#include "base/interval.h"

#include <array>

namespace tally {
namespace {

struct Unit {
  std::string_view name;
  TimeUs us;
  int64_t months;
};

constexpr TimeUs kWeek = 7 * kMicrosPerDay;
// Without the plural s.
constexpr std::array kUnits = {
    Unit{"us", 1, 0},
    Unit{"usec", 1, 0},
    Unit{"microsecond", 1, 0},
    Unit{"ms", 1000, 0},
    Unit{"msec", 1000, 0},
    Unit{"millisecond", 1000, 0},
    Unit{"s", kMicrosPerSecond, 0},
    Unit{"sec", kMicrosPerSecond, 0},
    Unit{"second", kMicrosPerSecond, 0},
    Unit{"m", kMicrosPerMinute, 0},
    Unit{"min", kMicrosPerMinute, 0},
    Unit{"minute", kMicrosPerMinute, 0},
    Unit{"h", kMicrosPerHour, 0},
    Unit{"hr", kMicrosPerHour, 0},
    Unit{"hour", kMicrosPerHour, 0},
    Unit{"d", kMicrosPerDay, 0},
    Unit{"day", kMicrosPerDay, 0},
    Unit{"w", kWeek, 0},
    Unit{"week", kWeek, 0},
    Unit{"mon", 0, 1},
    Unit{"month", 0, 1},
    Unit{"y", 0, 12},
    Unit{"yr", 0, 12},
    Unit{"year", 0, 12},
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

const Unit* named(std::string_view name) {
  for (const Unit& unit : kUnits) {
    if (name == unit.name) return &unit;
  }
  return nullptr;
}

const Unit* find_unit(std::string_view word) {
  std::string name(word);
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const Unit* unit = named(name);
  bool plural = unit == nullptr && name.size() > 2 && name.ends_with('s');
  return plural ? named(std::string_view(name).substr(0, name.size() - 1)) : unit;
}

// Adds value * unit, exactly, or says that it cannot.
bool add_scaled(int64_t value, int64_t unit, int64_t& sum) {
  int64_t product = 0;
  return !__builtin_mul_overflow(value, unit, &product) && !__builtin_add_overflow(sum, product, &sum);
}

// One pass over the text; `problem` is what is wrong with it.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  bool run(Interval& interval) {
    skip_blanks();
    if (rest_.empty()) return refuse("is empty, where an interval like '7 days' is wanted");
    while (!rest_.empty()) {
      if (!term(interval)) return false;
      skip_blanks();
    }
    return true;
  }
  const std::string& problem() const { return problem_; }

 private:
  static constexpr int kFractionDigits = 6;

  bool refuse(std::string why) {
    problem_ = std::move(why);
    return false;
  }
  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
  }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool number(int64_t& value) {
    if (rest_.empty() || !is_digit(rest_.front())) return refuse("is not an interval (like '7 days')");
    value = 0;
    for (; !rest_.empty() && is_digit(rest_.front()); rest_.remove_prefix(1)) {
      int64_t digit = rest_.front() - '0';
      if (__builtin_mul_overflow(value, int64_t{10}, &value) || __builtin_add_overflow(value, digit, &value)) {
        return refuse("is out of range");
      }
    }
    return true;
  }
  // The digits behind a point, as millionths.
  bool fraction(int64_t& millionths) {
    int count = 0;
    for (; !rest_.empty() && is_digit(rest_.front()); rest_.remove_prefix(1), ++count) {
      int64_t digit = rest_.front() - '0';
      if (count < kFractionDigits) millionths = millionths * 10 + digit;
      if (count >= kFractionDigits && digit != 0) return refuse("has more than six digits behind the point");
    }
    if (count == 0) return refuse("has a point without digits behind it");
    for (; count < kFractionDigits; ++count) millionths *= 10;
    return true;
  }

  // [+-] number [. fraction] unit, or [+-] HH:MM[:SS[.fraction]]
  bool term(Interval& interval) {
    int64_t sign = take('-') ? -1 : 1;
    if (sign == 1) take('+');
    int64_t whole = 0;
    int64_t millionths = 0;
    if (!number(whole)) return false;
    if (take(':')) return clock_time(sign, whole, interval);
    if (take('.') && !fraction(millionths)) return false;
    skip_blanks();
    size_t letters = 0;
    while (letters < rest_.size() && is_letter(rest_[letters])) ++letters;
    std::string_view word = rest_.substr(0, letters);
    rest_.remove_prefix(letters);
    if (word.empty()) return refuse("has a number without a unit (like '7 days')");
    const Unit* unit = find_unit(word);
    if (unit == nullptr) return refuse("has an unknown unit '" + std::string(word) + "'");
    return add(sign, whole, millionths, *unit, interval);
  }

  bool add(int64_t sign, int64_t whole, int64_t millionths, const Unit& unit, Interval& interval) {
    if (unit.months != 0) {
      if (millionths != 0) return refuse("has a fraction of a month or year");
      return add_scaled(sign * whole, unit.months, interval.months) || refuse("is out of range");
    }
    // Millionths of a week stay far below 2^63.
    int64_t part = millionths * unit.us;
    if (part % 1'000'000 != 0) return refuse("is finer than a microsecond");
    bool fits = add_scaled(sign * whole, unit.us, interval.us) && add_scaled(sign * (part / 1'000'000), 1, interval.us);
    return fits || refuse("is out of range");
  }

  bool clock_time(int64_t sign, int64_t hours, Interval& interval) {
    int64_t minutes = 0;
    int64_t seconds = 0;
    int64_t micros = 0;
    if (!number(minutes)) return false;
    if (take(':')) {
      if (!number(seconds)) return false;
      if (take('.') && !fraction(micros)) return false;
    }
    if (minutes > 59 || seconds > 59) return refuse("has a time that does not exist");
    bool fits = add_scaled(sign * hours, kMicrosPerHour, interval.us) &&
                add_scaled(sign * minutes, kMicrosPerMinute, interval.us) &&
                add_scaled(sign * seconds, kMicrosPerSecond, interval.us) && add_scaled(sign * micros, 1, interval.us);
    return fits || refuse("is out of range");
  }

  std::string_view rest_;
  std::string problem_;
};

void append_unit(std::string& out, bool negative, uint64_t count, std::string_view unit) {
  if (count == 0) return;
  if (!out.empty()) out.push_back(' ');
  if (negative) out.push_back('-');
  out += std::to_string(count) + " " + std::string(unit) + (count == 1 ? "" : "s");
}

void append_seconds(std::string& out, bool negative, uint64_t us) {
  if (us % kMicrosPerSecond == 0) return append_unit(out, negative, us / kMicrosPerSecond, "second");
  std::string fraction = std::to_string(us % kMicrosPerSecond + kMicrosPerSecond).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  if (!out.empty()) out.push_back(' ');
  if (negative) out.push_back('-');
  out += std::to_string(us / kMicrosPerSecond) + "." + fraction + " seconds";
}

}  // namespace

Result<Interval> parse_interval(std::string_view text) {
  Interval interval;
  Parser parser(text);
  if (parser.run(interval)) return interval;
  return fail(Code::kInvalidArgument, "'" + std::string(text.substr(0, 60)) + "' " + parser.problem());
}

Result<TimeUs> parse_duration(std::string_view text) {
  TALLY_ASSIGN_OR_RETURN(Interval interval, parse_interval(text));
  if (interval.months == 0) return interval.us;
  return fail(Code::kInvalidArgument,
              "'" + std::string(text) + "' has no fixed length: say it in days, like '30 days'");
}

std::string format_interval(Interval interval) {
  std::string out;
  bool before = interval.months < 0;
  auto months = before ? -static_cast<uint64_t>(interval.months) : static_cast<uint64_t>(interval.months);
  append_unit(out, before, months / 12, "year");
  append_unit(out, before, months % 12, "month");
  bool negative = interval.us < 0;
  auto us = negative ? -static_cast<uint64_t>(interval.us) : static_cast<uint64_t>(interval.us);
  append_unit(out, negative, us / kMicrosPerDay, "day");
  append_unit(out, negative, us % kMicrosPerDay / kMicrosPerHour, "hour");
  append_unit(out, negative, us % kMicrosPerHour / kMicrosPerMinute, "minute");
  append_seconds(out, negative, us % kMicrosPerMinute);
  return out.empty() ? "0 seconds" : out;
}

std::string format_duration(TimeUs duration) { return format_interval({.months = 0, .us = duration}); }

}  // namespace tally
