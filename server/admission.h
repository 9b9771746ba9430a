// Who is connected, and whether one more is let in: so many in all, so many of them that have not said HELLO yet (C7), so many
// from one address (C8). Those that are told why they are not let in are counted apart and take nobody's place.
// Invariants: admitted = sum over addresses; silent <= admitted. Every question and every change costs the same however many
// there are.
// Threads: one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tally {

class Admission {
 public:
  struct Limits {
    uint64_t connections = 0;
    uint64_t silent = 0;
    uint64_t per_address = 0;
  };
  explicit Admission(const Limits& limits) : limits_(limits) {}

  // Why one more from there is not let in; nullopt: it is.
  std::optional<std::string> refusal(std::string_view address) const;
  void admit(uint64_t id, std::string_view address);
  void refuse(uint64_t id);  // it is told why, and then leaves
  // Of an id that is not here, or a second time: nothing.
  void said_hello(uint64_t id);
  void gone(uint64_t id);

  uint64_t admitted() const { return connections_.size() - refused_; }
  uint64_t silent() const { return silent_; }
  uint64_t refused() const { return refused_; }
  uint64_t from(std::string_view address) const;

 private:
  using Counts = std::unordered_map<std::string, uint64_t>;
  struct Connection {
    Counts::value_type* address = nullptr;  // nullptr: refused
    bool silent = false;
  };

  const Limits limits_;
  Counts by_address_;  // of the admitted; none is 0
  std::unordered_map<uint64_t, Connection> connections_;
  uint64_t silent_ = 0;
  uint64_t refused_ = 0;
};

// What connections are counted by: an IPv4 address as it is (one that is written as IPv6, too), of an IPv6 address the network of 64
// bits, since a host may have all of them. "127.0.0.1", "2001:db8:1:2::/64".
std::string counted_address(std::string_view address);

}  // namespace tally
