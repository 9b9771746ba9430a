// Generates the ad profile, counts the rows of several grains and compares them with what it must give; measures the speed
// of the generator on the way.
//
//   bench_profile [--events N] [--days D] [--seed S] [--dup P] [--late P] [--rhythm] [--speed]
//
// Exit code 1 when a count of 50 M events over 30 days is off by more than 3 %.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/clock.h"
#include "tools/generate/ad_profile.h"
#include "tools/generate/row_counter.h"

namespace tally {
namespace {

struct Arguments {
  AdProfileOptions profile{.events = 50'000'000, .days = 30, .seed = 1, .start_us = 19'000 * kMicrosPerDay};
  bool speed_only = false;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  if (std::getenv("TALLY_BENCH_TINY") != nullptr) arguments.profile.events = 200'000;
  for (int i = 1; i < argc; ++i) {
    std::string_view name = argv[i];
    if (name == "--rhythm") {
      arguments.profile.rhythm = true;
    } else if (name == "--speed") {
      arguments.speed_only = true;
    } else if (i + 1 < argc) {
      const char* value = argv[++i];
      if (name == "--events") arguments.profile.events = std::strtoull(value, nullptr, 10);
      if (name == "--days") arguments.profile.days = static_cast<uint32_t>(std::strtoul(value, nullptr, 10));
      if (name == "--seed") arguments.profile.seed = std::strtoull(value, nullptr, 10);
      if (name == "--dup") arguments.profile.duplicate_percent = std::strtod(value, nullptr);
      if (name == "--late") arguments.profile.late_percent = std::strtod(value, nullptr);
    }
  }
  return arguments;
}

uint64_t measure_speed(const AdProfileOptions& options) {
  AdProfile profile(options);
  TimeUs begun = system_clock().boottime_us();
  AdEvent event;
  uint64_t events = 0, sum = 0;
  while (events < 5'000'000 && profile.next(event)) {
    ++events;
    sum += event.id[0];
  }
  double seconds = static_cast<double>(system_clock().boottime_us() - begun) / 1e6;
  std::printf("generator: %.1f M events/s (%llu events, check %llu)\n", static_cast<double>(events) / seconds / 1e6,
              static_cast<unsigned long long>(events), static_cast<unsigned long long>(sum % 256));
  return events;
}

bool compare(const AdProfileOptions& options) {
  AdProfile profile(options);
  RowCounter counter;
  AdEvent event;
  uint64_t events = 0;
  for (; profile.next(event); ++events) counter.add(event);
  bool comparable = options.events == 50'000'000 && options.days == 30;
  bool good = true;
  std::printf("%llu events over %u days, seed %llu\n", static_cast<unsigned long long>(events), options.days,
              static_cast<unsigned long long>(options.seed));
  std::printf("%-54s %12s %12s %8s\n", "rows of", "measured", "target", "off");
  for (const RowCounter::Grain& grain : counter.finish()) {
    std::printf("%-54.*s %12llu", static_cast<int>(grain.name.size()), grain.name.data(),
                static_cast<unsigned long long>(grain.rows));
    if (comparable) {
      double off = 100.0 * (static_cast<double>(grain.rows) / static_cast<double>(grain.rows_of_50_million) - 1);
      good = good && off >= -3 && off <= 3;
      std::printf(" %12llu %+7.2f%%", static_cast<unsigned long long>(grain.rows_of_50_million), off);
    }
    std::printf("\n");
  }
  return good;
}

}  // namespace
}  // namespace tally

int main(int argc, char** argv) {
  tally::Arguments arguments = tally::parse(argc, argv);
  if (tally::Status status = tally::AdProfile::check(arguments.profile); !status) {
    std::fprintf(stderr, "%s\n", status.error().message.c_str());
    return 2;
  }
  tally::measure_speed(arguments.profile);
  if (arguments.speed_only) return 0;
  return tally::compare(arguments.profile) ? 0 : 1;
}
