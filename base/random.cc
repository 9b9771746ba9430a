#include "base/random.h"

#include <sys/random.h>
#include <cerrno>

namespace tally {
namespace {

thread_local Random* seeded = nullptr;

}  // namespace

SeededRandomScope::SeededRandomScope(uint64_t seed) : random_(seed), outer_(seeded) { seeded = &random_; }
SeededRandomScope::~SeededRandomScope() { seeded = outer_; }

void random_bytes(MutableByteSpan out) {
  if (seeded != nullptr) return seeded->fill(out);
  while (!out.empty()) {
    ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    TALLY_CHECK(got > 0);
    out = out.subspan(static_cast<size_t>(got));
  }
}

uint64_t random_u64() {
  uint64_t value = 0;
  random_bytes({reinterpret_cast<uint8_t*>(&value), sizeof value});
  return value;
}

std::array<uint8_t, 16> random_uuid() {
  std::array<uint8_t, 16> uuid{};
  random_bytes(uuid);
  uuid[6] = static_cast<uint8_t>((uuid[6] & 0x0F) | 0x40);
  uuid[8] = static_cast<uint8_t>((uuid[8] & 0x3F) | 0x80);
  return uuid;
}

}  // namespace tally
