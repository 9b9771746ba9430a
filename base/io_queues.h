// The two ways the machine's disk takes queued requests. FileSystem::make_io_queue() chooses; nobody else includes this.
#pragma once

#include "base/file.h"

namespace tally::posix {

// io_uring. kUnsupported where the kernel has none, forbids it (seccomp, sysctl kernel.io_uring_disabled) or lacks an
// operation that is needed.
Result<std::unique_ptr<IoQueue>> make_uring_queue(unsigned depth);

// pwrite and fdatasync: a request is complete when its submit returns.
std::unique_ptr<IoQueue> make_pwrite_queue(unsigned depth);

}  // namespace tally::posix
