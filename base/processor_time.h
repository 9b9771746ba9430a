// What a thread has taken of a processor, for figures that hold beside other work.
#pragma once

#include "base/clock.h"

namespace tally {

// Of the calling thread, since it began.
TimeUs thread_processor_us();

}  // namespace tally
