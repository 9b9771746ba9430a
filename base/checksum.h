// XXH3 checksums (xxHash 0.8, Yann Collet), the one checksum of every format and frame, and XXH3 as a hash with a seed.
// A checksum finds accidents, not attackers; where a hash must resist one, engine/id_hash.h has the keyed one.
#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.h"

namespace tally {

uint64_t xxh3(ByteSpan bytes, uint64_t seed = 0);

// The checksum of bytes that come in pieces; equal to xxh3() of them joined.
class Xxh3Stream {
 public:
  Xxh3Stream();
  ~Xxh3Stream();
  Xxh3Stream(Xxh3Stream&&) noexcept;
  Xxh3Stream& operator=(Xxh3Stream&&) noexcept;

  void update(ByteSpan bytes);
  uint64_t digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tally
