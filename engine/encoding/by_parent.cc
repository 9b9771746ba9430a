#include "engine/encoding/by_parent.h"

#include <algorithm>
#include <numeric>

#include "engine/encoding/packed.h"
#include "engine/encoding/selection.h"

namespace tally {

namespace {

constexpr size_t kHeaderBytes = 8;
constexpr unsigned kLengthWidthMax = 32;
constexpr unsigned kFirstSlotsLog = 8;
constexpr size_t kSampleRows = 512;
constexpr size_t kPartRows = 1024;
constexpr uint32_t kTableParentsMax = 1 << 16;  // parents this far apart are looked up in a table, others searched

// The codes of one parent: [begin, begin + length) of all lists.
struct List {
  uint32_t begin = 0;
  uint32_t length = 0;  // 0: there is no such parent
};

struct ByParent {
  std::vector<uint32_t> parents;  // strictly ascending
  std::vector<List> lists;        // of each
  std::vector<uint32_t> codes;    // of all lists
  PackedBits places;
};

Status take_parents(ByteSpan& bytes, uint32_t count, std::vector<uint32_t>& parents) {
  TALLY_ASSIGN_OR_RETURN(PackedInts packed, PackedInts::take<uint32_t>(bytes, count));
  parents.resize(count);
  packed.decode(std::span(parents));
  for (size_t i = 1; i < count; ++i) {
    if (parents[i] <= parents[i - 1]) return fail(Code::kCorruption, "the parents of codes do not ascend");
  }
  return {};
}

Status take_lists(ByteSpan& bytes, size_t rows, ByParent& by) {
  if (bytes.empty()) return fail(Code::kCorruption, "lists of codes without their lengths");
  unsigned width = bytes[0];
  if (width > kLengthWidthMax) return fail(Code::kCorruption, "lengths of lists of " + std::to_string(width) + " bits");
  bytes = bytes.subspan(1);
  TALLY_ASSIGN_OR_RETURN(PackedBits packed, take_bits(bytes, by.parents.size(), width));
  std::vector<uint32_t> lengths(by.parents.size());
  packed.unpack(uint32_t{0}, lengths);
  by.lists.resize(lengths.size());
  uint64_t total = 0;
  for (size_t i = 0; i < lengths.size(); ++i) {
    by.lists[i].begin = static_cast<uint32_t>(total);
    total += uint64_t{lengths[i]} + 1;
    if (total > rows) return fail(Code::kCorruption, "lists of more codes than there are rows");
    by.lists[i].length = lengths[i] + 1;
  }
  TALLY_ASSIGN_OR_RETURN(PackedInts codes, PackedInts::take<uint32_t>(bytes, total));
  by.codes.resize(total);
  codes.decode(std::span(by.codes));
  for (const List& list : by.lists) {
    for (uint32_t i = list.begin + 1; i < list.begin + list.length; ++i) {
      if (by.codes[i] <= by.codes[i - 1]) return fail(Code::kCorruption, "the codes of a parent do not ascend");
    }
  }
  return {};
}

Result<ByParent> open_by_parent(ByteSpan bytes, size_t rows) {
  ByteReader in(bytes);
  TALLY_TRY(in.u32("the id of the parent column"));
  TALLY_ASSIGN_OR_RETURN(uint32_t parents, in.u32("the number of parents"));
  if (parents < 1 || parents > rows) {
    return fail(Code::kCorruption, std::to_string(parents) + " parents in " + std::to_string(rows) + " rows");
  }
  bytes = bytes.subspan(kHeaderBytes);
  ByParent by;
  TALLY_TRY(take_parents(bytes, parents, by.parents));
  TALLY_TRY(take_lists(bytes, rows, by));
  uint32_t longest = 0;
  for (const List& list : by.lists) longest = std::max(longest, list.length);
  TALLY_ASSIGN_OR_RETURN(by.places, take_bits(bytes, rows, packed_width(longest - 1)));
  if (!bytes.empty()) return fail(Code::kCorruption, "bytes behind codes by their parent");
  return by;
}

// Tells the list of a parent: one without codes if there is none.
class ListTable {
 public:
  explicit ListTable(const ByParent& by) : first_(by.parents.front()), lists_(by.parents.back() - first_ + 2) {
    for (size_t i = 0; i < by.lists.size(); ++i) lists_[by.parents[i] - first_] = by.lists[i];
  }
  static bool suits(const ByParent& by) { return by.parents.back() - by.parents.front() < kTableParentsMax; }

  List list_of(uint32_t parent) const {
    size_t at = std::min<size_t>(parent - first_, lists_.size() - 1);  // the last is none
    return lists_[at];
  }

 private:
  uint32_t first_;
  std::vector<List> lists_;
};

class ListSearch {
 public:
  explicit ListSearch(const ByParent& by) : by_(by) {}

  List list_of(uint32_t parent) {
    if (parent == parent_ && list_.length != 0) return list_;  // sorted columns repeat themselves
    parent_ = parent;
    auto at = std::lower_bound(by_.parents.begin(), by_.parents.end(), parent);
    bool there = at != by_.parents.end() && *at == parent;
    return list_ = there ? by_.lists[static_cast<size_t>(at - by_.parents.begin())] : List{};
  }

 private:
  const ByParent& by_;
  uint32_t parent_ = 0;
  List list_;
};

// Calls visit(row, place among the codes of all lists) for all rows. A row that has none gets the first, and is told of in
// the end: no branch a row.
template <class Lists, class Visit>
Status visit_rows(const ByParent& by, std::span<const uint32_t> parents, Lists lists, Visit visit) {
  uint32_t places[kPartRows];
  bool all_there = true;
  for (size_t at = 0; at < parents.size(); at += kPartRows) {
    size_t rows = std::min(kPartRows, parents.size() - at);
    by.places.part(at, rows).unpack(uint32_t{0}, std::span(places).first(rows));
    for (size_t i = 0; i < rows; ++i) {
      List list = lists.list_of(parents[at + i]);
      bool there = places[i] < list.length;
      all_there &= there;
      visit(at + i, there ? list.begin + places[i] : 0);
    }
  }
  if (!all_there)
    return fail(Code::kCorruption, "a code's parent is not there, or its place is beyond the parent's list");
  return {};
}

template <class Visit>
Status visit_rows(const ByParent& by, std::span<const uint32_t> parents, Visit visit) {
  if (ListTable::suits(by)) return visit_rows(by, parents, ListTable(by), visit);
  return visit_rows(by, parents, ListSearch(by), visit);
}

}  // namespace

void KeyNumbers::clear() {
  keys_.clear();
  slots_.assign(size_t{1} << kFirstSlotsLog, 0);
  slots_shift_ = 64 - kFirstSlotsLog;
}

void KeyNumbers::grow() {
  slots_.assign(slots_.size() * 2, 0);
  --slots_shift_;
  for (size_t number = 0; number < keys_.size(); ++number) {
    size_t slot = keys_[number] * 0x9E3779B97F4A7C15u >> slots_shift_;
    while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = static_cast<uint32_t>(number + 1);
  }
}

uint32_t KeyNumbers::number_of(uint64_t key) {
  size_t slot = key * 0x9E3779B97F4A7C15u >> slots_shift_;
  for (; slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1)) {
    if (keys_[slots_[slot] - 1] == key) return slots_[slot] - 1;
  }
  keys_.push_back(key);
  slots_[slot] = static_cast<uint32_t>(keys_.size());
  if (keys_.size() * 2 > slots_.size()) grow();
  return static_cast<uint32_t>(keys_.size() - 1);
}

void ByParentBuilder::start(size_t rows) {
  parents_.clear();
  pairs_.clear();
  lengths_.clear();
  row_pair_.resize(rows);
  longest_ = 0;
  min_parent_ = min_value_ = UINT32_MAX;
  max_parent_ = max_value_ = 0;
}

uint32_t ByParentBuilder::add(uint32_t parent, uint32_t value) {
  size_t before = pairs_.size();
  uint32_t pair = pairs_.number_of(uint64_t{parent} << 32 | value);
  if (pairs_.size() == before) return pair;
  uint32_t number = parents_.number_of(parent);
  if (number == lengths_.size()) lengths_.push_back(0);
  longest_ = std::max(longest_, ++lengths_[number]);
  min_parent_ = std::min(min_parent_, parent), max_parent_ = std::max(max_parent_, parent);
  min_value_ = std::min(min_value_, value), max_value_ = std::max(max_value_, value);
  return pair;
}

// Grows with every pair.
uint64_t ByParentBuilder::bytes_so_far() const {
  unsigned width = packed_width(longest_ - 1);
  return kHeaderBytes + measure_packed(lengths_.size(), min_parent_, max_parent_) + 1 +
         packed_bytes(lengths_.size(), width) + measure_packed(pairs_.size(), min_value_, max_value_) +
         packed_bytes(row_pair_.size(), width);
}

uint64_t ByParentBuilder::measure(std::span<const uint32_t> parents, std::span<const uint32_t> values,
                                  uint64_t give_up) {
  size_t rows = values.size();
  TALLY_CHECK(rows > 0 && parents.size() == rows);
  start(rows);
  for (size_t i = 0; i < kSampleRows && rows > kSampleRows; ++i) {
    size_t row = i * rows / kSampleRows;
    add(parents[row], values[row]);
  }
  if (rows > kSampleRows && bytes_so_far() >= give_up) return UINT64_MAX;
  size_t checked = pairs_.size();
  for (size_t row = 0; row < rows; ++row) {
    bool as_before = row > 0 && parents[row] == parents[row - 1] && values[row] == values[row - 1];
    row_pair_[row] = as_before ? row_pair_[row - 1] : add(parents[row], values[row]);
    if (pairs_.size() < checked + 64) continue;
    checked = pairs_.size();
    if (bytes_so_far() >= give_up) return UINT64_MAX;
  }
  uint64_t bytes = bytes_so_far();
  return bytes >= give_up ? UINT64_MAX : bytes;
}

void ByParentBuilder::encode(uint32_t parent_column, Bytes& out) const {
  // In the order of pairs, lists stand behind each other and ascend.
  std::vector<uint32_t> order(pairs_.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return pairs_.key(a) < pairs_.key(b); });
  std::vector<uint32_t> parents, lengths, codes(order.size()), place_of(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    uint64_t pair = pairs_.key(order[i]);
    auto parent = static_cast<uint32_t>(pair >> 32);
    if (parents.empty() || parents.back() != parent) parents.push_back(parent), lengths.push_back(0);
    place_of[order[i]] = lengths.back()++;
    codes[i] = static_cast<uint32_t>(pair);
  }
  unsigned width = packed_width(longest_ - 1);
  ByteWriter writer(out);
  writer.u32(parent_column);
  writer.u32(static_cast<uint32_t>(parents.size()));
  encode_packed(std::span<const uint32_t>(parents), min_parent_, max_parent_, out);
  writer.u8(static_cast<uint8_t>(width));
  pack_bits(lengths.size(), width, out, [&](size_t i) { return lengths[i] - 1; });
  encode_packed(std::span<const uint32_t>(codes), min_value_, max_value_, out);
  pack_bits(row_pair_.size(), width, out, [&](size_t row) { return place_of[row_pair_[row]]; });
}

Result<uint32_t> by_parent_column(ByteSpan raw) { return ByteReader(raw).u32("the id of the parent column"); }

Status decode_by_parent(ByteSpan raw, std::span<const uint32_t> parents, std::span<uint32_t> out) {
  TALLY_CHECK(parents.size() == out.size());
  TALLY_ASSIGN_OR_RETURN(ByParent by, open_by_parent(raw, out.size()));
  const uint32_t* codes = by.codes.data();
  uint32_t* to = out.data();
  return visit_rows(by, parents, [=](size_t row, size_t place) { to[row] = codes[place]; });
}

Status select_by_parent(ByteSpan raw, std::span<const uint32_t> parents, const IntPredicate& predicate,
                        std::span<uint64_t> words) {
  TALLY_ASSIGN_OR_RETURN(ByParent by, open_by_parent(raw, parents.size()));
  std::vector<uint8_t> chosen(by.codes.size());
  for (size_t i = 0; i < chosen.size(); ++i) chosen[i] = predicate.matches(by.codes[i]) ? 1 : 0;
  select_none(words);
  const uint8_t* chosen_at = chosen.data();
  uint64_t* to = words.data();
  return visit_rows(by, parents, [=](size_t row, size_t place) {
    to[row / 64] |= static_cast<uint64_t>(chosen_at[place]) << row % 64;
  });
}

}  // namespace tally
