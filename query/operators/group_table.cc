#include "query/operators/group_table.h"

#include <algorithm>
#include <cstring>

namespace tally {
namespace {

// A whole number below 2^62 is its own word, shifted; anything else is the number of a value seen, with the low bit set.
constexpr Int128 kDirectMax = Int128{1} << 62;

std::string number_key(Numeric value) {
  std::string key(sizeof value.value + 1, '\0');
  std::memcpy(key.data(), &value.value, sizeof value.value);
  key.back() = static_cast<char>(value.scale);
  return key;
}

}  // namespace

void KeyColumn::encode(const Vector& values, uint64_t* words, uint64_t* nulls, uint64_t null_bit, size_t stride) {
  if (type_ == SqlType::kNull) type_ = values.type;
  bool codes = values.dictionary != nullptr && values.type == SqlType::kString;
  if (codes) dictionary_ = values.dictionary;
  for (uint32_t i = 0; i < values.size; ++i) {
    uint64_t& word = words[i * stride];
    word = 0;
    if (values.is_null(i)) {
      nulls[i * stride] |= null_bit;
    } else if (codes) {
      word = values.codes[values.index(i)];
    } else if (values.type == SqlType::kTimestamp) {
      word = static_cast<uint64_t>(values.time(i));
    } else if (values.type == SqlType::kBool) {
      word = values.boolean(i) ? 1 : 0;
    } else if (values.type == SqlType::kString) {
      word = intern(values.text(i), values, i);
    } else {
      word = number_word(values, i);
    }
  }
}

uint64_t KeyColumn::intern(std::string_view key, const Vector& values, uint32_t i) {
  auto found = numbers_.find(key);
  if (found != numbers_.end()) return found->second;
  uint64_t number = values_.size();
  values_.push_back(values.datum(i));
  numbers_.emplace(std::string(key), number);
  bytes_ += 2 * key.size() + sizeof(Datum) + 96;  // both copies, and about what the map's node takes
  return number;
}

uint64_t KeyColumn::number_word(const Vector& values, uint32_t i) {
  if (values.type == SqlType::kInterval) {
    Numeric length{approximate_us(unpack_interval(values.number(i).value)), 0};
    return intern(number_key(length), values, i) << 1 | 1;
  }
  Numeric value = values.number(i);
  if (!scale_known_) scale_ = value.scale;
  scale_known_ = true;
  Numeric exact = normalized(value);
  if (exact.scale == 0 && exact.value < kDirectMax && exact.value > -kDirectMax) {
    return static_cast<uint64_t>(static_cast<int64_t>(exact.value)) << 1;
  }
  return intern(number_key(exact), values, i) << 1 | 1;
}

Datum KeyColumn::decode(uint64_t word) const {
  switch (type_) {
    case SqlType::kNull: return {};
    case SqlType::kTimestamp: return Datum::of_time(static_cast<int64_t>(word));
    case SqlType::kBool: return Datum::of_bool(word != 0);
    case SqlType::kString: {
      if (dictionary_ == nullptr) return values_[word];
      uint32_t code = static_cast<uint32_t>(word);
      return Datum::of_text(std::string(code == kOtherCode ? kOtherText : dictionary_->value(code)));
    }
    default: break;
  }
  if ((word & 1) != 0) return values_[word >> 1];
  Numeric exact{static_cast<int64_t>(word) >> 1, 0};
  return Datum::of_number(rescale(exact, scale_).value_or(exact));
}

Vector KeyColumn::decode_all(std::span<const uint64_t> words) const {
  const auto size = static_cast<uint32_t>(words.size());
  Vector values = dictionary_ == nullptr ? Vector::of(type_, size) : Vector();
  if (dictionary_ != nullptr) {
    values.type = SqlType::kString;
    values.size = size;
    values.dictionary = dictionary_;
    values.codes.assign(words.begin(), words.end());
    return values;
  }
  for (uint32_t i = 0; i < size; ++i) values.set(i, decode(words[i]));
  return values;
}

GroupTable::GroupTable(size_t words_per_key) : words_(words_per_key), slots_(1024) {}

uint64_t GroupTable::hash(const uint64_t* key) const {
  uint64_t state = 0x9E3779B97F4A7C15u;
  for (size_t i = 0; i < words_; ++i) {
    Uint128 product = static_cast<Uint128>(state ^ key[i]) * 0xA0761D6478BD642Fu;
    state = static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64) ^ 0xE7037ED1A0B428DBu;
  }
  return state ^ (state >> 29);
}

void GroupTable::find_or_add(const uint64_t* keys, uint32_t count, uint32_t* groups) {
  for (uint32_t i = 0; i < count; ++i) {
    if ((size_ + 1) * size_t{4} > slots_.size() * 3) grow();
    const uint64_t* key_words = keys + i * words_;
    uint64_t h = hash(key_words);
    uint32_t tag = static_cast<uint32_t>(h >> 32);
    size_t mask = slots_.size() - 1;
    for (size_t at = h & mask;; at = (at + 1) & mask) {
      Slot& slot = slots_[at];
      if (slot.group == UINT32_MAX) {
        slot = {size_++, tag};
        keys_.insert(keys_.end(), key_words, key_words + words_);
      } else if (slot.tag != tag || !std::equal(key_words, key_words + words_, key(slot.group))) {
        continue;
      }
      groups[i] = slot.group;
      break;
    }
  }
}

void GroupTable::grow() {
  std::vector<Slot> larger(slots_.size() * 2);
  size_t mask = larger.size() - 1;
  for (uint32_t group = 0; group < size_; ++group) {
    uint64_t h = hash(key(group));
    size_t at = h & mask;
    while (larger[at].group != UINT32_MAX) at = (at + 1) & mask;
    larger[at] = {group, static_cast<uint32_t>(h >> 32)};
  }
  slots_ = std::move(larger);
}

}  // namespace tally
