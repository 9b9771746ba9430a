#include "query/operators/word_keys.h"

#include "query/operators/group_table.h"

namespace tally {
namespace {

constexpr size_t kKeysPerNullWord = 64;

class WordKeys final : public GroupKeys {
 public:
  explicit WordKeys(const BoundSelect& select)
      : select_(select),
        keys_(select.keys.size()),
        null_words_((keys_.size() + kKeysPerNullWord - 1) / kKeysPerNullWord),
        table_(keys_.size() + null_words_) {}

  Sql<void> number(const Block& block, Selection rows, EvaluationMemory& memory, uint32_t* groups,
                   std::vector<GroupRun>& runs) override {
    runs.clear();
    words_.assign(rows.size() * stride(), 0);
    for (size_t key = 0; key < keys_.size(); ++key) {
      SQL_ASSIGN(Vector values, evaluate(*select_.keys[key], block, rows, memory));
      encode(key, values);
    }
    table_.find_or_add(words_.data(), static_cast<uint32_t>(rows.size()), groups);
    return {};
  }

  uint32_t size() const override { return table_.size(); }

  Vector values(size_t key) const override {
    const Dictionary* dictionary = keys_[key].dictionary();
    Vector column = dictionary == nullptr ? Vector::of(select_.keys[key]->type, size()) : Vector();
    if (dictionary != nullptr) {
      column.type = SqlType::kString;
      column.size = size();
      column.dictionary = dictionary;
      column.codes.assign(size(), kNullCode);
    }
    for (uint32_t group = 0; group < size(); ++group) {
      const uint64_t* words = table_.key(group);
      const bool null = (words[key / kKeysPerNullWord] >> (key % kKeysPerNullWord) & 1) != 0;
      const uint64_t word = words[null_words_ + key];
      if (null)
        column.set_null(group);
      else if (dictionary != nullptr)
        column.codes[group] = static_cast<uint32_t>(word);
      else
        column.set(group, keys_[key].decode(word));
    }
    return column;
  }

  void adopt(const GroupKeys& from, std::vector<uint32_t>& numbers) override {
    words_.assign(from.size() * stride(), 0);
    for (size_t key = 0; key < keys_.size(); ++key) encode(key, from.values(key));
    numbers.resize(from.size());
    table_.find_or_add(words_.data(), from.size(), numbers.data());
  }

  uint64_t memory_bytes() const override {
    uint64_t bytes = table_.memory_bytes() + words_.capacity() * 8;
    for (const KeyColumn& key : keys_) bytes += key.memory_bytes();
    return bytes;
  }

 private:
  size_t stride() const { return null_words_ + keys_.size(); }

  void encode(size_t key, const Vector& values) {
    keys_[key].encode(values, words_.data() + null_words_ + key, words_.data() + key / kKeysPerNullWord,
                      uint64_t{1} << (key % kKeysPerNullWord), stride());
  }

  const BoundSelect& select_;
  std::vector<KeyColumn> keys_;
  const size_t null_words_;
  GroupTable table_;
  std::vector<uint64_t> words_;  // of the block, by row: words of NULL bits, then one a key
};

}  // namespace

std::unique_ptr<GroupKeys> make_word_keys(const BoundSelect& select) { return std::make_unique<WordKeys>(select); }

}  // namespace tally
