// What a client says when the other end does not answer HELLO as a server does. Threads: any.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/status.h"

namespace tally {

// `reason` empty: nothing came for as long as was waited.
inline Error no_welcome(const std::string& address, TimeUs waited_us, const std::string& reason) {
  std::string text = "no WELCOME from " + address;
  if (reason.empty()) {
    const bool whole = waited_us % kMicrosPerSecond == 0;
    text += " within " +
            (whole ? std::to_string(waited_us / kMicrosPerSecond) + " s" : std::to_string(waited_us / 1000) + " ms");
  } else {
    text += " (" + reason + ")";
  }
  return {Code::kIoError, text + ": is this the --tcp address?"};
}

}  // namespace tally
