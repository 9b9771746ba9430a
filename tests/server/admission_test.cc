// Who is let in: limits of connections told by ids and addresses, without a socket.
#include "server/admission.h"

#include <doctest/doctest.h>

#include <map>
#include <vector>

#include "base/random.h"
#include "tests/support/seed.h"

namespace tally {
namespace {

bool comes(Admission& door, uint64_t id, const char* address) {
  if (door.refusal(address)) return false;
  door.admit(id, address);
  return true;
}

TEST_CASE("admission: silent connections are counted apart, until they speak or go") {
  Admission door({.connections = 10, .silent = 2, .per_address = 10});
  CHECK(comes(door, 1, "a"));
  CHECK(comes(door, 2, "a"));
  CHECK_FALSE(comes(door, 3, "b"));
  CHECK(door.refusal("b")->find("limits.silent_connections") != std::string::npos);
  door.said_hello(1);
  door.said_hello(1);  // again: nothing
  CHECK(comes(door, 3, "b"));
  CHECK(door.silent() == 2);
  door.gone(2);  // without a word
  CHECK(door.silent() == 1);
  door.gone(1);
  CHECK(door.silent() == 1);
  CHECK(door.admitted() == 1);
}

TEST_CASE("admission: one address does not take what is there for all") {
  Admission door({.connections = 10, .silent = 10, .per_address = 3});
  for (uint64_t id = 1; id <= 3; ++id) CHECK(comes(door, id, "10.0.0.1"));
  CHECK(door.refusal("10.0.0.1").value() == "too many connections from 10.0.0.1 (limits.connections_per_address)");
  CHECK(comes(door, 4, "10.0.0.2"));
  door.gone(2);
  CHECK(comes(door, 5, "10.0.0.1"));
  CHECK(door.from("10.0.0.1") == 3);
}

TEST_CASE("admission: those that are told why they are not let in take nobody's place") {
  Admission door({.connections = 2, .silent = 2, .per_address = 2});
  CHECK(comes(door, 1, "a"));
  CHECK(comes(door, 2, "a"));
  for (uint64_t id = 3; id < 40; ++id) door.refuse(id);
  CHECK(door.refused() == 37);
  door.said_hello(1);
  door.gone(2);
  CHECK(comes(door, 50, "a"));
  for (uint64_t id = 3; id < 40; ++id) door.gone(id);
  CHECK(door.refused() == 0);
  CHECK(door.admitted() == 2);
}

TEST_CASE("admission: whatever comes, speaks and goes, the counts are those of a list") {
  const uint64_t seed = test_seed(1);
  CAPTURE(seed);
  Random random(seed);
  Admission door({.connections = 40, .silent = 15, .per_address = 12});
  struct One {
    const char* address;
    bool silent;
  };
  constexpr const char* kAddresses[] = {"a", "b", "c", "d"};
  std::map<uint64_t, One> list;
  for (uint64_t id = 1; id < 20'000; ++id) {
    const char* address = kAddresses[random.below(4)];
    uint64_t silent = 0, same = 0;
    for (const auto& [known, one] : list) {
      silent += one.silent ? 1 : 0;
      same += one.address == address ? 1 : 0;
    }
    const bool welcome = list.size() < 40 && silent < 15 && same < 12;
    REQUIRE(door.refusal(address).has_value() != welcome);
    if (welcome) {
      door.admit(id, address);
      list.emplace(id, One{address, true});
    }
    const uint64_t other = id - random.below(60);  // mostly one that is not there
    if (random.below(2) == 0) {
      door.said_hello(other);
      if (const auto found = list.find(other); found != list.end()) found->second.silent = false;
    } else {
      door.gone(other);
      list.erase(other);
    }
  }
  for (const auto& [id, one] : list) door.gone(id);
  CHECK(door.admitted() == 0);
  CHECK(door.silent() == 0);
  for (const char* address : kAddresses) CHECK(door.from(address) == 0);
}

TEST_CASE("admission: what connections are counted by") {
  const std::pair<const char*, const char*> cases[] = {{"127.0.0.1", "127.0.0.1"},
                                                       {"::ffff:10.1.2.3", "10.1.2.3"},
                                                       {"::1", "::/64"},
                                                       {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
                                                       {"2001:db8:1:2::9", "2001:db8:1:2::/64"},
                                                       {"2001:db8:1:3::9", "2001:db8:1:3::/64"}};
  for (const auto& [address, counted] : cases) CHECK(counted_address(address) == counted);
}

}  // namespace
}  // namespace tally
