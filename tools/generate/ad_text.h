// Spells the codes of an AdEvent: a17, c171, g514, k1712, p42, DE, DE-3, phone, android, u1234567. Views into the object
// itself, valid until the next spell(). Nothing is allocated per event. Threads: one at a time.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "tools/generate/ad_profile.h"

namespace tally {

class AdText {
 public:
  void spell(const AdEvent& event);

  std::string_view id() const { return {id_.data(), id_.size()}; }
  std::string_view event_type() const { return event_type_; }
  std::string_view advertiser() const { return advertiser_.view(); }
  std::string_view campaign() const { return campaign_.view(); }
  std::string_view ad_group() const { return ad_group_.view(); }
  std::string_view creative() const { return creative_.view(); }
  std::string_view publisher() const { return publisher_.view(); }
  std::string_view country() const { return country_; }
  std::string_view region() const { return region_.view(); }
  std::string_view device() const { return device_; }
  std::string_view os() const { return os_; }
  std::string_view user() const { return user_.view(); }

 private:
  struct Name {
    std::array<char, 15> text{};
    uint8_t size = 0;
    void set(char letter, uint64_t number);
    std::string_view view() const { return {text.data(), size}; }
  };

  std::array<char, 36> id_{};
  std::string_view event_type_, country_, device_, os_;
  Name advertiser_, campaign_, ad_group_, creative_, publisher_, region_, user_;
};

// ISO 3166 alpha-2, by code; the first are the ones with the most traffic.
std::string_view ad_country(uint8_t code);

}  // namespace tally
