// Writes that no signal breaks off. A write() to a terminal returns EINTR for any signal that is caught, even with room for
// all of it, and stdio takes that for a failure: text is lost, and ferror() stays set.
// Threads: any; whoever writes to one file takes turns.
#pragma once

#include <cstdio>
#include <memory>
#include <string_view>

namespace tally {

// Waits for as long as the reader takes. False: it failed, and errno says why.
bool write_whole(int file, std::string_view text);

// A stream of stdio that writes so, for a library that draws through stdio. Has a buffer, and leaves `file` open.
struct CloseStream {
  void operator()(std::FILE* stream) const { std::fclose(stream); }
};
using Stream = std::unique_ptr<std::FILE, CloseStream>;
Stream whole_stream(int file);  // null: no memory

}  // namespace tally
