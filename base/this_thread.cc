#include "base/this_thread.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>

namespace tally {

void name_this_thread(const char* name) {
  constexpr size_t kLongest = 15;
  (void)::pthread_setname_np(::pthread_self(), std::string(name).substr(0, kLongest).c_str());
}

// On Linux the nice value is a thread's own. 10 is a ninth of the weight of 0: it goes on, but hardly in anyone's way.
void give_way() { (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 10); }

}  // namespace tally
