// A configuration of hostile bytes: it is read, or refused with file and line.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "server/settings.h"
#include "server/settings_toml.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tally;
  const std::string_view text = as_text({data, size});
  (void)parse_setting_duration(text);
  (void)parse_setting_bytes(text);
  auto settings = parse_settings_toml("x.toml", text);
  if (!settings && !settings.error().message.starts_with("x.toml:")) std::abort();
  return 0;
}
