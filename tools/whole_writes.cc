#include "tools/whole_writes.h"

#include <sys/types.h>
#include <unistd.h>

#include <cerrno>

namespace tally {

namespace {

// What a cookie is to stdio: the number of the file, carried in a pointer.
int file_of(void* cookie) { return static_cast<int>(reinterpret_cast<intptr_t>(cookie)); }

ssize_t write_cookie(void* cookie, const char* text, size_t size) {
  return write_whole(file_of(cookie), {text, size}) ? static_cast<ssize_t>(size)
                                                    : 0;  // 0 is a failure (fopencookie(3))
}

}  // namespace

bool write_whole(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(file, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    text.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

Stream whole_stream(int file) {
  void* cookie = reinterpret_cast<void*>(static_cast<intptr_t>(file));
  return Stream(
      ::fopencookie(cookie, "w", {.read = nullptr, .write = write_cookie, .seek = nullptr, .close = nullptr}));
}

}  // namespace tally
