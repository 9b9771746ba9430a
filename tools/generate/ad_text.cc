#include "tools/generate/ad_text.h"

#include <charconv>

namespace tally {

namespace {

// Two letters each.
constexpr std::string_view kCountries =
    "USINBRIDGBDEJPFRMXCAPHTRVNRUITESKRTHPLARAUNLMYCOEGPKBDNGZASAADAEAFAGALAMAOATAZBA"
    "BBBEBFBGBHBIBJBNBOBSBTBWBYBZCDCFCGCHCICLCMCNCRCUCVCYCZDJDKDMDODZECEEERETFIFJFMGA"
    "GDGEGHGMGNGQGRGTGWGYHKHNHRHTHUIEILIQIRISJMJOKEKGKHKIKMKNKPKWKZLALBLCLILKLRLSLTLU"
    "LVLYMAMCMDMEMGMHMKMLMMMNMOMRMTMUMVMWMZNANENINONPNRNZOMPAPEPGPRPSPTPWPYQARORSRWSB"
    "SCSDSESGSISKSLSMSNSOSRSSSTSVSYSZTDTGTJTLTMTNTOTTTVTWTZUAUGUYUZVAVCVEVUWSYEZMZWAI";
static_assert(kCountries.size() == 2 * kAdCountries);

constexpr std::string_view kDevices[kAdDevices] = {"phone", "desktop", "tablet", "tv", "other"};
constexpr std::string_view kSystems[kAdSystems] = {"android", "ios",      "windows", "macos",
                                                   "linux",   "chromeos", "tizen",   "webos"};
constexpr std::string_view kEventTypes[] = {"impression", "click", "conversion"};

void spell_uuid(const std::array<uint8_t, 16>& id, std::array<char, 36>& out) {
  constexpr char kHex[] = "0123456789abcdef";
  size_t at = 0;
  for (size_t i = 0; i < id.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out[at++] = '-';
    out[at++] = kHex[id[i] >> 4];
    out[at++] = kHex[id[i] & 15];
  }
}

}  // namespace

std::string_view ad_country(uint8_t code) { return kCountries.substr(size_t{2} * code, 2); }

void AdText::Name::set(char letter, uint64_t number) {
  text[0] = letter;
  auto end = std::to_chars(text.data() + 1, text.data() + text.size(), number).ptr;
  size = static_cast<uint8_t>(end - text.data());
}

void AdText::spell(const AdEvent& event) {
  spell_uuid(event.id, id_);
  event_type_ = kEventTypes[static_cast<size_t>(event.type)];
  advertiser_.set('a', event.advertiser);
  campaign_.set('c', event.campaign);
  ad_group_.set('g', uint64_t{event.campaign} * kAdGroupsEach + event.ad_group);
  creative_.set('k', uint64_t{event.campaign} * kAdCreativesEach + event.creative);
  publisher_.set('p', event.publisher);
  country_ = ad_country(event.country);
  region_.text = {country_[0], country_[1], '-', static_cast<char>('1' + event.region)};
  region_.size = 4;
  device_ = kDevices[event.device];
  os_ = kSystems[event.os];
  user_.set('u', event.user);
}

}  // namespace tally
