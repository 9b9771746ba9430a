// What a thread tells the operating system of itself. Each call is about the calling thread; one that is refused changes nothing.
#pragma once

namespace tally {

// The name that top, perf and debuggers show. At most 15 characters; longer ones are cut.
void name_this_thread(const char* name);

// Gives way to other threads where processors are short: for work that nobody waits for. For good.
void give_way();

}  // namespace tally
