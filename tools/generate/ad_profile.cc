#include "tools/generate/ad_profile.h"

#include <cmath>
#include <numbers>
#include <queue>
#include <vector>

#include "base/random.h"
#include "tools/generate/ad_world.h"

namespace tally {

namespace {

constexpr double kDelayMeanUs = 2.0 * kMicrosPerSecond;
constexpr TimeUs kDelayMaxUs = 60 * kMicrosPerSecond;
constexpr double kResendMeanUs = 60.0 * kMicrosPerSecond;
constexpr TimeUs kResendMaxUs = 10 * kMicrosPerMinute;
constexpr double kLatenessMeanUs = 3.0 * kMicrosPerHour;
constexpr TimeUs kLatenessMaxUs = kMicrosPerDay;

// The time of day by which each 1,440th of a day's events has arrived, in a rhythm of 1 + 0.6 cos around 20:00.
class Rhythm {
 public:
  Rhythm() : quantiles_(kSteps + 1) {
    constexpr double kDay = static_cast<double>(kMicrosPerDay);
    double low = 0;
    for (uint32_t i = 0; i <= kSteps; ++i) {
      double wanted = static_cast<double>(i) / kSteps, high = 1;
      for (int round = 0; round < 60; ++round) {
        double middle = (low + high) / 2;
        (share_before(middle) < wanted ? low : high) = middle;
      }
      quantiles_[i] = static_cast<TimeUs>(low * kDay);
    }
    quantiles_[kSteps] = kMicrosPerDay;
  }
  TimeUs warp(TimeUs even) const {
    TimeUs day = even / kMicrosPerDay * kMicrosPerDay;
    TimeUs within = even - day;
    size_t step = static_cast<size_t>(within / kStepUs);
    TimeUs part = within % kStepUs;
    return day + quantiles_[step] + (quantiles_[step + 1] - quantiles_[step]) * part / kStepUs;
  }

 private:
  static constexpr uint32_t kSteps = 1'440;
  static constexpr TimeUs kStepUs = kMicrosPerDay / kSteps;
  // The integral of 1 + 0.6 cos(2 pi (x - 20/24)).
  static double share_before(double x) {
    constexpr double kTurn = 2 * std::numbers::pi, kPeak = 20.0 / 24;
    return x + 0.6 / kTurn * (std::sin(kTurn * (x - kPeak)) + std::sin(kTurn * kPeak));
  }
  std::vector<TimeUs> quantiles_;
};

struct LaterArrival {
  bool operator()(const AdEvent& a, const AdEvent& b) const { return a.arrival_us > b.arrival_us; }
};

}  // namespace

struct AdProfile::Impl {
  explicit Impl(const AdProfileOptions& given)
      : options(given), world(given.seed), random(Random(given.seed).fork(2)), fate(Random(given.seed).fork(3)) {
    user_offset = random.below(kAdUsers);
  }

  TimeUs even_arrival(uint64_t number) const {
    const TimeUs span_us = options.minutes > 0 ? options.minutes * kMicrosPerMinute : options.days * kMicrosPerDay;
    auto span = static_cast<unsigned __int128>(span_us);
    return static_cast<TimeUs>(span * number / options.events);
  }
  static TimeUs exponential(Random& from, double mean_us, TimeUs max_us) {
    double value = -std::log(1 - from.uniform()) * mean_us;
    return value < static_cast<double>(max_us) ? static_cast<TimeUs>(value) : max_us;
  }
  bool chance_percent(double percent) { return percent > 0 && fate.uniform() * 100 < percent; }

  void make(uint64_t number, AdEvent& event);
  void draw_id(AdEvent& event);
  uint32_t draw_user();
  void resend_later(const AdEvent& event);

  AdProfileOptions options;
  AdWorld world;
  Random random;  // what happens
  Random fate;    // what becomes of it on the way: so that resends and delays change no event
  Rhythm rhythm;
  uint64_t user_offset = 0;
  uint64_t made = 0;
  AdEvent fresh;
  bool have_fresh = false;
  // Late and resent events until they are due. It grows to the busiest moment and stays there.
  std::priority_queue<AdEvent, std::vector<AdEvent>, LaterArrival> waiting;
};

void AdProfile::Impl::draw_id(AdEvent& event) {
  store_le(event.id.data(), random.next());
  store_le(event.id.data() + 8, random.next());
  event.id[6] = static_cast<uint8_t>((event.id[6] & 0x0F) | 0x40);
  event.id[8] = static_cast<uint8_t>((event.id[8] & 0x3F) | 0x80);
}

uint32_t AdProfile::Impl::draw_user() {
  double u = random.uniform();
  auto rank = static_cast<uint64_t>(kAdUsers * (u * u * std::sqrt(u)));
  // 6,180,341 shares no factor with 10,000,000: a permutation, so that neighbours in rank are not in number.
  return static_cast<uint32_t>((rank * 6'180'341 + user_offset) % kAdUsers);
}

void AdProfile::Impl::make(uint64_t number, AdEvent& event) {
  TimeUs arrival = even_arrival(number);
  if (options.rhythm) arrival = rhythm.warp(arrival);
  event.arrival_us = options.start_us + arrival;
  event.event_us = event.arrival_us - exponential(random, kDelayMeanUs, kDelayMaxUs);
  draw_id(event);
  event.user = draw_user();
  world.draw(random, event);
}

void AdProfile::Impl::resend_later(const AdEvent& event) {
  AdEvent again = event;
  again.resent = true;
  again.arrival_us += exponential(fate, kResendMeanUs, kResendMaxUs);
  waiting.push(again);
}

Status AdProfile::check(const AdProfileOptions& options) {
  auto percent = [](double value) { return value >= 0 && value <= 100; };
  if (options.events == 0) return fail(Code::kInvalidArgument, "--events must be at least 1");
  if (options.days == 0 || options.days > 36'500) {
    return fail(Code::kInvalidArgument, "--days must be between 1 and 36500");
  }
  if (!percent(options.duplicate_percent)) {
    return fail(Code::kInvalidArgument, "--dup is a percentage: 0 to 100");
  }
  if (!percent(options.late_percent)) {
    return fail(Code::kInvalidArgument, "--late is a percentage: 0 to 100");
  }
  return {};
}

AdProfile::AdProfile(const AdProfileOptions& options) : impl_(std::make_unique<Impl>(options)) {}
AdProfile::~AdProfile() = default;

bool AdProfile::next(AdEvent& event) {
  Impl& self = *impl_;
  while (!self.have_fresh && self.made < self.options.events) {
    self.make(self.made++, self.fresh);
    if (!self.chance_percent(self.options.late_percent)) {
      self.have_fresh = true;
      break;
    }
    self.fresh.arrival_us += kMicrosPerHour + self.exponential(self.fate, kLatenessMeanUs, kLatenessMaxUs);
    self.waiting.push(self.fresh);
  }
  bool from_waiting =
      !self.waiting.empty() && (!self.have_fresh || self.waiting.top().arrival_us <= self.fresh.arrival_us);
  if (!from_waiting && !self.have_fresh) return false;
  if (from_waiting) {
    event = self.waiting.top();
    self.waiting.pop();
  } else {
    event = self.fresh;
    self.have_fresh = false;
  }
  if (!event.resent && self.chance_percent(self.options.duplicate_percent)) {
    self.resend_later(event);
  }
  return true;
}

}  // namespace tally
