#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/io_queues.h"
#include "base/posix_file.h"

namespace tally::posix {
namespace {

class PwriteQueue final : public IoQueue {
 public:
  explicit PwriteQueue(unsigned depth) : depth_(depth) {}

  std::string_view name() const override { return "pwrite"; }
  size_t in_flight() const override { return done_.size(); }

  // One pwrite, so that a short transfer reaches the caller as it would from io_uring.
  Status submit_write(File& file, uint64_t offset, ByteSpan bytes, uint64_t tag) override {
    TALLY_TRY(check_depth());
    int fd = dynamic_cast<PosixFile&>(file).descriptor();
    ssize_t put;
    do {
      put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    } while (put < 0 && errno == EINTR);
    if (put < 0) {
      done_.push_back({tag, 0, failed("write", file.path(), errno)});
    } else {
      done_.push_back({tag, static_cast<size_t>(put), {}});
    }
    return {};
  }

  Status submit_sync_data(File& file, uint64_t tag) override {
    TALLY_TRY(check_depth());
    done_.push_back({tag, 0, file.sync_data()});
    return {};
  }

  Status reap(bool /*wait*/, std::vector<Completion>& out) override {
    std::move(done_.begin(), done_.end(), std::back_inserter(out));
    done_.clear();
    return {};
  }

 private:
  Status check_depth() const {
    if (done_.size() < depth_) return {};
    return fail(Code::kInternal, "more than " + std::to_string(depth_) + " requests in flight");
  }

  const unsigned depth_;
  std::vector<Completion> done_;
};

}  // namespace

std::unique_ptr<IoQueue> make_pwrite_queue(unsigned depth) { return std::make_unique<PwriteQueue>(depth); }

}  // namespace tally::posix
