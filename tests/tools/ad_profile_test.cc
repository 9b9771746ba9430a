#include "tools/generate/ad_profile.h"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <vector>

#include "tools/generate/ad_text.h"
#include "tools/generate/row_counter.h"

namespace tally {
namespace {

constexpr TimeUs kStart = 19'000 * kMicrosPerDay;

std::vector<AdEvent> events_of(AdProfileOptions options) {
  if (options.start_us == 0) options.start_us = kStart;
  AdProfile profile(options);
  std::vector<AdEvent> events;
  AdEvent event;
  while (profile.next(event)) events.push_back(event);
  return events;
}

bool same(const AdEvent& a, const AdEvent& b, TimeUs shift) {
  AdText text_a, text_b;
  text_a.spell(a);
  text_b.spell(b);
  return a.event_us + shift == b.event_us && a.arrival_us + shift == b.arrival_us && text_a.id() == text_b.id() &&
         text_a.creative() == text_b.creative() && text_a.publisher() == text_b.publisher() &&
         text_a.region() == text_b.region() && text_a.os() == text_b.os() && text_a.user() == text_b.user() &&
         a.cost_micros == b.cost_micros && a.revenue_micros == b.revenue_micros && a.type == b.type;
}

TEST_CASE("ad profile: a seed gives the same events, on other days those of other days") {
  AdProfileOptions options{.events = 5'000, .days = 3, .seed = 7, .duplicate_percent = 3, .late_percent = 2};
  auto first = events_of(options);
  auto second = events_of(options);
  options.start_us = kStart + 10 * kMicrosPerDay;
  auto later = events_of(options);
  options.start_us = 0;
  options.seed = 8;
  auto other = events_of(options);
  REQUIRE(first.size() == second.size());
  REQUIRE(first.size() == later.size());
  size_t differ = 0;
  for (size_t i = 0; i < first.size(); ++i) {
    CHECK(same(first[i], second[i], 0));
    CHECK(same(first[i], later[i], 10 * kMicrosPerDay));
    if (i < other.size()) differ += first[i].id != other[i].id;
  }
  CHECK(differ > first.size() / 2);
}

TEST_CASE("ad profile: arrival is even and ordered, events are up to a minute older") {
  auto events = events_of({.events = 48'000, .days = 2, .seed = 1});
  REQUIRE(events.size() == 48'000);
  std::map<int64_t, int> by_hour;
  double delay = 0;
  for (size_t i = 0; i < events.size(); ++i) {
    if (i > 0) CHECK(events[i].arrival_us >= events[i - 1].arrival_us);
    TimeUs age = events[i].arrival_us - events[i].event_us;
    CHECK(age >= 0);
    CHECK(age <= 60 * kMicrosPerSecond);
    delay += static_cast<double>(age);
    ++by_hour[(events[i].arrival_us - kStart) / kMicrosPerHour];
  }
  CHECK(by_hour.size() == 48);
  for (auto [hour, count] : by_hour) CHECK(count == 1'000);
  CHECK(delay / 48'000 / 1e6 == doctest::Approx(2.0).epsilon(0.03));
}

TEST_CASE("ad profile: the rhythm has its peak in the evening and keeps the number") {
  auto events = events_of({.events = 24'000, .days = 2, .seed = 1, .rhythm = true});
  REQUIRE(events.size() == 24'000);
  std::map<int64_t, int> by_hour;
  for (const AdEvent& event : events) ++by_hour[(event.arrival_us - kStart) / kMicrosPerHour % 24];
  CHECK(by_hour[20] == doctest::Approx(1'600).epsilon(0.05));
  CHECK(by_hour[8] == doctest::Approx(400).epsilon(0.1));
}

TEST_CASE("ad profile: shares, skew and ranges") {
  constexpr uint64_t kEvents = 200'000;
  auto events = events_of({.events = kEvents, .days = 30, .seed = 1});
  std::map<AdEventType, double> types;
  std::map<uint16_t, double> advertisers, publishers;
  std::set<std::array<uint8_t, 16>> ids;
  std::map<uint16_t, std::set<uint8_t>> countries;
  double young_users = 0;
  for (const AdEvent& event : events) {
    types[event.type] += 100.0 / kEvents;
    advertisers[event.advertiser] += 100.0 / kEvents;
    publishers[event.publisher] += 100.0 / kEvents;
    countries[event.campaign].insert(event.country);
    ids.insert(event.id);
    young_users += event.user < kAdUsers / 2 ? 100.0 / kEvents : 0;
    CHECK(event.campaign / kAdCampaignsEach == event.advertiser);
    CHECK(event.ad_group == event.creative % kAdGroupsEach);
    CHECK((event.id[6] >> 4) == 4);
    CHECK((event.id[8] >> 6) == 2);
    CHECK(event.user < kAdUsers);
    CHECK(event.cost_micros > 0);
    CHECK((event.revenue_micros > 0) == (event.type == AdEventType::kConversion));
  }
  CHECK(ids.size() == kEvents);
  CHECK(types[AdEventType::kImpression] == doctest::Approx(94).epsilon(0.01));
  CHECK(types[AdEventType::kClick] == doctest::Approx(5).epsilon(0.05));
  CHECK(types[AdEventType::kConversion] == doctest::Approx(1).epsilon(0.1));
  CHECK(advertisers[0] == doctest::Approx(12.2).epsilon(0.03));  // 1 / H(2000)
  CHECK(advertisers[1] == doctest::Approx(6.1).epsilon(0.05));
  CHECK(publishers[0] / publishers[1] == doctest::Approx(2.14).epsilon(0.05));  // 2^1.1
  CHECK(young_users == doctest::Approx(50).epsilon(0.03));  // permuted: the heavy users are everywhere
  for (auto& [campaign, seen] : countries) CHECK(seen.size() <= 8);
}

TEST_CASE("ad profile: resent events are whole, a little later, and as many as asked for") {
  auto events = events_of({.events = 50'000, .days = 1, .seed = 1, .duplicate_percent = 4});
  std::map<std::array<uint8_t, 16>, AdEvent> first;
  uint64_t resent = 0;
  TimeUs last = 0;
  for (const AdEvent& event : events) {
    CHECK(event.arrival_us >= last);
    last = event.arrival_us;
    if (!event.resent) {
      first[event.id] = event;
      continue;
    }
    ++resent;
    REQUIRE(first.contains(event.id));
    AdEvent original = first[event.id];
    TimeUs later = event.arrival_us - original.arrival_us;
    CHECK(later <= 10 * kMicrosPerMinute);
    original.arrival_us += later;
    CHECK(same(original, event, 0));
  }
  CHECK(first.size() == 50'000);
  CHECK(resent == doctest::Approx(2'000).epsilon(0.1));
}

TEST_CASE("ad profile: late events arrive hours after they happened") {
  auto events = events_of({.events = 50'000, .days = 2, .seed = 1, .late_percent = 5});
  uint64_t late = 0;
  for (const AdEvent& event : events) {
    TimeUs age = event.arrival_us - event.event_us;
    late += age > kMicrosPerHour;
    CHECK((age <= kMicrosPerMinute || age >= kMicrosPerHour));
  }
  CHECK(events.size() == 50'000);
  CHECK(late == doctest::Approx(2'500).epsilon(0.1));
}

// Measured once. 50 M events over 30 days are the benchmark's affair (./dev bench profile); a change of the profile that
// would spoil those shows here.
TEST_CASE("ad profile: the rows that a day of half its usual traffic makes") {
  AdProfileOptions options{.events = 833'333, .days = 1, .seed = 1, .start_us = kStart};
  AdProfile profile(options);
  RowCounter counter;
  AdEvent event;
  while (profile.next(event)) counter.add(event);
  const double expected[] = {832'959, 816'259, 730'188, 186'742, 51'867, 19'683};
  auto grains = counter.finish();
  for (size_t i = 0; i < RowCounter::kGrains; ++i) {
    CAPTURE(grains[i].name);
    CHECK(static_cast<double>(grains[i].rows) == doctest::Approx(expected[i]).epsilon(0.005));
  }
}

TEST_CASE("ad profile: text") {
  AdEvent event;
  event.id = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0x4d, 0xef, 0x80, 0, 0, 0, 0, 0, 0, 0xff};
  event.campaign = 171;
  event.advertiser = 17;
  event.creative = 2;
  event.ad_group = 2;
  event.country = 5;
  event.region = 2;
  event.user = 1'234'567;
  event.type = AdEventType::kClick;
  AdText text;
  text.spell(event);
  CHECK(text.id() == "01234567-89ab-4def-8000-0000000000ff");
  CHECK(text.advertiser() == "a17");
  CHECK(text.campaign() == "c171");
  CHECK(text.ad_group() == "g515");
  CHECK(text.creative() == "k1712");
  CHECK(text.publisher() == "p0");
  CHECK(text.country() == "DE");
  CHECK(text.region() == "DE-3");
  CHECK(text.user() == "u1234567");
  CHECK(text.event_type() == "click");
  CHECK(text.device() == "phone");
  std::set<std::string_view> countries;
  for (uint32_t i = 0; i < kAdCountries; ++i) countries.insert(ad_country(static_cast<uint8_t>(i)));
  CHECK(countries.size() == kAdCountries);
}

TEST_CASE("ad profile: options out of range are named") {
  CHECK(AdProfile::check({}).has_value());
  CHECK(AdProfile::check({.events = 0}).error().message.find("--events") == 0);
  CHECK(AdProfile::check({.days = 0}).error().message.find("--days") == 0);
  CHECK(AdProfile::check({.duplicate_percent = 101}).error().message.find("--dup") == 0);
  CHECK(AdProfile::check({.late_percent = -1}).error().message.find("--late") == 0);
}

}  // namespace
}  // namespace tally
