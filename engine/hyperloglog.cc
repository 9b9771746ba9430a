#include "engine/hyperloglog.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/checksum.h"
#include "base/cpu.h"
#include "engine/hyperloglog_kernels.h"

namespace tally {
namespace {

const HyperLogLogKernels& kernels() {
  return cpu_has_avx2() ? avx2::kHyperLogLogKernels : baseline::kHyperLogLogKernels;
}

constexpr uint64_t kUniqueSeed = 0x54414C4C59554E49;  // "TALLYUNI": part of what stored sketches mean, never changed

double sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double y = 1, z = x, before;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (z != before);
  return z;
}

double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double y = 1, z = 1 - x, before;
  do {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (z != before);
  return z / 3;
}

}  // namespace

uint64_t unique_hash(ByteSpan value) { return xxh3(value, kUniqueSeed); }

uint64_t unique_hash(int64_t value) {
  std::array<uint8_t, sizeof value> bytes;
  store_le(bytes.data(), value);
  return xxh3(bytes, kUniqueSeed);
}

HyperLogLog::HyperLogLog(uint8_t precision) : precision_(precision) {
  TALLY_CHECK(precision >= kHyperLogLogPrecisionMin && precision <= kHyperLogLogPrecisionMax);
}

void HyperLogLog::clear(uint8_t precision) {
  TALLY_CHECK(precision >= kHyperLogLogPrecisionMin && precision <= kHyperLogLogPrecisionMax);
  precision_ = precision;
  sorted_ = 0;
  sparse_.clear();
  dense_.clear();
}

void HyperLogLog::add(uint64_t hash) {
  uint32_t index = static_cast<uint32_t>(hash >> (64 - precision_));
  uint64_t rest = hash << precision_;
  int zeros = rest == 0 ? 64 - precision_ : std::countl_zero(rest);
  set(index, static_cast<uint8_t>(zeros + 1));
}

void HyperLogLog::set(uint32_t index, uint8_t rank) {
  if (!dense_.empty()) {
    dense_[index] = std::max(dense_[index], rank);
    return;
  }
  sparse_.push_back(index << 8 | rank);
  // A sparse entry takes 4 bytes, a dense register 1. However often estimate() puts entries in order in between, a full
  // sketch is looked at; and one that is nearly full afterwards becomes dense, so that this is not repeated at every add.
  const size_t room = (size_t{1} << precision_) / sizeof(uint32_t);
  const size_t added = sparse_.size() - sorted_;
  if (sparse_.size() <= room && (added < 32 || added < sorted_ / 4)) return;
  compact();
  if (sparse_.size() > room - room / 8) make_dense();
}

void HyperLogLog::compact() const {
  if (sorted_ == sparse_.size()) return;
  std::sort(sparse_.begin(), sparse_.end());
  size_t kept = 0;
  for (size_t i = 0; i < sparse_.size(); ++i) {
    bool last_of_index = i + 1 == sparse_.size() || (sparse_[i + 1] >> 8) != (sparse_[i] >> 8);
    if (last_of_index) sparse_[kept++] = sparse_[i];
  }
  sparse_.resize(kept);
  sorted_ = static_cast<uint32_t>(kept);
}

void HyperLogLog::make_dense() {
  if (!is_sparse()) return;
  dense_.assign(size_t{1} << precision_, 0);
  for (uint32_t entry : sparse_) {
    uint8_t& at = dense_[entry >> 8];
    at = std::max(at, static_cast<uint8_t>(entry));
  }
  sparse_ = {};
  sorted_ = 0;
}

void HyperLogLog::merge(const HyperLogLog& other) {
  TALLY_CHECK(precision_ == other.precision_);
  if (other.is_sparse()) {
    for (uint32_t entry : other.sparse_) set(entry >> 8, static_cast<uint8_t>(entry));
    return;
  }
  make_dense();
  kernels().raise(dense_.data(), other.dense_.data(), dense_.size());
}

void HyperLogLog::raise_all(std::span<const uint8_t> packed) {
  TALLY_CHECK(packed.size() == (size_t{6} << precision_) / 8);
  make_dense();
  kernels().raise_packed(dense_.data(), packed.data(), dense_.size());
}

uint8_t HyperLogLog::register_at(uint32_t index) const {
  if (!dense_.empty()) return dense_[index];
  compact();
  auto found = std::lower_bound(sparse_.begin(), sparse_.end(), index << 8);
  return found == sparse_.end() || *found >> 8 != index ? 0 : static_cast<uint8_t>(*found);
}

uint64_t HyperLogLog::estimate() const {
  const int q = 64 - precision_;
  const double m = static_cast<double>(uint64_t{1} << precision_);
  std::array<uint32_t, 66> count{};  // registers by value
  if (dense_.empty()) {
    compact();
    for (uint32_t entry : sparse_) ++count[entry & 0xFF];
    count[0] = (uint32_t{1} << precision_) - sorted_;
  } else {
    for (uint8_t value : dense_) ++count[value];
  }
  double z = m * tau(1 - count[static_cast<size_t>(q) + 1] / m);
  for (int k = q; k >= 1; --k) z = 0.5 * (z + count[static_cast<size_t>(k)]);
  z += m * sigma(count[0] / m);
  return static_cast<uint64_t>(std::llround(m * m / (2 * std::numbers::ln2 * z)));
}

}  // namespace tally
