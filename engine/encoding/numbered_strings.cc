#include "engine/encoding/numbered_strings.h"

#include <algorithm>
#include <optional>

#include "engine/encoding/packed.h"
#include "engine/encoding/selection.h"

namespace tally {

namespace {

constexpr size_t kStringBytes = StringRef::kInlineMax;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int64_t largest_number(size_t prefix_bytes) {
  int64_t end = 1;
  for (size_t digit = prefix_bytes; digit < kStringBytes; ++digit) end *= 10;
  return end - 1;
}

std::string_view prefix_of(std::string_view text) {
  size_t size = text.size();
  while (size > 0 && is_digit(text[size - 1])) --size;
  return text.substr(0, size);
}

// The number behind the prefix, if that is what stands there, spelled as it would be.
std::optional<int64_t> number_behind(std::string_view prefix, std::string_view text) {
  if (text.size() <= prefix.size() || text.size() > kStringBytes || !text.starts_with(prefix)) return std::nullopt;
  text.remove_prefix(prefix.size());
  if (text[0] == '0' && text.size() > 1) return std::nullopt;
  int64_t number = 0;
  for (char c : text) {
    if (!is_digit(c)) return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return number;
}

constexpr uint64_t kEightDigitsEnd = 100'000'000;

// The eight decimal digits of a number below kEightDigitsEnd, one a byte, the highest in the lowest byte: halves, quarters
// and eighths are divided at once, each by a multiplication.
uint64_t eight_digits(uint64_t number) {
  uint64_t halves = number / 10'000 | (number % 10'000) << 32;
  uint64_t hundreds = halves * 10'486 >> 20 & 0x0000007F'0000007Fu;
  uint64_t quarters = hundreds | (halves - hundreds * 100) << 16;
  uint64_t tens = quarters * 103 >> 10 & 0x000F'000F'000F'000Fu;
  return tens | (quarters - tens * 10) << 8;
}

// Makes prefix and number a StringRef in its own memory: put together in registers, for bytes written one after the other
// and read at once would be waited for.
class Spelling {
 public:
  explicit Spelling(std::string_view prefix) : prefix_bytes_(static_cast<uint32_t>(prefix.size())) {
    std::memcpy(&prefix_, prefix.data(), prefix.size());
  }

  // Short enough to stand in a StringRef, as open_numbered() sees to.
  StringRef of(uint64_t number) const {
    Text text = prefix_;
    uint32_t length = prefix_bytes_;
    if (number < kEightDigitsEnd) {
      append_number(number, text, length);
    } else {
      append_number(number / kEightDigitsEnd, text, length);
      text |= Text{eight_digits(number % kEightDigitsEnd) | kZeros} << length * 8;
      length += 8;
    }
    uint64_t words[2] = {length | static_cast<uint64_t>(text) << 32, static_cast<uint64_t>(text >> 32)};
    StringRef made;
    std::memcpy(static_cast<void*>(&made), words, sizeof made);
    return made;
  }

 private:
  using Text = unsigned __int128;  // the first byte is the lowest
  static constexpr uint64_t kZeros = 0x3030'3030'3030'3030u;

  // Without leading zeros.
  static void append_number(uint64_t number, Text& text, uint32_t& length) {
    uint64_t digits = eight_digits(number);
    uint32_t leading = std::min(static_cast<uint32_t>(std::countr_zero(digits)) / 8, 7u);
    text |= Text{(digits | kZeros) >> leading * 8} << length * 8;
    length += 8 - leading;
  }

  Text prefix_ = 0;
  uint32_t prefix_bytes_;
};
static_assert(sizeof(StringRef) == sizeof(uint32_t) + kStringBytes);

struct Numbered {
  std::string_view prefix;
  PackedInts numbers;
};

Result<Numbered> open_numbered(ByteSpan bytes, size_t rows) {
  ByteReader in(bytes);
  TALLY_ASSIGN_OR_RETURN(uint8_t prefix_bytes, in.u8("the length of a prefix"));
  if (prefix_bytes >= kStringBytes) {
    return fail(Code::kCorruption, "a prefix of " + std::to_string(prefix_bytes) + " bytes");
  }
  TALLY_ASSIGN_OR_RETURN(ByteSpan prefix, in.bytes(prefix_bytes, "a prefix"));
  bytes = bytes.subspan(in.offset());
  Numbered numbered{.prefix = as_text(prefix), .numbers = {}};
  TALLY_ASSIGN_OR_RETURN(numbered.numbers, PackedInts::take<int64_t>(bytes, rows));
  if (!bytes.empty()) return fail(Code::kCorruption, "bytes behind numbered strings");
  std::vector<uint64_t> inside(selection_words(rows));
  numbered.numbers.select(IntPredicate::range(0, largest_number(prefix_bytes)), inside);
  if (count_selected(inside) != rows) return fail(Code::kCorruption, "a number of too many digits for its prefix");
  return numbered;
}

}  // namespace

bool NumberedStringsBuilder::read_numbers(std::span<const StringRef> values) {
  auto first = std::find_if(values.begin(), values.end(), [](const StringRef& value) { return !value.is_null(); });
  if (first == values.end() || first->size() > kStringBytes) return false;
  prefix_ = StringRef(prefix_of(first->view()));
  std::string_view prefix = prefix_.view();
  numbers_.resize(values.size());
  std::optional<int64_t> number = number_behind(prefix, first->view());  // what leading NULLs take
  for (size_t row = 0; row < values.size(); ++row) {
    if (!values[row].is_null()) number = number_behind(prefix, values[row].view());
    if (!number) return false;
    numbers_[row] = *number;
  }
  return true;
}

uint64_t NumberedStringsBuilder::measure(std::span<const StringRef> values) {
  if (!read_numbers(values)) return UINT64_MAX;
  auto [min, max] = std::minmax_element(numbers_.begin(), numbers_.end());
  min_ = *min;
  max_ = *max;
  return 1 + prefix_.size() + measure_packed(numbers_.size(), min_, max_);
}

void NumberedStringsBuilder::encode(Bytes& out) const {
  ByteWriter writer(out);
  writer.u8(static_cast<uint8_t>(prefix_.size()));
  writer.bytes(as_bytes(prefix_.view()));
  encode_packed(std::span<const int64_t>(numbers_), min_, max_, out);
}

Status decode_numbered_strings(ByteSpan bytes, std::span<StringRef> out) {
  TALLY_ASSIGN_OR_RETURN(Numbered numbered, open_numbered(bytes, out.size()));
  std::vector<int64_t> numbers(out.size());
  numbered.numbers.decode(std::span(numbers));
  Spelling spelling(numbered.prefix);
  for (size_t row = 0; row < out.size(); ++row) out[row] = spelling.of(static_cast<uint64_t>(numbers[row]));
  return {};
}

Status select_numbered_strings(ByteSpan bytes, size_t rows, const StringPredicate& predicate,
                               std::span<uint64_t> words) {
  TALLY_ASSIGN_OR_RETURN(Numbered numbered, open_numbered(bytes, rows));
  std::vector<int64_t> wanted;
  for (std::string_view value : predicate.values()) {
    if (auto number = number_behind(numbered.prefix, value)) wanted.push_back(*number);
  }
  numbered.numbers.select(IntPredicate::any_of(std::move(wanted)), words);
  return {};
}

}  // namespace tally
